"""AdaGAN: its stages, its weights from a perfect judge, and a run that resumes after a restart."""

import copy
from itertools import pairwise

import pytest
import torch
from laws import Rows
from torch import nn

from genus.adversarial import GAN, AdaGAN
from genus.adversarial.games.adagan import restart
from genus.adversarial.games.boosting import boosting_weights
from genus.core import Reals
from genus.nn import MLP
from genus.recipes import find
from genus.train.fit import Run, fit
from genus.train.game import play

PLANE = Reals((2,))


def adagan(components=3, rounds=2, beta=None, judge=None):
    torch.manual_seed(0)
    game = GAN(PLANE, MLP(2, 2, (8,)), MLP(2, 1, (8,)), 2)
    return AdaGAN(game, judge or MLP(2, 1, (8,)), components, rounds, beta)


def train(model, rounds):
    optimizers = {k: torch.optim.SGD(p.parameters(), 0.1) for k, p in model.players().items()}
    for _ in play(model, [(torch.randn(8, 2),)] * rounds, optimizers):
        yield copy.deepcopy(model.state_dict())


class Known(nn.Module):
    """A perfect judge: x_0 is how often the mixture makes a row."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return -self.scale * x[:, 0].log()


def test_stages_advance_and_what_is_put_away_stays():
    model = adagan()
    states = list(train(model, 8))
    assert [int(state["stage"]) for state in states] == [0, 1, 1, 2, 2, 2, 2, 2]
    key = "generator.0.weight"
    for now, then in pairwise(states):
        changed = not torch.equal(now[f"past.0.{key}"], then[f"past.0.{key}"])
        assert changed == (then["stage"] == 1 and now["stage"] == 0)
    assert not torch.equal(states[1][f"past.0.{key}"], states[1][f"game.{key}"])  # it started anew
    for name in ("0.weight", "0.bias"):
        assert torch.equal(states[1][f"verdict.{name}"], states[1][f"judge.{name}"])
        assert not torch.equal(states[2][f"verdict.{name}"], states[2][f"judge.{name}"])


def test_shares_are_uniform_by_default_and_sum_to_one():
    model = adagan(5, 1)
    for k, _ in enumerate(train(model, 4), 2):
        torch.testing.assert_close(model.shares(), torch.full((k,), 1 / k))
    model = adagan(3, 1, beta=0.25)
    list(train(model, 2))
    truth = torch.tensor([0.75 * 0.75, 0.75 * 0.25, 0.25])
    torch.testing.assert_close(model.shares(), truth)


def test_rows_are_drawn_by_the_weights_of_the_judges_ratio():
    model = adagan(3, 1, judge=Known())
    x = torch.rand(400, 2) * 3
    assert torch.equal(model.weights(x), torch.full((400,), 1 / 400))
    assert torch.equal(
        model.deal(x).game.x, x
    )  # the first component learns from the rows as they are
    model.stage += 1
    w = model.weights(x)
    torch.testing.assert_close(w, boosting_weights(x[:, 0], 0.5))
    torch.manual_seed(1)
    chosen = torch.cat([model.deal(x).game.x for _ in range(50)])[:, 0]
    truth = (w * x[:, 0]).sum()
    assert (chosen.mean() - truth).abs() < 5 * chosen.std() / len(chosen) ** 0.5
    assert (chosen.mean() - x[:, 0].mean()).abs() > 0.2  # and not as they come
    model.stage += 1
    torch.testing.assert_close(model.weights(x), boosting_weights(x[:, 0], 1 / 3))


def test_the_judge_scores_plain_rows_and_the_mixture():
    model = adagan()
    x, mixed, seen = torch.randn(8, 2), torch.randn(8, 2), torch.randn(8, 2)
    value = sum(model.judge_loss((seen, seen), x, mixed).values())
    cross = nn.functional.binary_cross_entropy_with_logits
    real, fake = model.judge(x), model.judge(mixed)
    truth = cross(real, torch.ones_like(real)) + cross(fake, torch.zeros_like(fake))
    torch.testing.assert_close(value, truth)


def test_the_plain_mixture_makes_the_same_rows():
    model = adagan()
    list(train(model, 5))
    model.eval()
    torch.manual_seed(3)
    x = model.sample(20)
    torch.manual_seed(3)
    assert torch.equal(model.mixture().sample(20), x)


def test_sampling_in_training_leaves_the_mode_as_it_was():
    model = adagan().train()
    model.sample(3)
    assert model.game.training
    assert model.game.generator.training
    assert not any(part.training for part in model.past)


def test_a_run_goes_on_over_the_start_of_a_component(tmp_path):
    torch.manual_seed(5)
    data = Rows(PLANE, None, (torch.randn(64, 2),))

    def run(rounds, out, resume=False):
        fit(adagan(), data, Run(rounds, batch=8, seed=1, out=out, resume=resume, device="cpu"))

    run(6, tmp_path / "straight")
    for rounds in (1, 3, 6):  # the components begin after 2 and 4 rounds
        run(rounds, tmp_path / "pieces", resume=rounds > 1)
    file = "model.safetensors"
    assert (tmp_path / "straight" / file).read_bytes() == (tmp_path / "pieces" / file).read_bytes()


def test_restarting_draws_each_layer_anew():
    net = MLP(2, 2, (8,))
    before = {k: v.clone() for k, v in net.state_dict().items()}
    torch.manual_seed(9)
    restart(net)
    assert all(not torch.equal(v, before[k]) for k, v in net.state_dict().items())
    torch.manual_seed(9)
    fresh = MLP(2, 2, (8,))
    assert all(torch.equal(v, fresh.state_dict()[k]) for k, v in net.state_dict().items())


@pytest.mark.parametrize(
    ("name", "value"), [("components", 0), ("rounds", 0), ("beta", 0.0), ("beta", 1.0)]
)
def test_numbers_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"AdaGAN: {name} is {value}"):
        adagan(**{name: value})


def test_the_recipe_wants_vectors():
    with pytest.raises(ValueError, match="adagan on digits: space is Pixels"):
        find("adagan")(data="digits")
