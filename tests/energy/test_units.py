"""Visible units of each kind, and chains at several temperatures, against counting and integration."""

import math
from itertools import product

import pytest
import torch
from laws import every_x

from genus.core import Bits, Classes, Pixels, Reals, Tokens
from genus.energy import RBM
from genus.energy.units import NormalUnits, bits, visible_units
from genus.measure.likelihood.annealing import log_z, log_z_from_above
from genus.train.game import play

SPACES = [Bits((4,)), Tokens(3, 3), Classes(4), Pixels((1, 2, 1), 3), Reals((2,))]
pytestmark = pytest.mark.usefixtures("precise")


@pytest.fixture
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def small(space, **options) -> RBM:
    model = RBM(space, **{"hidden": 3, "chains": 0, "burn_in": 50, **options})
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn_like(p))
        if isinstance(model.units, NormalUnits):
            model.units.shift.copy_(torch.tensor([1.0, -2.0]))
            model.units.scale.copy_(torch.tensor([0.5, 3.0]))
    return model


def hidden_states(n: int) -> torch.Tensor:
    return torch.tensor(list(product([0.0, 1.0], repeat=n)))


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_features_come_back(space):
    units = visible_units("test", space)
    x = torch.randn(20, 2) if isinstance(space, Reals) else every_x(space)
    torch.testing.assert_close(units.back(units.features(x)), x)
    assert units.features(x).shape == (len(x), units.size)


@pytest.mark.parametrize("space", SPACES[:4], ids=str)
def test_log_z_is_that_of_all_x_and_all_hidden_states(space):
    model = small(space)
    torch.testing.assert_close(
        model.counted_log_z(), (-model.energy(every_x(space))).logsumexp(0).detach()
    )


def test_with_normal_units_it_is_a_mixture_of_normal_distributions_with_equal_spreads():
    """One for each hidden state, with its share of Z; in the units of x, not of v."""
    model, x = small(Reals((2,))), 3 * torch.randn(50, 2)
    h, units = hidden_states(3), model.units
    assert isinstance(units, NormalUnits)
    field = h @ model.W.T + model.a
    shares = (h @ model.b + units.log_sum(field)).log_softmax(0)
    means = field * (-units.log_precision).exp() * units.scale + units.shift
    spreads = (-0.5 * units.log_precision).exp() * units.scale
    parts = torch.distributions.Normal(means, spreads).log_prob(x[:, None]).sum(2)
    truth = (shares + parts).logsumexp(1)
    torch.testing.assert_close(-model.energy(x) - model.counted_log_z(), truth)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_draws_follow_their_field(space):
    """Means and variances of v are the first two derivatives of A."""
    units = visible_units("test", space)
    if isinstance(units, NormalUnits):
        torch.nn.init.normal_(units.log_precision)
    field = torch.randn(units.size).requires_grad_()
    (mean,) = torch.autograd.grad(units.log_sum(field), field, create_graph=True)
    variance = torch.stack([torch.autograd.grad(m, field, retain_graph=True)[0] for m in mean])
    v = units.draw(field.detach().expand(40_000, -1))
    error = (variance.diagonal() / 40_000).sqrt()
    assert ((v.mean(0) - mean).abs() <= 5 * error + 1e-12).all()
    torch.testing.assert_close(v.var(0), variance.diagonal().detach(), rtol=0.06, atol=1e-3)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_prepared_units_have_the_rates_of_the_data(space):
    x = torch.randn(500, 2) * 3 + 1 if isinstance(space, Reals) else every_x(space)[[0, 1, 1, 2]]
    model = RBM(space, hidden=2, chains=0)
    model.prepare(x)
    field = model.a.detach().requires_grad_()
    (mean,) = torch.autograd.grad(model.units.log_sum(field), field)
    v = model.features(x)
    if isinstance(space, Reals):
        torch.testing.assert_close(mean, v.mean(0))
        torch.testing.assert_close(v.std(0, correction=0), torch.ones(2))
    else:  # one row of each value is added
        levels = space.cardinality or 2
        torch.testing.assert_close(mean, (v.sum(0) + 1) / (len(x) + levels))


def test_a_constant_column_of_numbers_is_kept():
    x = torch.tensor([[1.0, 5.0], [2.0, 5.0], [4.0, 5.0]])
    model = RBM(Reals((2,)), hidden=2, chains=4)
    model.prepare(x)
    assert model.energy(x).isfinite().all()
    assert model.loss(x)["dream"].isfinite()


