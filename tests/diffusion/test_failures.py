"""What users report of other libraries of diffusion does not happen here.

Each test names the failure, and shows that it would notice: the same check is put to a version that is
broken in that way, and must fail there.
"""

from dataclasses import dataclass
from itertools import pairwise

import pytest
import torch
from torch import nn

from genus.core import Reals
from genus.diffusion import DDIM, Diffusion, ProbabilityFlow, TimeMLP, UNet
from genus.diffusion.nets import unet
from genus.diffusion.sampler import now, toward
from genus.functional.diffusion.parametrisations import Epsilon
from genus.functional.diffusion.paths import VP
from genus.functional.diffusion.spacings import even, levels
from genus.functional.numerics.integrators import RK4, DormandPrince

PATH = VP()


def wild(model, by=0.1):
    """Every weight somewhere: nothing is the identity, or zero, by its start."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(by * torch.randn_like(parameter))
    return model


class NearlyRight(nn.Module):
    """The noise of normal data of deviation 1/2, and a little of a network's opinion, at all times."""

    def __init__(self, net):
        super().__init__()
        self.net = wild(net)

    def forward(self, x, t):
        shape = (-1, *[1] * (x.dim() - 1))
        alpha, sigma = PATH.alpha(t).view(shape), PATH.sigma(t).view(shape)
        return sigma * x / (alpha.square() / 4 + sigma.square()) + 0.1 * self.net(
            x, torch.full_like(t, 0.5)
        )


def diffusion(net, shape, dtype=torch.float64):
    torch.set_default_dtype(dtype)
    model = Diffusion(NearlyRight(net), Reals(shape), PATH, Epsilon())
    return model.to(dtype).eval()


# --- inversion --------------------------------------------------------------------------------


def comes_back(encode, decode, x, tolerance):
    """What is encoded and decoded again is what it was."""
    with torch.no_grad():
        z = encode(x)
        assert (z - x).abs().mean() > 0.1
        torch.testing.assert_close(decode(z), x, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-4), (torch.float32, 2e-3)])
def test_an_encoded_image_comes_back(dtype, tolerance):
    """DDIM inversion that does not return the image."""
    solver = DormandPrince(1e-6, 1e-6) if dtype == torch.float64 else DormandPrince()
    flow = ProbabilityFlow(diffusion(UNet(1, 4, (1, 2)), (1, 5, 4), dtype), solver)
    comes_back(flow.encode, flow.decode, 0.5 * torch.randn(4, 1, 5, 4), tolerance)


def inverted(model, x, count):
    """The steps of DDIM turned round, where the denoiser is asked at the cleaner end of each."""
    times = levels(model.path, even(model.path, count, model.path.last))[:-1]
    for to, at in pairwise(reversed(times)):
        start = model.denoise(x, now(x, to))
        x = at.alpha * start + at.sigma / to.sigma * (x - to.alpha * start)
    return x


def test_the_check_of_inversion_bites():
    """Broken: the usual inversion, in 20 steps."""
    model = diffusion(TimeMLP(3, 8), (3,))
    with pytest.raises(AssertionError, match="not close"):
        comes_back(
            lambda x: inverted(model, x, 20),
            lambda z: DDIM(20)(model, z),
            0.5 * torch.randn(50, 3),
            1e-2,
        )


# --- the last step, and clipping --------------------------------------------------------------


@dataclass(frozen=True)
class StopsEarly:
    """DDIM that stops at the path's first time: some noise is left."""

    evaluations: int

    def __call__(self, model, x, start=None):
        times = levels(model.path, even(model.path, self.evaluations, model.path.last))[:-1]
        for at, to in pairwise(times):
            x = toward(x, model.denoise(x, now(x, at)), at, to)
        return x


def ends_clean(sampler):
    """Of a denoiser that knows the one image there is, a sampler gives that image."""

    class Knows:
        path = VP(first=0.1)

        def denoise(self, x, t):
            return torch.full_like(x, 0.25)

    x = sampler(Knows(), torch.randn(20, 1, 4, 4))
    torch.testing.assert_close(x, torch.full_like(x, 0.25), rtol=0, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 7, 50])
def test_few_steps_end_at_an_image_without_noise(count):
    """Samples of few steps that are grey with noise."""
    ends_clean(DDIM(count))


def test_the_check_of_the_last_step_bites():
    """Broken: the last step does not go to time 0."""
    with pytest.raises(AssertionError):
        ends_clean(StopsEarly(20))


