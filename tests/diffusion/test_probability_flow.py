"""On normal data with the best network the flow, and its density, are known in closed form."""

import math

import laws
import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal, Normal

from genus.core import Pixels, Reals
from genus.density import Dequantised
from genus.diffusion import DDPM, Diffusion, ProbabilityFlow, TimeMLP, UNet
from genus.flow import ConcatSquash
from genus.functional.diffusion import paths
from genus.functional.diffusion.parametrisations import (
    Epsilon,
    Preconditioned,
    Slope,
    Start,
    Velocity,
)
from genus.functional.diffusion.spacings import level
from genus.functional.numerics.integrators import RK4, DormandPrince
from genus.nn import Labels

MEAN = torch.tensor([0.5, -0.3], dtype=torch.float64)
COVARIANCE = torch.tensor([[0.6, 0.4], [0.4, 1.1]], dtype=torch.float64)
PATHS = [
    paths.VP(),
    paths.SubVP(),
    paths.Cosine(),
    paths.Sigmoid(),
    paths.VE(),
    paths.LinearVE(),
    paths.Straight(),
]
TIGHT = DormandPrince(1e-8, 1e-8)


@pytest.fixture(autouse=True)
def exact():
    torch.set_default_dtype(torch.float64)


class Best(nn.Module):
    """E[x_0 | x_t] where x_0 is N(MEAN, COVARIANCE)."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.values, self.vectors = torch.linalg.eigh(COVARIANCE)
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x, t):
        alpha, sigma = self.path.alpha(t)[:, None], self.path.sigma(t)[:, None]
        gain = alpha * self.values / (alpha.square() * self.values + sigma.square())
        return MEAN + gain * ((x - alpha * MEAN) @ self.vectors) @ self.vectors.T


def best(path, solver=TIGHT, probes=0):
    return ProbabilityFlow(Diffusion(Best(path), Reals((2,)), path, Start()), solver, probes)


def transported(path):
    """What the equation makes of N(0, spread^2 I): affine, so that it stays normal."""
    first, last = level(path, path.first), level(path, path.last)
    values, vectors = torch.linalg.eigh(COVARIANCE)
    narrow, wide = (at.alpha**2 * values + at.sigma**2 for at in (first, last))
    gain = (narrow / wide).sqrt() / first.alpha
    mean = vectors.T @ MEAN - last.alpha * gain * (vectors.T @ MEAN)
    return MultivariateNormal(
        vectors @ mean, vectors @ torch.diag((path.spread * gain) ** 2) @ vectors.T
    )


def is_the_closed_form(flow, path):
    x = MultivariateNormal(MEAN, COVARIANCE).sample((20,))
    torch.testing.assert_close(
        flow.log_prob(x), transported(path).log_prob(x), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("path", PATHS, ids=lambda path: type(path).__name__)
def test_its_density_is_the_closed_form(path):
    is_the_closed_form(best(path), path)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: type(path).__name__)
def test_its_density_is_nearly_the_datas(path):
    """What is off: the first noise, and what of the data is still there at the end."""
    truth = MultivariateNormal(MEAN, COVARIANCE)
    x = truth.sample((200,))
    gap = (truth.log_prob(x) - best(path).log_prob(x)).mean().abs()
    assert gap < 0.02, gap


def test_its_samples_are_of_its_density():
    x = best(paths.Straight()).sample(10_000)
    truth = transported(paths.Straight())
    for i in range(2):
        laws.within(x[:, i], truth.mean[i].item())
        laws.within((x[:, i] - truth.mean[i]).square(), truth.covariance_matrix[i, i].item())


@pytest.mark.parametrize("path", [paths.VP(), paths.LinearVE()], ids=["VP", "LinearVE"])
def test_probes_estimate_it(path):
    """On a linear field one probe's error is that of its cross terms; its mean is log p."""
    flow = best(path, RK4(40), probes=1)
    assert flow.promises() == {"sample", "sample_watched", "encode", "decode", "elbo"}
    x = torch.tensor([[0.3, 1.0]])
    exact = best(path, RK4(40)).log_prob(x).item()
    draws = flow.elbo(x.expand(4000, 2))
    assert draws.std() > 1e-4
    laws.within(draws, exact)
    several = best(path, RK4(40), probes=4).elbo(x.expand(4000, 2))
    assert several.std() < 0.7 * draws.std()


