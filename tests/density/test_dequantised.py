"""Dequantised: what of a density's mass belongs to which pixels."""

import math

import pytest
import torch
from scipy.integrate import dblquad
from scipy.stats import norm

from genus.core import Bits, GenerativeModel, Pixels, Reals
from genus.density import Dequantised, Gaussian, Table
from genus.flow import RealNVP

SPACE = Pixels((2,), levels=4)


def tilted(width: float = 0.3) -> Gaussian:
    """A correlated normal distribution, of known integrals."""
    model = Gaussian(Reals((2,))).double()
    with torch.no_grad():
        model.mean.copy_(torch.tensor([0.2, -0.1]))
        model.scale.copy_(width * torch.tensor([[1.0, 0.0], [0.6, 0.8]]))
    return model


def mass(model: Dequantised, x: list[float], half: float) -> float:
    """The integral of the density over a box around x, by quadrature."""

    def density(b: float, a: float) -> float:
        z, logdet = model.to_reals(torch.tensor([[a, b]], dtype=torch.float64))
        return (model.density.log_prob(z) + logdet).exp().item()

    (a, b) = x
    return dblquad(density, a - half, a + half, b - half, b + half)[0]


@pytest.mark.parametrize("squeeze", [0.0, 0.05])
def test_weights_average_to_the_bins_mass_and_the_bound_stays_below(squeeze):
    torch.manual_seed(0)
    model = Dequantised(tilted(1.0 if squeeze else 0.3), SPACE, squeeze)
    for x in ([-1.0, -1 / 3], [1 / 3, 1 / 3], [1.0, -1.0]):
        truth = mass(model, x, SPACE.bin / 2)
        rows = torch.tensor([x], dtype=torch.float64).expand(40_000, -1)
        weights = model.log_weight(rows).detach().exp()
        assert abs(weights.mean().item() - truth) < 5 * weights.std().item() / 200
        bounds = model.elbo(rows).detach()
        assert bounds.mean() - 5 * bounds.std() / 200 <= math.log(truth)


def test_masses_sum_to_one_less_the_leak_which_samples_move_to_the_edge():
    torch.manual_seed(0)
    model = Dequantised(tilted(0.7), SPACE)
    half = SPACE.bin / 2
    grid = SPACE.values(torch.arange(4), torch.float64)
    masses = {(a, b): mass(model, [a, b], half) for a in grid.tolist() for b in grid.tolist()}
    inside = sum(masses.values())
    box = mass(model, [0.0, 0.0], 1 + half)
    assert inside == pytest.approx(box, abs=1e-6)
    assert 0.8 < inside < 0.98  # this one leaks, to be seen
    drawn = model.sample(40_000)
    for x, p in masses.items():
        share = (drawn == torch.tensor(x, dtype=torch.float64)).all(1).double().mean().item()
        assert share >= p - 5 * math.sqrt(p / 40_000)  # a sample is at least as likely as scored
    left = (drawn[:, 0] == -1).double().mean().item()  # the outermost level takes the whole tail
    assert left == pytest.approx(norm.cdf(-1 + half, 0.2, 0.7), abs=5 * 0.5 / 200)


def test_the_logit_leaves_no_more_than_its_margin_out():
    """A normal density seen through the logit fills the box, but for the margin."""
    model = Dequantised(Gaussian(Reals((2,))).double(), SPACE, squeeze=1e-4)
    half = SPACE.bin / 2
    box = norm.cdf(torch.logit(torch.tensor(1 - 1e-4, dtype=torch.float64)).item())
    inside = mass(model, [0.0, 0.0], 1 + half)
    assert inside == pytest.approx((2 * box - 1) ** 2, abs=1e-6)


@pytest.mark.parametrize("squeeze", [0.0, 0.05])
def test_pixels_come_back_and_logdet_is_the_jacobians(squeeze):
    model = Dequantised(tilted(), SPACE, squeeze)
    x = SPACE.values(torch.randint(4, (8, 2)), torch.float64)
    z, logdet = model.to_reals(x)
    assert torch.equal(model.to_pixels(z), SPACE.quantise(x))
    for row, claimed in zip(x, logdet, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda y: model.to_reals(y[None])[0][0], row)
        torch.testing.assert_close(claimed, torch.linalg.slogdet(jacobian).logabsdet)


def test_it_promises_what_the_density_keeps():
    assert Dequantised(tilted(), SPACE).promises() == {"sample", "elbo", "log_weight", "fit"}
    flow = Dequantised(RealNVP(Reals((2,)), couplings=2), SPACE)
    assert flow.promises() == {"sample", "sample_watched", "elbo", "log_weight", "encode", "decode"}
    x = SPACE.values(torch.randint(4, (8, 2)))
    assert torch.equal(flow.decode(flow.encode(x)), SPACE.quantise(x))


def test_its_game_is_the_densitys_on_dequantised_data():
    flow = Dequantised(RealNVP(Reals((2,)), couplings=2), SPACE)
    (player,) = flow.players().values()
    assert {id(p) for p in player.parameters()} == {id(p) for p in flow.parameters()}
    x = torch.ones(50, 2)
    (y,) = flow.deal(x)
    assert ((y - x).abs() <= SPACE.bin / 2).all()
    assert y.unique().numel() > 90


def test_fitting_twice_sees_the_same_noise():
    x = SPACE.values(torch.randint(4, (100, 2)), torch.float64)
    models = [Dequantised(tilted(), SPACE) for _ in range(2)]
    for model in models:
        torch.rand(3)
        list(model.fit(x))
    assert torch.equal(models[0].density.mean, models[1].density.mean)


class Mute(GenerativeModel):
    """It can sample, and that is all."""

    def __init__(self, space: Reals):
        super().__init__()
        self.space = space

    def sample(self, n):
        return torch.zeros(n, *self.space.shape)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dequantised(tilted(), Bits((2,))), "Pixels are wanted"),
        (lambda: Dequantised(Table(Bits((2,))), SPACE), "build it for Reals"),
        (lambda: Dequantised(tilted(), Pixels((3,), 4)), "build it for Reals"),
        (lambda: Dequantised(Mute(Reals((2,))), SPACE), "Mute has neither log_prob nor elbo"),
        (lambda: Dequantised(tilted(), SPACE, squeeze=0.5), r"\[0, 0.5\)"),
    ],
)
def test_it_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()
