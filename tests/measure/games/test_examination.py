"""Examination: figures by hand, and a run that does not notice that it is looked at."""

import copy
import json
import random
from dataclasses import replace

import pytest
import scipy.stats
import torch
from broken import few, vectors
from games import Duel
from laws import rows_for
from models import MODELS
from torch import nn

from genus.adversarial import DCGAN, GAN, BayesianGAN
from genus.core import Player, Reals
from genus.data import load
from genus.functional.adversarial.objectives import OBJECTIVES
from genus.functional.adversarial.penalties import Penalty, gradient_penalty
from genus.functional.adversarial.sides import sides
from genus.functional.densities.distances import energy_distance
from genus.measure import scores
from genus.measure.games.critics import accuracy, calibration_error
from genus.measure.games.examination import (
    Examination,
    adversarial,
    covered,
    memorised,
    of_each_class,
    outside,
    spread,
)
from genus.nn import MLP
from genus.train import artifact
from genus.train.fit import fit
from genus.train.keeping.state import kept
from genus.train.run import Examiner, Run
from genus.translation import Pix2Pix

LOGISTIC = {"minimax", "non_saturating", "boundary_seeking", "jensen_shannon", "f_gan"}


@pytest.fixture(scope="module")
def ring():
    return load("ring")


@pytest.fixture(scope="module")
def digits():
    return load("digits")


# --- looking changes nothing ------------------------------------------------------------------


class Moody(GAN):
    """All that a look could leave behind: spectral norms, dropout, a count of passes."""

    def __init__(self, space):
        generator, critic = MLP(2, 2, (8,), dropout=0.3), MLP(2, 1, (8,))
        super().__init__(space, generator, critic, 2, penalties=(Penalty(gradient_penalty, 1.0),))
        for layer in (generator, critic):
            nn.utils.parametrizations.spectral_norm(layer[0])
        self.passes = 0

    def hyperparameters(self):
        return {"space": self.space}

    def deal(self, x):
        self.passes += 1
        return super().deal(x)


def games(name):
    torch.manual_seed(3)
    digits, ring = load("digits"), load("ring")
    if name == "dcgan":
        return DCGAN(digits.space, 8, 8, 2), digits
    return (Moody(ring.space) if name == "moody" else vectors("ring")), ring


@pytest.mark.parametrize("name", ["moody", "dcgan"])
@pytest.mark.parametrize("ema", [None, 0.9])
def test_a_run_that_is_examined_is_the_same_run(name, ema, tmp_path):
    ends = []
    for look in (False, True):
        model, data = games(name)
        run = Run(
            rounds=12, batch=32, ema=ema, device="cpu", evaluate_every=3, out=tmp_path / f"{look}"
        )
        end = fit(model, data.train, run, evaluate=scores(data.validation) if look else None)
        state = kept(tmp_path / f"{look}" / "state.pt", torch.device("cpu")).state
        moments = artifact.digest(
            {
                f"{n}{i}{k}": v
                for n, o in state["optimizers"].items()
                for i, s in o["state"].items()
                for k, v in s.items()
            }
        )
        ends.append(
            (artifact.digest(end.state_dict()), artifact.digest(model.state_dict()), moments)
        )
    assert ends[0] == ends[1]


def test_a_run_that_goes_on_remembers_its_looks(tmp_path):
    """How far samples have moved, and whether they came back, is told as without a stop."""

    def told(parts, name):
        for rounds in parts:
            model, data = games("moody")
            plan = Run(rounds=rounds, batch=32, device="cpu", evaluate_every=3, out=tmp_path / name)
            fit(
                model,
                data.train,
                replace(plan, resume=rounds > parts[0]),
                evaluate=scores(data.validation),
            )
        lines = map(json.loads, (tmp_path / name / "metrics.jsonl").read_text().splitlines())
        return [
            {k: v for k, v in line.items() if k != "seconds"}
            for line in lines
            if line["event"] == "figures"
        ]

    whole, cut = told((12,), "whole"), told((6, 12), "cut")
    assert [line["round"] for line in whole] == [3, 6, 9, 12]
    assert all("game/returned" in line for line in whole[2:])
    assert cut == whole