# --- any network ------------------------------------------------------------------------------


class Smooth(nn.Module):
    """A network of images that changes slowly with the time."""

    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, x, t):
        return self.outer((self.inner(x) + t.view(-1, 1, 1, 1)).tanh())


def small(net, space, path, parametrisation, solver):
    """A model of images, away from where it begins."""
    model = Diffusion(net, space, path, parametrisation)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.05 * torch.randn_like(p))
    return ProbabilityFlow(model, solver).eval()


IMAGES = [
    (paths.Cosine(0.1), Velocity()),
    (paths.Straight(0.1), Slope()),
    (paths.LinearVE(0.1, 20.0), Preconditioned()),
]


@pytest.mark.parametrize(("path", "asked"), IMAGES, ids=["Cosine", "Straight", "LinearVE"])
def test_the_exact_trace_is_the_jacobians_on_images(path, asked):
    flow = small(Smooth(), Pixels((1, 3, 3), 17), path, asked, RK4(15))
    x = flow.model.space.quantise(torch.rand(1, 1, 3, 3) * 2 - 1)
    jacobian = torch.autograd.functional.jacobian(lambda x: flow.encode(x)[0].flatten(), x)
    truth = torch.linalg.slogdet(jacobian.reshape(9, 9)).logabsdet
    assert flow.encode_with_logdet(x)[1].item() == pytest.approx(truth.item(), abs=1e-4)


@pytest.mark.parametrize(("path", "asked"), IMAGES, ids=["Cosine", "Straight", "LinearVE"])
def test_decoding_gives_the_image_back(path, asked):
    """In float32, with steps of one length: to a tenth of the distance of two levels of 256."""
    flow = small(UNet(1, 4, (1, 2)), Pixels((1, 6, 7)), path, asked, RK4(30)).float()
    x = flow.model.space.quantise(torch.rand(2, 1, 6, 7) * 2 - 1).float()
    with torch.no_grad():
        z = flow.encode(x)
        back = flow.decode(z)
    assert (z - x).abs().max() > 0.2
    assert (back - x).abs().max() < 0.1 * flow.model.space.bin


def test_gradients_flow_through_the_likelihood():
    """Into the network, as differences say."""
    torch.manual_seed(1)
    net = ConcatSquash(2, 8)
    flow = ProbabilityFlow(Diffusion(net, Reals((2,)), paths.Straight(0.2), Slope()), RK4(10))
    x, weight = torch.randn(5, 2), net.enter.weight
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.1 * torch.randn_like(p))
    for probes in (0, 2):
        flow.probes = probes

        def score():
            torch.manual_seed(7)
            return flow.log_prob(x).sum()

        (grad,) = torch.autograd.grad(score(), weight)
        assert grad.abs().min() > 0
        with torch.no_grad():
            for place in ((0, 0), (3, 1)):
                weight[place] += 1e-5
                up = score()
                weight[place] -= 2e-5
                down = score()
                weight[place] += 1e-5
                assert grad[place].item() == pytest.approx(((up - down) / 2e-5).item(), rel=1e-5)


def test_without_gradients_none_are_kept():
    flow = small(Smooth(), Pixels((1, 3, 3)), paths.Straight(0.1), Slope(), RK4(2))
    with torch.no_grad():
        assert not flow.log_prob(torch.zeros(1, 1, 3, 3)).requires_grad


def test_it_learns_what_the_diffusion_learns():
    flow = small(Smooth(), Pixels((1, 4, 4)), paths.Straight(), Slope(), RK4(2))
    x = flow.model.space.quantise(torch.rand(4, 1, 4, 4) * 2 - 1)
    torch.manual_seed(1)
    mine = flow.loss(x)["error"]
    torch.manual_seed(1)
    assert mine == flow.model.loss(x)["error"]
    assert flow.players().keys() == flow.model.players().keys()


def test_a_ddpm_is_a_flow():
    """Its chain is a path whose log_snr is linear between its steps."""

    class BestEpsilon(Best):
        def forward(self, x, t):
            start = super().forward(x, t)
            return (x - self.path.alpha(t)[:, None] * start) / self.path.sigma(t)[:, None]

    net = BestEpsilon(None)
    net.path = DDPM(net, Reals((2,)), steps=100).path
    model = DDPM(net, Reals((2,)), steps=100, parametrisation=Epsilon())
    is_the_closed_form(ProbabilityFlow(model, DormandPrince(1e-7, 1e-7)), model.path)


