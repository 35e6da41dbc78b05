"""play: against loops written by hand, to the last bit or to rounding."""

import copy
import math

import pytest
import torch
from games import Blob, Duel

from genus.core import Player
from genus.train import game
from genus.train.game import Average, play


def batches(rounds, rows=64, columns=4):
    return torch.randn(rounds, rows, columns, dtype=torch.float64)


def sgd(model, lr=0.05):
    return {name: torch.optim.SGD(p.parameters(), lr) for name, p in model.players().items()}


def by_hand(model, data, lr=0.05):
    """The same game with detaching written out, in the way of a script."""
    critic = torch.optim.SGD(model.critic.parameters(), lr)
    generator = torch.optim.SGD(model.generator.parameters(), lr)
    for number, x in enumerate(data):
        real, fake = x[:, :2], model.generator(x[:, 2:])
        critic.zero_grad()
        sum(model.critic_loss(real, fake.detach()).values()).backward()
        critic.step()
        if number % model.rounds == 0:
            generator.zero_grad()
            (-model.critic(model.generator(x[:, 2:])).mean()).backward()
            generator.step()
    return model


def test_the_game_is_the_one_written_by_hand():
    torch.set_default_dtype(torch.float64)
    model = Duel(rounds=3)
    twin, data = copy.deepcopy(model), batches(10)
    losses = list(play(model, [(x,) for x in data], sgd(model)))
    by_hand(twin, data)
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    assert model.passes == 10  # one generator pass a round, shared
    assert set(losses[0]) == {"critic/real", "critic/fake", "critic/penalty", "generator/fool"}
    assert set(losses[1]) == {"critic/real", "critic/fake", "critic/penalty"}


def test_start_says_who_plays():
    torch.set_default_dtype(torch.float64)
    model = Duel(rounds=3)
    (first,) = play(model, [(batches(1)[0],)], sgd(model), start=2)
    assert "generator/fool" not in first
    (first,) = play(model, [(batches(1)[0],)], sgd(model), start=3)
    assert "generator/fool" in first