# --- gradients through the likelihood ---------------------------------------------------------


class Cut(ProbabilityFlow):
    """Its likelihood is found under `no_grad`."""

    def encode_with_logdet(self, x):
        with torch.no_grad():
            z, logdet = super().encode_with_logdet(x)
        return z, logdet + 0 * next(self.parameters()).sum()


def gradients_of_the_likelihood(kind):
    """Of x, and of all weights at once, against finite differences."""
    flow = kind(diffusion(TimeMLP(2, 4), (2,)), RK4(6))
    x = torch.randn(4, 2, requires_grad=True)
    weights = list(flow.parameters())
    grads = torch.autograd.grad(flow.log_prob(x).sum(), [x, *weights], allow_unused=True)
    assert all(gradient is not None for gradient in grads)
    for things, slopes in (([x], grads[:1]), (weights, grads[1:])):
        steps = [1e-5 * torch.randn_like(thing) for thing in things]
        with torch.no_grad():
            torch._foreach_add_(things, steps)
            above = flow.log_prob(x).sum()
            torch._foreach_sub_(things, steps, alpha=2)
            change = (above - flow.log_prob(x).sum()) / 2
            torch._foreach_add_(things, steps)
        claimed = sum((slope * step).sum() for slope, step in zip(slopes, steps, strict=True))
        torch.testing.assert_close(claimed, change, rtol=1e-4, atol=1e-9)


def test_the_likelihood_of_the_way_back_has_gradients():
    """`compute_likelihood` that returns no gradient."""
    gradients_of_the_likelihood(ProbabilityFlow)


def test_the_check_of_gradients_bites():
    """Broken: the equation is solved without gradients."""
    with pytest.raises(AssertionError):
        gradients_of_the_likelihood(Cut)


def test_the_exact_likelihood_takes_images():
    """An IndexError of the exact divergence, on tensors of four axes."""
    flow = ProbabilityFlow(diffusion(UNet(1, 2, (1, 2)), (1, 3, 2)), RK4(8))
    x = torch.randn(2, 1, 3, 2)
    z, logdet = flow.encode_with_logdet(x)
    assert z.shape == x.shape
    for row, claimed in zip(x, logdet, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda v: flow.encode(v[None])[0], row)
        truth = torch.linalg.slogdet(jacobian.reshape(6, 6)).logabsdet
        torch.testing.assert_close(claimed, truth, rtol=0, atol=1e-2)  # RK4's own error


# --- widths and sizes -------------------------------------------------------------------------


def takes_any_image(width, size, multipliers=(1, 2, 2)):
    """Narrow networks, and sides that do not divide: shapes are kept, and everything learns."""
    net = UNet(2, width, multipliers)
    wild(net).train()
    x = torch.randn(3, 2, *size)
    y = net(x, torch.tensor([0.0, 0.5, 1.0]))
    assert y.shape == x.shape
    grads = torch.autograd.grad(y.square().sum(), list(net.parameters()))
    assert all(gradient.isfinite().all() for gradient in grads)
    assert all(gradient.abs().max() > 0 for gradient in grads)
    changed = net(x + 0.1, torch.tensor([0.0, 0.5, 1.0]))
    assert (changed - y).abs().max() > 1e-6


@pytest.mark.parametrize("width", [2, 3, 6, 10, 12, 36])
def test_a_network_may_be_narrow(width):
    """Group normalisation in 32 groups of fewer channels."""
    takes_any_image(width, (8, 8))


@pytest.mark.parametrize("size", [(28, 28), (7, 9), (5, 1), (13, 14)])
def test_an_image_need_not_divide(size):
    """28 pixels that are halved three times: 28, 14, 7 and 4."""
    takes_any_image(4, size, (1, 1, 2, 2))


def test_the_check_of_widths_bites(monkeypatch):
    """Broken: always 32 groups."""
    monkeypatch.setattr(unet, "group_norm", lambda channels: nn.GroupNorm(32, channels))
    with pytest.raises(ValueError, match="divisible"):
        takes_any_image(6, (8, 8))


def test_the_check_of_sizes_bites(monkeypatch):
    """Broken: each level is twice as large as the one below it."""
    double = nn.Upsample(scale_factor=2)
    monkeypatch.setattr(unet, "interpolate", lambda h, **_: double(h))
    takes_any_image(4, (16, 8), (1, 1, 2, 2))
    with pytest.raises(RuntimeError, match="Sizes of tensors must match"):
        takes_any_image(4, (28, 28), (1, 1, 2, 2))
