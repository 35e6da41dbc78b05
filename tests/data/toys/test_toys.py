"""Toys: densities integrate to one, samplers draw from them, entropies are theirs."""

import math
from functools import partial

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import chi2, norm

from genus.core import Classes, Reals
from genus.data import load
from genus.data.splits import stream
from genus.data.toys.toys import TOYS, Pinwheel
from genus.data.truth import entropy_of

FLAT = [name for name in TOYS if name != "mixture1d"]
LABELS = {
    "moons": 2,
    "ring": 8,
    "grid": 25,
    "spirals": 2,
    "rings": 3,
    "checkerboard": 8,
    "pinwheel": 5,
}
STEP = {"ring": 0.009, "grid": 0.02}  # finer than the spread of a mode


def lattice(toy, step):
    """Midpoints of a lattice around everything the toy draws, and the area of a cell."""
    x = toy.sample(20_000, stream("bounds"))[0].double()
    air = 6 if toy.dims == 1 else 0.6
    sides = [
        torch.arange(low - air, high + air, step, dtype=torch.float64) + step / 2
        for low, high in zip(x.min(0).values.tolist(), x.max(0).values.tolist(), strict=True)
    ]
    return torch.cartesian_prod(*sides).reshape(-1, toy.dims), step**toy.dims


@pytest.mark.parametrize("name", [n for n in TOYS if n != "checkerboard"])
def test_density_integrates_to_one(name):
    toy = TOYS[name]()
    points, area = lattice(toy, STEP.get(name, 0.045))
    assert toy.log_prob(points).exp().sum().item() * area == pytest.approx(1, abs=1e-7)


def test_checkerboard_is_uniform_on_half_a_square():
    toy = TOYS["checkerboard"]()
    middles = torch.arange(-3.5, 4).double()
    grid = torch.cartesian_prod(middles, middles)
    inside = toy.log_prob(grid).exp()
    assert inside.sum().item() == pytest.approx(1)  # each point stands for one unit of area
    assert (inside > 0).sum() == 32
    assert toy.log_prob(torch.tensor([[5.0, 5.0], [1.0, -1.0]])).tolist() == [-math.inf] * 2
    assert toy.entropy == pytest.approx(math.log(32))


@pytest.mark.parametrize("name", list(TOYS))
def test_entropy_is_what_samples_say(name):
    """-mean log p of fresh draws, within five standard errors."""
    toy = TOYS[name]()
    log_p = toy.log_prob(toy.sample(20_000, stream("entropy"))[0].double())
    error = log_p.std() / math.sqrt(len(log_p))
    assert abs(toy.entropy + log_p.mean()) <= 5 * error + 1e-12


@pytest.mark.parametrize("name", ["moons", "ring", "mixture1d", "pinwheel"])
def test_entropy_does_not_depend_on_the_lattice(name):
    toy = TOYS[name]()
    around = toy.sample(2000, stream("around"))[0]
    step = {"ring": 0.007, "pinwheel": 0.02}.get(name, 0.03)
    air = 8.0 if toy.dims == 1 else 1.0
    assert entropy_of(toy.log_prob, around, air, step) == pytest.approx(toy.entropy, abs=2e-7)


@pytest.mark.parametrize(("name", "modes", "std"), [("ring", 8, 0.02), ("grid", 25, 0.05)])
def test_entropy_of_separate_normals_is_known(name, modes, std):
    want = math.log(modes) + math.log(2 * math.pi * math.e * std**2)
    assert TOYS[name]().entropy == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("name", FLAT)