@pytest.mark.parametrize("make", [Blob, Duel])
def test_accumulated_parts_make_the_same_move(make):
    torch.set_default_dtype(torch.float64)
    model = make()
    twin, data = copy.deepcopy(model), batches(6, columns=model.space.dims)
    whole = list(play(model, [(x,) for x in data], sgd(model)))
    parts = list(play(twin, [(x,) for x in data], sgd(twin), accumulate=4))
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    for a, b in zip(whole, parts, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            torch.testing.assert_close(a[name], b[name])


def test_parts_that_do_not_divide_are_refused():
    model = Blob().double()
    with pytest.raises(ValueError, match="accumulate is 3; it must divide the batch's 64 rows"):
        next(play(model, [(batches(1, columns=2)[0],)], sgd(model), accumulate=3))


def test_clip_bounds_each_players_step():
    torch.set_default_dtype(torch.float64)
    model = Blob()
    before = [p.clone() for p in model.parameters()]
    next(play(model, [(100 * batches(1, columns=2)[0],)], sgd(model, lr=1.0), clip=0.25))
    moved = torch.cat([(p - b).flatten() for p, b in zip(model.parameters(), before, strict=True)])
    assert moved.norm().item() == pytest.approx(0.25, rel=1e-4)


def test_autocast_computes_in_bfloat16():
    model = Duel()
    seen = []
    model.critic[0].register_forward_hook(lambda *a: seen.append(a[-1].dtype))
    next(play(model, [(torch.randn(8, 4),)], sgd(model), autocast=True))
    assert set(seen) == {torch.bfloat16}
    assert all(p.dtype == torch.float32 for p in model.parameters())


def test_players_and_optimizers_must_agree():
    model = Duel()
    with pytest.raises(
        ValueError, match=r"optimizers are for \['critic'\]; \['critic', 'generator'\] is wanted"
    ):
        next(play(model, [], {"critic": None}))


class Bounded(Blob):
    """A penalty on the mean in every third round by the same optimiser, and a bound after each move."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def bound(self):
        self.seen.append(torch.is_grad_enabled())
        self.mean.clamp_(max=0.25)

    def players(self):
        return {
            "model": Player([self], self.loss, after=self.bound),
            "lazy": Player([self], self.penalty, every=3, optimizer="model"),
        }

    def penalty(self, x):
        return {"mean": 3 * self.mean.square().sum()}


def test_what_follows_a_move_follows_each_and_has_no_gradient():
    torch.set_default_dtype(torch.float64)
    model = Bounded()
    for losses in play(model, [(x,) for x in 5 + batches(4, columns=2)], {"model": _sgd(model)}):
        assert (model.mean <= 0.25).all()
        assert "model/nll" in losses
    assert model.seen == [False] * 4


def test_players_that_share_an_optimiser_share_its_state():
    """Adam's moments take in the lazy player's gradients: the same as one Adam stepped by hand."""
    torch.set_default_dtype(torch.float64)
    model, data = Bounded(), batches(7, columns=2)
    twin = copy.deepcopy(model)
    ours = {"model": torch.optim.Adam(model.parameters(), lr=0.05)}
    theirs = torch.optim.Adam(twin.parameters(), lr=0.05)
    played = [set(losses) for losses in play(model, [(x,) for x in data], ours)]
    for number, x in enumerate(data):
        for loss in (twin.loss, twin.penalty)[: 1 + (number % 3 == 0)]:
            theirs.zero_grad()
            sum(loss(x).values()).backward()
            theirs.step()
            if loss == twin.loss:
                twin.mean.data.clamp_(max=0.25)
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)
    assert played == [{"model/nll", "lazy/mean"} if i % 3 == 0 else {"model/nll"} for i in range(7)]


def test_only_the_owner_of_the_same_weights_can_share_its_optimiser():
    model = Blob()
    other = torch.nn.Linear(2, 2)
    model.players = lambda: {
        "model": Player([model], model.loss),
        "lazy": Player([other], model.loss, optimizer="model"),
    }
    with pytest.raises(ValueError, match="lazy shares the optimiser of model, but owns other"):
        next(play(model, [], {"model": None}))
    model.players = lambda: {"lazy": Player([model], model.loss, optimizer="model")}
    with pytest.raises(ValueError, match="lazy shares the optimiser of model, which has none"):
        next(play(model, [], {}))


def _sgd(model):
    return torch.optim.SGD(model.parameters(), 0.05)


def test_average_is_the_recursion_and_copies_buffers():
    torch.set_default_dtype(torch.float64)
    model = torch.nn.BatchNorm1d(2)
    average = Average(model, 0.9)
    want = model.weight.detach().clone()
    for number in range(300):
        with torch.no_grad():
            model.weight.normal_()
            model.running_mean.normal_()
        average.update(number)
        decay = min(0.9, (1 + number) / (10 + number))
        want = decay * want + (1 - decay) * model.weight.detach()
    torch.testing.assert_close(average.model.weight.data, want)
    assert torch.equal(average.model.running_mean, model.running_mean)
    assert not average.model.weight.requires_grad


def test_an_average_of_many_weights_is_updated_in_every_fourth_round(monkeypatch):
    """By what the four rounds weigh; and in each of the first, and where it is a quick one."""
    monkeypatch.setattr(game, "LARGE", 1)
    model = Blob()
    slow, quick = Average(model, 0.99), Average(model, 0.9)
    wanted, fast = 0.0, 0.0
    for number in range(110):
        with torch.no_grad():
            model.mean.fill_(math.sin(number))
        slow.update(number)
        quick.update(number)
        decays = [min(0.99, (1 + n) / (10 + n)) for n in range(number - 3, number + 1)]
        if number < 100:
            wanted += (1 - decays[-1]) * (math.sin(number) - wanted)
        elif number in (103, 107):
            wanted += (1 - math.prod(decays)) * (math.sin(number) - wanted)
        fast += (1 - min(0.9, (1 + number) / (10 + number))) * (math.sin(number) - fast)
        assert float(slow.model.mean[0]) == pytest.approx(wanted, abs=1e-5)
        assert float(quick.model.mean[0]) == pytest.approx(fast, abs=1e-5)


def test_average_refuses_a_decay_of_one():
    with pytest.raises(ValueError, match=r"decay is 1.0; it must be in \[0, 1\)"):
        Average(Blob(), 1.0)
