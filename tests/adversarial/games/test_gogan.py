"""GoGAN: the losses of each stage by hand, and when a stage ends."""

import pytest
import torch
from torch.nn.functional import relu

from genus.adversarial import GoGAN
from genus.core import Pixels, Reals
from genus.functional.adversarial.penalties import Penalty, pulling_away, r1
from genus.nn import MLP
from genus.recipes.adversarial.gogan import gogan
from genus.train.game import play
from genus.train.run import Run


def gang(**arguments):
    length = arguments.pop("length", 3)
    return GoGAN(
        Reals((2,)), MLP(3, 2, (8,)), MLP(2, 1, (8,)), latent=3, length=length, **arguments
    )


def rounds(model, count, rows=8, start=0):
    optimizers = {
        name: torch.optim.SGD(player.parameters(), lr=0.05)
        for name, player in model.players().items()
    }
    batches = [(torch.randn(rows, 2),) for _ in range(count)]
    return list(play(model, batches, optimizers, start=start))


def test_losses_by_hand():
    torch.set_default_dtype(torch.float64)
    model = gang(margin=0.7, rank=0.3, penalties=(Penalty(r1, 2.0),))
    x, fake, earlier = torch.randn(3, 6, 2)
    r, f, e = (model.critic(rows) for rows in (x, fake, earlier))
    first = model.critic_loss(x, fake)
    assert set(first) == {"order", "r1"}
    torch.testing.assert_close(first["order"], relu(0.7 + f - r).mean())
    torch.testing.assert_close(first["r1"], 2 * r1(model.critic, x, fake))
    later = model.critic_loss(x, fake, earlier)
    torch.testing.assert_close(later["rank"], 0.3 * relu(1.4 + e - r).mean())
    torch.testing.assert_close(later["order"], first["order"])
    (fool,) = model.generator_loss(x, fake, earlier).values()
    torch.testing.assert_close(fool, -f.mean())


def test_a_gap_is_that_of_the_scores():
    """Where the generator has only one row to make, the gap is counted."""
    torch.set_default_dtype(torch.float64)
    model = gang()
    with torch.no_grad():
        model.generator[-1].weight.zero_()
    x = torch.randn(5, 2)
    fake = model.decode(torch.zeros(1, 3))
    expected = (model.critic(x).mean() - model.critic(fake).mean()).item()
    assert model.gap(x) == pytest.approx(expected)


def test_stages_end_when_they_should():
    model = gang(length=3, stages=2)
    assert not list(model.earlier.parameters())
    terms, generators = [], []
    for number in range(8):
        generators.append([p.clone() for p in model.generator.parameters()])
        stage = model.stage
        assert stage == (1 if number < 3 else 2)
        (losses,) = rounds(model, 1, start=number)
        terms.append("critic/rank" in losses)
    assert terms == [False] * 3 + [True] * 5
    # frozen after the third critic's move, before the generator's of that round: as round 2 began
    for frozen, then in zip(model.earlier.buffers(), generators[2], strict=True):
        assert torch.equal(frozen, then)
    assert all(
        not torch.equal(a, b)
        for a, b in zip(model.earlier.buffers(), model.generator.parameters(), strict=True)
    )


def test_a_stage_lives_in_the_state():
    model, twin = gang(length=2), gang(length=2)
    rounds(model, 5)
    twin.load_state_dict(model.state_dict())
    assert twin.stage == model.stage == 3
    z = torch.randn(4, 3)
    assert torch.equal(twin.earlier(z), model.earlier(z))


def test_without_ranking_it_is_one_long_stage():
    torch.manual_seed(0)
    model = gang(length=1, rank=0.0)
    assert all("critic/rank" not in losses for losses in rounds(model, 3))


def test_the_bound_holds_and_the_generator_waits():
    model = gang(bound=0.02, critic_rounds=3, length=100)
    losses = rounds(model, 4)
    assert ["generator/fool" in terms for terms in losses] == [True, False, False, True]
    assert all(p.abs().max() <= 0.02 for p in model.critic.parameters())
    assert max(p.abs().max() for p in model.generator.parameters()) > 0.02


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"length": 0}, "GoGAN: length is 0; at least 1 is wanted"),
        ({"stages": 0}, "GoGAN: stages is 0"),
        ({"critic_rounds": 0}, "GoGAN: critic_rounds is 0"),
        ({"rank": -1.0}, "GoGAN: rank is -1.0; at least 0 is wanted"),
        ({"bound": 0.0}, "GoGAN: bound is 0.0; it must be above 0"),
        ({"margin": 0.0}, "margin is 0.0; it must be above 0"),
        (
            {"penalties": (Penalty(pulling_away, 0.1, player="generator"),)},
            "GoGAN: pulling_away must be the critic's, in every round",
        ),
        ({"penalties": (Penalty(r1, 0.1, every=4),)}, "GoGAN: r1 must be the critic's"),
    ],
)
def test_what_is_no_gang_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        gang(**arguments)


def test_only_vectors_and_reals_are_taken():
    with pytest.raises(ValueError, match="GoGAN: space is Pixels"):
        GoGAN(Pixels((2,), 5), MLP(3, 2), MLP(2, 1), 3, 10)
    with pytest.raises(ValueError, match="gogan on digits: space is Pixels"):
        gogan("digits", run=Run(rounds=1, device="cpu"))


def test_recipe_plays_its_stages(tmp_path):
    run = Run(rounds=6, batch=8, device="cpu", out=tmp_path / "run", evaluate_every=6, log_every=2)
    model = gogan("ring", length=2, stages=3, margin=0.5, rank=0.2, weight=0.1, width=8, run=run)
    assert (model.stage, model.margin, model.rank) == (3, 0.5, 0.2)
    log = (tmp_path / "run" / "metrics.jsonl").read_text()
    assert '"gap"' in log
    assert "critic/rank" in log.splitlines()[-2]