def test_samples_come_from_the_density(name):
    """A histogram against the density's mass in each cell: chi-square."""
    toy = TOYS[name]()
    n, cells, inner = 20_000, 24, 10
    x = toy.sample(n, stream("histogram"))[0].double()
    low, high = x.min(0).values - 1e-3, x.max(0).values + 1e-3
    side = (high - low) / cells
    fine = (torch.arange(cells * inner).double() + 0.5) / inner
    points = torch.cartesian_prod(low[0] + fine * side[0], low[1] + fine * side[1])
    mass = toy.log_prob(points).exp().reshape(cells, inner, cells, inner).mean((1, 3)) * side.prod()
    at = ((x - low) / side).long().clamp(0, cells - 1)
    counts = torch.bincount(at[:, 0] * cells + at[:, 1], minlength=cells**2).double()
    want = n * mass.flatten()
    if name != "checkerboard":  # whose fields end within cells
        many = want > 5
        statistic = ((counts - want) ** 2 / want)[many].sum() + (
            (counts - want)[~many].sum() ** 2 / want[~many].sum().clamp_min(1)
        )
        assert chi2.sf(statistic.item(), int(many.sum())) > 1e-5
    else:
        assert toy.log_prob(x).isfinite().all()
        rows = (x / 2).floor().long() + 2
        fields = torch.bincount(rows[:, 0] * 4 + rows[:, 1], minlength=16).double()
        assert chi2.sf(((fields[fields > 0] - n / 8) ** 2 / (n / 8)).sum().item(), 7) > 1e-5
        inside = (x % 2).flatten() / 2
        assert abs(inside.mean() - 0.5) < 5 / math.sqrt(12 * 2 * n)


@pytest.mark.parametrize(
    "name", ["moons", "spirals", "rings", "swiss_roll", "pinwheel", "mixture1d"]
)
def test_stein_identity(name):
    """E[f(x) score(x) + f'(x)] = 0: the score comes from autograd."""
    toy = TOYS[name]()
    x = toy.sample(4000, stream("stein"))[0].double().requires_grad_()
    (score,) = torch.autograd.grad(toy.log_prob(x).sum(), x)
    x = x.detach()
    for terms in (x.sin() * score + x.cos(), x.tanh() * score + 1 - x.tanh() ** 2):
        error = terms.std(0) / math.sqrt(len(terms))
        assert (terms.mean(0).abs() <= 5 * error).all()


def beside(x, y, sign, t):
    """The density of the noise between a point and the place t of a half circle."""
    return norm.pdf(x, sign * math.cos(t), 0.1) * norm.pdf(y, sign * math.sin(t), 0.1)


def test_moons_density_is_the_integral_along_the_arcs():
    toy = TOYS["moons"]()
    for x, y in [(0.0, 1.0), (1.02, 0.1), (0.5, 0.25), (2.3, 0.4), (-1.0, -0.3)]:
        total = 0.0
        for sign, right, up in ((1, 0.0, 0.0), (-1, 1.0, 0.5)):
            near = partial(beside, x - right, y - up, sign)
            total += quad(near, 0, math.pi, limit=500, epsabs=1e-14)[0] / math.pi / 2
        found = toy.log_prob(torch.tensor([[x, y]], dtype=torch.float64)).exp().item()
        assert found == pytest.approx(total, rel=1e-10, abs=1e-14)


def test_moons_are_two_half_circles_of_unit_radius():
    x, label = TOYS["moons"]().sample(5000, stream("moons"))
    upper, lower = x[label == 0], x[label == 1]
    assert (upper.norm(dim=1) - 1).abs().max() < 0.5
    assert ((lower - torch.tensor([1.0, 0.5])).norm(dim=1) - 1).abs().max() < 0.5
    assert upper[:, 1].mean() > 0.5
    assert lower[:, 1].mean() < 0
    radial = upper.norm(dim=1)
    assert radial.std().item() == pytest.approx(0.1, abs=0.01)


def test_rings_have_the_density_of_a_point_on_a_circle_with_noise():
    """Round noise around a circle: an angle integrated out is a Bessel function."""
    toy = TOYS["rings"]()
    r = torch.tensor([0.0, 0.7, 1.0, 1.55, 2.1, 3.3], dtype=torch.float64)
    total = torch.zeros_like(r)
    for radius in (1, 2, 3):
        # exp(-(r - radius)^2 / 2 s^2) i0e(r radius / s^2) / (2 pi s^2), s = 0.1
        near = torch.exp(-((r - radius) ** 2) / 0.02) * torch.special.i0e(r * radius / 0.01)
        total += near / (3 * 2 * math.pi * 0.01)
    angle = torch.tensor(0.8, dtype=torch.float64)
    x = r[:, None] * torch.stack([angle.cos(), angle.sin()])
    torch.testing.assert_close(toy.log_prob(x).exp(), total, rtol=1e-9, atol=1e-14)


