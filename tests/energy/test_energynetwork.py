"""EnergyNetwork: its chains and its constant against a grid, and what a bias in them would do."""

import math

import pytest
import torch
from torch import Tensor, nn

from genus.core import Bits, Reals, Refused
from genus.energy import EnergyNetwork
from genus.measure.likelihood.annealing import log_z, log_z_from_above


class Bumps(nn.Module):
    """Three bumps of unequal weight on a line."""

    def forward(self, x: Tensor) -> Tensor:
        centres, depths = torch.tensor([-1.5, 0.2, 1.4]).to(x), torch.tensor([2.0, 3.0, 1.0]).to(x)
        return -((-8 * (x - centres).square()).exp() * depths).sum(1, keepdim=True)


def small(**how) -> EnergyNetwork:
    model = EnergyNetwork(Reals((1,)), net=Bumps(), chains=4000, **how).double()
    model.stride.fill_(0.1)
    return model


def grid(model: EnergyNetwork, points: int = 4001) -> tuple[Tensor, Tensor, float]:
    """Points, their probabilities, and log Z."""
    x = torch.linspace(-8, 8, points, dtype=torch.float64)[:, None]
    with torch.no_grad():
        logs = -model.energy(x)
    return x[:, 0], logs.softmax(0), float(logs.logsumexp(0) + math.log(16 / (points - 1)))


def farthest(x: Tensor, model: EnergyNetwork) -> float:
    """Kolmogorov's distance of draws from the density."""
    points, chances, _ = grid(model)
    exact = chances.cumsum(0)
    share = torch.searchsorted(x.flatten().sort().values, points, right=True) / len(x)
    return float((share - exact).abs().max())


def test_chains_that_begin_at_exact_draws_stay_there():
    torch.manual_seed(0)
    model = small()
    points, chances, _ = grid(model)
    begun = points[chances.multinomial(20_000, replacement=True)][:, None]
    moved = model.moved(begun, 30)
    assert not torch.equal(moved, begun)
    assert farthest(moved, model) < 1.63 / 20_000**0.5  # of one in a hundred


def test_moves_that_are_all_taken_do_not(monkeypatch):
    """The liar: Langevin's steps without the chance."""
    torch.manual_seed(0)
    monkeypatch.setattr(torch, "rand_like", torch.zeros_like)
    model = small()
    points, chances, _ = grid(model)
    begun = points[chances.multinomial(20_000, replacement=True)][:, None]
    assert farthest(model.moved(begun, 30), model) > 2 * 1.63 / 20_000**0.5


def test_long_chains_from_anywhere_end_at_the_density():
    torch.manual_seed(1)
    model = small(burn_in=600)
    model.dreams.copy_(model.begun(4000))
    begun = model.dreams.clone()
    assert farthest(model.moved(begun, 600), model) < 1.63 / 4000**0.5
    assert farthest(begun, model) > 0.1


def test_annealing_finds_the_constant_of_a_grid():
    torch.manual_seed(2)
    model = small()
    exact = grid(model)[2]
    path = model.annealing_path(torch.zeros(1, 1).double())
    below = log_z(path, 300, 500)
    assert abs(below.value - exact) < 4 * below.error
    points, chances, _ = grid(model)
    draws = points[chances.multinomial(500, replacement=True)][:, None]
    above = log_z_from_above(path, draws, 300)
    assert abs(above.value - exact) < 4 * above.error


def test_the_gradient_is_that_of_the_likelihood():
    torch.manual_seed(3)
    model = EnergyNetwork(Reals((1,)), hidden=(8,), chains=60_000, steps=1).double()
    points, chances, _ = grid(model)
    model.dreams.copy_(points[chances.multinomial(60_000, replacement=True)][:, None])
    x = torch.randn(60_000, 1, dtype=torch.float64) * 0.5
    sum(model.loss(x).values()).backward()
    found = torch.cat([p.grad.flatten() for p in model.parameters()])
    cell = points[1] - points[0]
    logs = -model.energy(points[:, None])
    nll = model.energy(x).mean() + logs.logsumexp(0) + cell.log()
    wanted = torch.autograd.grad(nll, list(model.parameters()))
    wanted = torch.cat([g.flatten() for g in wanted])
    torch.testing.assert_close(found, wanted, rtol=0, atol=0.02 * float(wanted.norm()))


def test_the_stride_follows_the_share_of_moves_that_are_taken():
    torch.manual_seed(4)
    for begun in (0.003, 30.0):
        model = small(steps=600).train()
        model.stride.fill_(begun)
        model.dreamt(500)
        with torch.no_grad():
            before = model.sample(2000)
            after = model.moved(before, 1)
        taken = float((before != after).double().mean())
        assert 0.2 < taken < 0.85


def test_moves_are_as_long_in_each_column_as_the_data_are_wide():
    """In other units the same chain: as many moves are taken, and it goes as far."""
    units = torch.tensor([1e3, 1e-3], dtype=torch.float64)
    x = torch.randn(500, 2, dtype=torch.float64)
    ends = []
    for scale in (torch.ones(2, dtype=torch.float64), units):
        torch.manual_seed(6)
        model = EnergyNetwork(Reals((2,)), hidden=(8,), chains=200).double()
        model.prepare(x * scale)
        ends.append(model.moved(model.dreams, 20, adapts=True) / scale)
    torch.testing.assert_close(ends[0], ends[1])


def test_blurred_columns_of_one_value_have_a_density():
    torch.manual_seed(7)
    x = torch.randn(300, 2, dtype=torch.float64) * torch.tensor([1.0, 0.0])
    model = EnergyNetwork(Reals((2,)), hidden=(8,), chains=300, blur=0.1).double()
    model.prepare(x)
    torch.testing.assert_close(model.width[1].item(), 0.2)
    spread = model.dreams.std(0)
    assert 1.8 < float(spread[0]) < 2.2
    assert 0.17 < float(spread[1]) < 0.23
    moved = [model.loss(x)["data"].item() for _ in range(2)]
    assert moved[0] != moved[1]


def test_what_it_is_prepared_with_has_any_unit():
    torch.manual_seed(5)
    x = torch.randn(500, 2) * torch.tensor([1e3, 1e-3]) + torch.tensor([5e3, 0.0])
    model = EnergyNetwork(Reals((2,)))
    model.prepare(x)
    assert model.energy(x).isfinite().all()
    assert model.sample(10).isfinite().all()
    for flat in (x[:3] * 0, x[:1]):  # columns that never vary, and a single row
        model.prepare(flat)
        assert model.sample(10).isfinite().all()


def test_what_it_cannot_take_is_said():
    with pytest.raises(Refused, match="Reals are wanted"):
        EnergyNetwork(Bits((2,)))
    with pytest.raises(Refused, match="chains"):
        EnergyNetwork(Reals((2,)), chains=0)
    with pytest.raises(Refused, match="hidden: layers is 0"):
        EnergyNetwork(Reals((2,)), hidden=())
    with pytest.raises(Refused, match="fresh"):
        EnergyNetwork(Reals((2,)), fresh=1.5)