# --- bits per dimension -----------------------------------------------------------------------


@pytest.mark.parametrize("levels", [17, 256])
def test_bits_per_dimension_have_their_offset(levels):
    """-log2 p / d + log2((L - 1) / 2): 6.994 at 256 levels, and 8 less what [-1, 1] gives, 1."""
    flow = best(paths.Straight(), RK4(30))
    space = Pixels((2,), levels)
    x = space.quantise(torch.rand(6, 2) * 2 - 1)
    model = Dequantised(flow, space)
    torch.manual_seed(5)
    counted = -model.elbo(x) / 2 / math.log(2)
    torch.manual_seed(5)
    y = space.dequantise(x)
    offset = math.log2((levels - 1) / 2)
    torch.testing.assert_close(counted, -flow.log_prob(y) / 2 / math.log(2) + offset)
    assert offset == pytest.approx(6.994 if levels == 256 else 3.0, abs=1e-3)


def test_the_mass_of_all_bins_is_one():
    """Wide pixels, so that the normal is inside: then bits/dim are of a probability."""
    path = paths.Straight()
    space = Pixels((1,), 5)

    class Narrow(nn.Module):
        def forward(self, x, t):
            alpha, sigma = path.alpha(t)[:, None], path.sigma(t)[:, None]
            return alpha * 0.09 * x / (alpha.square() * 0.09 + sigma.square())

    flow = ProbabilityFlow(Diffusion(Narrow(), Reals((1,)), path, Start()), RK4(40))
    x = laws.every_x(space).repeat(4000, 1)
    mass = Dequantised(flow, space).log_weight(x).exp().view(4000, 5)
    laws.within(mass.sum(1), 1.0)
    edges = torch.linspace(-1.25, 1.25, 6)
    truth = Normal(0.0, 0.3).cdf(edges).diff()
    assert (mass.mean(0) - truth).abs().max() < 0.01


# --- errors and liars -------------------------------------------------------------------------


def test_it_says_what_it_wants():
    told = Diffusion(
        UNet(1, 4, (1, 2)), Pixels((1, 4, 4)), context_space=Reals((2,)), embed=Labels(3)
    )
    with pytest.raises(
        ValueError, match=r"the diffusion is conditioned on Reals.*unconditional one is wanted"
    ):
        ProbabilityFlow(told)
    with pytest.raises(TypeError, match="model is UNet; a Diffusion or a DDPM is wanted"):
        ProbabilityFlow(told.denoiser.net)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="probes is -1"):
        best(paths.VP(), probes=-1)


class ForgetsTheScale(ProbabilityFlow):
    def encode_with_logdet(self, x):
        z, logdet = super().encode_with_logdet(x)
        first = level(self.model.path, self.model.path.first)
        return z, logdet - self.space.dims * math.log(first.alpha / math.hypot(*first[1:]))


class DriftsTwice(ProbabilityFlow):
    def field(self, phi, y):
        return 1.01 * super().field(phi, y)


@pytest.mark.parametrize("liar", [ForgetsTheScale, DriftsTwice])
def test_the_closed_form_bites(liar):
    path = paths.Cosine(0.1)
    flow = liar(Diffusion(Best(path), Reals((2,)), path, Start()), TIGHT)
    with pytest.raises(AssertionError):
        is_the_closed_form(flow, path)


def test_noise_that_comes_with_a_batch_is_the_diffusions():
    """With eps given, two losses at the same times are the same: no noise is drawn."""
    model = ProbabilityFlow(Diffusion(TimeMLP(2, 8, 1), Reals((2,))))
    x, eps = torch.randn(6, 2), torch.randn(6, 2)
    (player,) = model.players().values()
    losses = []
    for loss in (lambda: player.loss(*model.deal(x, eps)), lambda: model.loss(x, eps)):
        torch.manual_seed(3)
        losses.append(loss()["error"])
    torch.manual_seed(3)
    torch.testing.assert_close(losses, [model.model.loss(x, eps=eps)["error"]] * 2)