def test_annealing_with_normal_units_finds_log_z_from_below_and_above():
    model = small(Reals((2,)))
    truth = model.counted_log_z().item()
    h = hidden_states(3)
    chances = (h @ model.b + model.units.log_sum(h @ model.W.T + model.a)).softmax(0)
    state = h[chances.multinomial(200, replacement=True)]
    exact = model.units.back(model.units.draw(state @ model.W.T + model.a)).detach()
    path = model.annealing_path(exact)
    below, above = log_z(path, 500, 200), log_z_from_above(path, exact, 500)
    assert abs(below.value - truth) < 5 * below.error
    assert abs(above.value - truth) < 5 * above.error
    assert below.error < 0.05


@pytest.mark.parametrize("space", [Tokens(3, 3), Reals((2,))], ids=str)
def test_it_learns_what_another_one_draws(space):
    planted = small(space, burn_in=100)
    planted.W.data.mul_(3)
    x = planted.sample(4000)
    model = RBM(space, hidden=3, steps=3, chains=200)
    model.prepare(x)
    begun = (model.energy(x) + model.counted_log_z()).mean().item()
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    batches = ((x[torch.randint(len(x), (200,))],) for _ in range(800))
    for number, _ in enumerate(play(model, batches, {"model": optimizer})):
        optimizer.param_groups[0]["lr"] = 0.02 * (1 - number / 800)
    found = (model.energy(x) + model.counted_log_z()).mean().item()
    truth = (planted.energy(x) + planted.counted_log_z()).mean().item()
    assert begun > truth + 0.1
    assert found < truth + 0.02


# --- parallel tempering -----------------------------------------------------------------------


def two_peaks(**options) -> RBM:
    """All bits on, or none: a plain chain never crosses."""
    model = RBM(Bits((8,)), hidden=2, **options)
    with torch.no_grad():
        model.W.fill_(6.0)
        model.a.fill_(-6.0)
        model.b.fill_(-24.0)
    return model


def ones_after(model: RBM, rounds: int) -> float:
    """The share of cold chains that are at the peak of ones, begun at the other."""
    model.dreams.zero_()
    model.hot.zero_()
    for _ in range(rounds):
        model.loss(torch.zeros(1, 8))
    return (model.dreams.mean(1) > 0.5).double().mean().item()


def test_tempered_chains_cross_where_plain_ones_stay():
    x = every_x(Bits((8,)))
    p = (-two_peaks(chains=1).energy(x)).softmax(0)
    truth = p[x.mean(1) > 0.5].sum().item()
    assert 0.2 < truth < 0.8
    assert ones_after(two_peaks(chains=300), 60) < 0.02
    share = ones_after(two_peaks(chains=300, temperatures=12), 60)
    assert abs(share - truth) < 5 * math.sqrt(truth * (1 - truth) / 300)


def test_exchanges_leave_all_temperatures_alone():
    """Chains drawn exactly at their temperatures are still so after moves and exchanges."""
    model = small(Bits((3,)), chains=30_000, temperatures=3)
    torch.nn.init.normal_(model.rates)
    x = every_x(Bits((3,)))
    betas = torch.tensor([0.0, 0.5, 1.0])
    path = [
        model._gain(x, model._field(x), 0.0, beta.item(), model.rates) + x @ model.rates
        for beta in betas
    ]
    chances = [log_f.softmax(0).detach() for log_f in path]
    torch.testing.assert_close(chances[2], (-model.energy(x)).softmax(0).detach())
    placed = torch.cat([x[p.multinomial(30_000, replacement=True)] for p in chances])
    model.hot.copy_(placed[:60_000])
    model.dreams.copy_(placed[60_000:])
    model.loss(x)
    after = torch.cat([model.hot, model.dreams]).unflatten(0, (3, 30_000))
    assert not torch.equal(after.flatten(0, 1), placed)
    for part, p in zip(after, chances, strict=True):
        shares = (part[:, None] == x).all(2).double().mean(0)
        assert ((shares - p).abs() <= 5 * (p * (1 - p) / 30_000).sqrt()).all()


def test_bits_come_with_their_chances_and_none_with_none():
    p = torch.tensor([0.0, 0.01, 0.3, 0.99, 1.0]).expand(50_000, -1)
    drawn = bits(p)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert not drawn[:, 0].any()
    assert drawn[:, 4].all()
    error = (p[0] * (1 - p[0]) / 50_000).sqrt()
    assert ((drawn.mean(0) - p[0]).abs() <= 5 * error).all()