def test_a_look_leaves_nothing_behind(ring):
    model, _ = games("moody")
    look = scores(ring.validation)
    before = copy.deepcopy(model.state_dict())
    torch.manual_seed(5)
    random.seed(5)
    streams = torch.get_rng_state(), random.getstate()
    model.eval()
    first = look.examine(model, ring.train)
    assert torch.equal(streams[0], torch.get_rng_state())
    assert streams[1] == random.getstate()
    assert artifact.digest(before) == artifact.digest(model.state_dict())
    assert model.passes == 0
    assert not model.training
    assert all(p.grad is None for p in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    torch.rand(7)
    again = scores(ring.validation).examine(model, ring.train)
    assert again == first  # noise of its own, the same each time


def test_only_games_of_two_sides_are_examined(ring):
    class Alone(GAN):
        def players(self):
            return {
                "model": Player([self.generator], lambda x, fake: {"l": (x - fake).square().mean()})
            }

    look = scores(ring.validation)
    assert isinstance(look, Examiner)
    assert look.examine(Alone(ring.space, MLP(2, 2), MLP(2, 1), 2), ring.train) == {}


# --- the critic -------------------------------------------------------------------------------


def test_accuracy_by_hand():
    assert accuracy(torch.tensor([1.0, 3.0]), torch.tensor([0.0, 2.0])) == 0.75
    assert accuracy(torch.tensor([1.0]), torch.tensor([1.0])) == 0.5


def test_calibration_of_honest_and_of_boastful_logits():
    n = 40_000
    logits = torch.randn(n, dtype=torch.float64)
    real = torch.rand(n, dtype=torch.float64) < logits.sigmoid()
    honest = calibration_error(logits[real], logits[~real])
    assert honest < 5 * 10 * 0.5 / (10 * n) ** 0.5  # ten bins, each with the error of a share
    boastful = calibration_error(5 * logits[real], 5 * logits[~real])
    mean = (
        ((5 * logits).sigmoid() - logits.sigmoid()).abs().mean().item()
    )  # of one sign in each bin
    assert boastful == pytest.approx(mean, abs=0.01)
    sure = calibration_error(torch.full((50,), 30.0), torch.full((50,), -30.0))
    assert sure == pytest.approx(0, abs=1e-9)
    assert calibration_error(torch.full((50,), -30.0), torch.full((50,), 30.0)) == pytest.approx(1)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_scores_are_judged_high_for_data(name):
    """What an objective's critic wants larger of real rows is high, whichever way that is."""
    torch.manual_seed(0)
    real, fake = torch.randn(40, 1) + 1, torch.randn(40, 1)
    found = sides(OBJECTIVES[name].critic, real, fake)
    sign = -1 if name == "energy_margin" else 1
    assert torch.equal(found.real, sign * real[:, 0].double())
    assert torch.equal(found.fake, sign * fake[:, 0].double())
    assert found.logits == (name in LOGISTIC)


def test_a_map_of_scores_counts_by_its_mean():
    real, fake = torch.randn(4, 1, 3, 3), torch.randn(5, 1, 3, 3)
    found = sides(OBJECTIVES["hinge"].critic, real, fake)
    assert torch.equal(found.real, real.double().flatten(1).mean(1))
    assert torch.equal(found.fake, fake.double().flatten(1).mean(1))


def test_gradients_are_the_players_own():
    model = Duel()
    unseen, train = torch.randn(64, 4), torch.randn(64, 4)
    found = Examination((unseen,), (train,), None, Reals((4,))).look(model)
    for name, player in model.players().items():
        dealt = model.deal(train)  # noise comes with the batch, so the game is the same
        loss = torch.stack([*player.loss(*dealt).values()]).sum()
        slopes = torch.autograd.grad(loss, player.parameters(), allow_unused=True)
        norm = torch.cat([g.flatten() for g in slopes if g is not None]).norm().item()
        assert found[f"gradient_{name}"] == pytest.approx(norm, rel=1e-4)
    own, other = found["gradient_generator"], found["gradient_critic"]
    assert found["strength"] == pytest.approx(own / (own + other))
    assert found["signal"] == pytest.approx(0.5)  # Wasserstein pulls everywhere alike
    real = model.critic(unseen[:, :2]).detach()
    made = model.critic(model.generator(unseen[:, 2:])).detach()
    assert "calibration" not in found
    # fake rows of the training batch and of the unseen one differ here; each side has its own
    assert found["accuracy"] == pytest.approx(accuracy(real[:, 0], made[:, 0]), abs=1e-6)


def test_signal_is_deaf_only_where_the_loss_saturates(ring):
    values = {}
    for name in ("minimax", "non_saturating", "wasserstein"):
        torch.manual_seed(0)
        model = vectors("ring", name)
        with torch.no_grad():
            model.generator[-1].bias.add_(5.0)
            model.critic[-1].weight.zero_()
            model.critic[-1].bias.zero_()
        with torch.no_grad():  # a critic that is 10 (2 - x_1 - x_2) in all
            model.critic = MLP(2, 1, ())
            model.critic[0].weight.fill_(-10.0)
            model.critic[0].bias.fill_(20.0)
        values[name] = scores(ring.validation).examine(model, ring.train)
    assert values["minimax"]["game/accuracy"] == 1
    assert values["minimax"]["game/signal"] < 1e-6
    assert values["non_saturating"]["game/signal"] > 0.999
    assert values["wasserstein"]["game/signal"] == pytest.approx(0.5)


def test_every_game_of_the_library_is_examined():
    """Whatever its objective and its graph; critics that are drawn, and not trained, give no scores."""
    seen = 0
    for name, make in MODELS.items():
        model = make()
        if not adversarial(model.players()):
            continue
        batch = tuple(x[:32] for x in rows_for(model).everything())
        found = Examination(batch, batch, None, model.space).look(model)
        assert found["diversity"] >= 0, name
        if not isinstance(model, BayesianGAN):
            assert 0 <= found["accuracy"] <= 1, name
        seen += 1
    assert seen > 8


# --- samples ----------------------------------------------------------------------------------


def test_energy_distance_is_scipys_squared_and_that_of_two_points():
    torch.set_default_dtype(torch.float64)
    a, b = torch.randn(50, 1), torch.randn(70, 1) * 2 + 1
    peer = scipy.stats.energy_distance(a[:, 0].numpy(), b[:, 0].numpy()) ** 2
    assert energy_distance(a, b).item() == pytest.approx(peer, rel=1e-9)
    assert energy_distance(torch.zeros(3, 2), torch.ones(4, 2)).item() == pytest.approx(2 * 2**0.5)
    assert energy_distance(a, a).item() == 0


def test_figures_of_classes_by_hand():
    """Three classes on a line: one sample of class 1 is in the place of class 2, and those of class 0 are one."""
    real = torch.tensor([[0.0], [2.0], [10.0], [14.0], [30.0]])
    fake = torch.tensor([[1.0], [1.0], [12.0], [29.0], [31.0]])
    found = of_each_class(fake, real, torch.tensor([0, 0, 4, 4, 7]))
    assert found["class_right"] == pytest.approx(4 / 5)
    assert found["class_right_real"] == 1
    assert found["class_diversity"] == pytest.approx((0 + 17 / 4) / 2)
    assert found["class_chance"] == pytest.approx(2 / 5)


def test_copies_are_told_from_new_rows(digits):
    train, unseen = digits.train.everything()[0].flatten(1), digits.test.everything()[0].flatten(1)
    new = digits.validation.everything()[0].flatten(1)
    assert memorised(train[:100], unseen, train) == 1
    assert memorised(new, unseen, train) < 0.15
    assert memorised(train[:100] + 0.01 * torch.randn(100, 64), unseen, train) == 1


def test_what_is_outside_and_what_is_covered():
    real = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    made = torch.tensor([[0.0, 1.9], [0.0, 2.1], [0.0, float("nan")], [0.0, 0.0]])
    assert outside(made, real) == 0.5
    assert spread(real) == 2
    kinds = torch.tensor([0] * 50 + [1] * 50 + [2] * 0)
    some = torch.tensor([0] * 96 + [1] * 4)
    assert covered(some, kinds, 3) == (1, 2)  # a tenth of a half is 5 of 100
    assert covered(torch.tensor([0] * 95 + [1] * 5), kinds, 3) == (2, 2)


def test_what_comes_back_is_told_from_what_goes_on():
    still = torch.randn(64, 2)

    def path(points):
        looker = Examination((still,), (still,), None, Reals((2,)))
        return [looker._movement(still + torch.tensor(p)).get("returned") for p in points]

    straight = path([(float(k), 0.0) for k in range(8)])
    assert straight[0] is None
    assert straight[1:] == [0] * 7
    turns = torch.arange(12) * torch.pi / 3
    circle = path([(2 * t.cos().item(), 2 * t.sin().item()) for t in turns])
    assert max(circle[1:4]) == 0  # on the way out
    far = energy_distance(still, still + torch.tensor([4.0, 0.0])).item() / spread(still)
    assert circle[6] == pytest.approx(far, rel=1e-4)  # once around, all the way
    settles = path([(2.0**-k, 0.0) for k in range(8)])
    assert max(settles[1:]) == 0


def test_figures_of_a_game_of_each_kind(ring, digits):
    toy = scores(ring.validation).examine(vectors("ring"), ring.train)
    assert toy["game/modes_real"] == 8
    assert "game/memorised" not in toy  # each batch is new
    images = scores(digits.validation).examine(DCGAN(digits.space, 8, 8, 2), few("digits", 64))
    assert images["game/classes_real"] == 10
    assert {"game/memorised", "game/diversity_seen", "game/calibration"} <= set(images)
    pairs = digits.coarse()
    model = Pix2Pix(pairs.space, pairs.context_space, 8)
    found = scores(pairs.validation).examine(model, pairs.train)
    assert {"game/accuracy", "game/calibration", "game/signal", "game/diversity"} <= set(found)


@pytest.mark.parametrize("packing", [2, 3])
def test_packed_critics_are_shown_whole_packs(ring, packing):
    critic = MLP(2 * packing, 1)
    model = GAN(ring.space, MLP(2, 2), critic, 2, packing=packing)
    assert 0 <= scores(ring.validation).examine(model, ring.train)["game/accuracy"] <= 1


def test_the_log_of_a_run_has_the_figures_of_its_game(ring, tmp_path):
    run = Run(rounds=4, batch=32, evaluate_every=2, ema=0.9, out=tmp_path / "x", device="cpu")
    fit(vectors("ring"), ring.train, run, evaluate=scores(ring.validation))
    log = (tmp_path / "x" / "metrics.jsonl").read_text()
    assert log.count('"game/accuracy"') == 2
    assert log.count('"energy_distance"') == 2
    assert log.count('"game/moved"') == 1
    assert (
        "game/" not in (tmp_path / "x" / "config.json").read_text()
    )  # the artifact is the model's