def test_mixture1d_is_scipys():
    toy = TOYS["mixture1d"]()
    x = torch.linspace(-6, 8, 50).double()
    parts = zip(toy.shares, toy.centres, toy.stds, strict=True)
    want = sum(w * norm.pdf(x.numpy(), c[0], s) for w, c, s in parts)
    assert toy.log_prob(x[:, None]).exp().tolist() == pytest.approx(want.tolist(), rel=1e-6)


def test_ring_goes_once_around():
    centres, std = load("ring").modes
    assert std == 0.02
    assert centres.shape == (8, 2)
    torch.testing.assert_close(centres.norm(dim=1), torch.ones(8))
    assert torch.pdist(centres).min().item() == pytest.approx(2 * math.sin(math.pi / 8), abs=1e-6)


def test_grid_has_its_corners():
    centres, std = load("grid").modes
    assert std == 0.05
    assert len(centres) == 25
    assert centres.abs().max() == 4
    assert torch.pdist(centres).min() == 2
    assert load("moons").modes is None
    assert load("mixture1d").modes is None


def test_the_twist_keeps_areas():
    toy = Pinwheel()

    def twist(x):
        angle = toy.rate * x.norm().exp()
        cos, sin = angle.cos(), angle.sin()
        return torch.stack([cos * x[0] - sin * x[1], sin * x[0] + cos * x[1]])

    for point in torch.randn(5, 2).double():
        jacobian = torch.autograd.functional.jacobian(twist, point)
        assert torch.det(jacobian).item() == pytest.approx(1)
        want = toy._untwisted(point[None])
        torch.testing.assert_close(toy.log_prob(twist(point)[None]), want)


@pytest.mark.parametrize("name", list(TOYS))
def test_toys_as_data(name):
    data = load(name)
    assert data.space == Reals((TOYS[name]().dims,))
    (x,) = data.train.batch(3, 16, 0)
    assert torch.equal(x, load(name).train.batch(3, 16, 0)[0])
    assert not torch.equal(x, data.train.batch(4, 16, 0)[0])
    assert not torch.equal(x, data.train.batch(3, 16, 1)[0])
    assert not torch.equal(x, data.test.batch(3, 16, 0)[0])
    rows = [split.everything()[0] for split in data.splits.values()]
    assert [len(r) for r in rows] == [10_000] * 3 == [len(s) for s in data.splits.values()]
    assert len({r[0].tolist()[0] for r in rows}) == 3
    assert torch.equal(rows[2], load(name).test.everything()[0])
    assert x.dtype == torch.float32
    assert data.log_prob(x).shape == (16,)
    assert data.log_prob(x).dtype == torch.float32
    data.space.check(x, name)
    assert data.classes == LABELS.get(name, 3 if name == "mixture1d" else 0)


def test_labels_of_toys_say_where_a_point_comes_from():
    data = load("ring").labelled()
    assert data.context_space == Classes(8)
    for x, label in (data.train.batch(0, 200, 0), data.test.everything()):
        assert torch.equal(torch.cdist(x, data.modes[0]).argmin(1), label)
    assert torch.equal(data.test.labels, data.test.everything()[1])
    assert torch.equal(data.train.batch(0, 9, 0)[0], load("ring").train.batch(0, 9, 0)[0])
    with pytest.raises(ValueError, match="swiss_roll train: has no labels"):
        load("swiss_roll").labelled()


def test_fingerprints_of_toys_differ():
    assert len({load(name).fingerprint for name in TOYS}) == len(TOYS)
    assert load("moons").fingerprint == load("moons").fingerprint


def test_data_without_a_truth_say_so():
    data = load("digits")
    assert data.entropy is None
    assert data.modes is None
    with pytest.raises(ValueError, match="digits: its true density is not known"):
        data.log_prob(torch.zeros(1, 1, 8, 8))
