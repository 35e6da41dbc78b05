"""Weights of x0hat's error, noise that is coupled or known, and pairs for reflow."""

import laws
import pytest
import torch
from torch import nn

from genus.core import Reals
from genus.diffusion import DDIM, Diffusion, EvenLogSNR, Heun, Pairs, TimeMLP
from genus.diffusion.couplings import optimal_transport
from genus.functional.diffusion.parametrisations import (
    Epsilon,
    Preconditioned,
    Score,
    Slope,
    Start,
    Velocity,
)
from genus.functional.diffusion.paths import VP, Cosine, LinearVE, Straight
from genus.functional.diffusion.spacings import even
from genus.functional.diffusion.weights import LikelihoodWeight, MinSNR
from genus.train.fit import fit
from genus.train.run import Run

ASKED = [Epsilon(), Start(), Velocity(), Slope(), Score(), Preconditioned(0.7)]


@pytest.fixture(autouse=True)
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


class Off(nn.Module):
    """Whatever it predicts, its x0hat is 0.3 too large: all of x_0 is 1."""

    def __init__(self, path, asked):
        super().__init__()
        self.path, self.asked = path, asked
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x, t):
        if isinstance(self.asked, Preconditioned):
            t = self.path.time(-4 * t)
        alpha, sigma = self.path.alpha(t)[:, None], self.path.sigma(t)[:, None]
        if isinstance(self.asked, Preconditioned):
            x = x * (sigma**2 + (alpha * self.asked.deviation) ** 2).sqrt()
        start = torch.full_like(x, 1.3)
        return self.asked.target(start, (x - alpha * start) / sigma, alpha, sigma)


def weighs_the_error_of_x0(model):
    """E w(t) 0.09, over the times: whatever the network predicts."""
    torch.manual_seed(2)
    loss = model.loss(torch.ones(600, 2))["error"]
    torch.manual_seed(2)
    t = model.times((torch.arange(600) / 600 + torch.rand(1)) % 1, model.path)
    snr = (model.path.alpha(t) / model.path.sigma(t)).square()
    torch.testing.assert_close(loss, (0.09 * snr.clamp(max=5.0)).mean())


def off(asked, path=None, kind=Diffusion):
    path = path or VP(first=0.01)
    return kind(Off(path, asked), Reals((2,)), path, asked, weight=MinSNR())


@pytest.mark.parametrize("asked", ASKED, ids=lambda a: type(a).__name__)
def test_a_weight_means_the_same_for_every_parametrisation(asked):
    weighs_the_error_of_x0(off(asked))


def test_min_snr_of_the_noise_is_the_papers():
    """min(snr, gamma) / snr for eps, and min(snr, gamma) / (snr + 1) for v."""
    t = torch.linspace(0.05, 0.95, 7)
    alpha, sigma = Cosine().alpha(t), Cosine().sigma(t)
    snr = (alpha / sigma).square()
    for asked, wanted in (
        (Epsilon(), snr.clamp(max=5) / snr),
        (Velocity(), snr.clamp(max=5) / (snr + 1)),
    ):
        model = Diffusion(TimeMLP(2), Reals((2,)), Cosine(), asked)
        torch.testing.assert_close(model.denoiser._weight(alpha, sigma, MinSNR(5.0)), wanted)


def test_a_weight_stays_finite_where_nothing_is_left_of_the_data():
    model = Diffusion(TimeMLP(2), Reals((2,)), Straight(), Epsilon(), weight=MinSNR())
    weight = model.denoiser._weight(torch.zeros(1), torch.ones(1), MinSNR())
    torch.testing.assert_close(weight, torch.ones(1))


def is_the_bounds_integral(model):
    """The likelihood's weight with its times: path_cost over the length of log_snr and the dims."""
    x = torch.ones(1000, 2)
    ends = torch.tensor([model.path.first, model.path.last])
    high, low = model.path.log_snr(ends)
    torch.manual_seed(3)
    loss = torch.stack([model.loss(x)["error"] for _ in range(20)])
    cost = torch.stack([model.denoiser.path_cost(x).mean() for _ in range(20)])
    laws.within(loss * 2 * (high - low) - cost, 0.0)


@pytest.mark.parametrize("asked", [Velocity(), Epsilon()], ids=lambda a: type(a).__name__)
def test_likelihood_weighting_is_the_bound(asked):
    path = VP(first=0.1)
    net = Off(path, asked)
    is_the_bounds_integral(
        Diffusion(net, Reals((2,)), path, asked, times=EvenLogSNR(), weight=LikelihoodWeight())
    )


def test_times_are_even_in_log_snr():
    u = torch.linspace(0, 1, 9)
    for path in (VP(), Cosine(), LinearVE()):
        snr = path.log_snr(EvenLogSNR()(u, path))
        torch.testing.assert_close(snr.diff(), snr.diff()[:1].expand(8), rtol=1e-4, atol=1e-4)


def test_gamma_must_be_above_zero():
    with pytest.raises(ValueError, match="gamma is 0"):
        MinSNR(0)


# --- noise that belongs to a row ----------------------------------------------------------------


def flow(width=32, **more):
    net = TimeMLP(2, width, 2)
    return Diffusion(net, Reals((2,)), Straight(), Slope(), DDIM(20), **more)


def test_known_noise_is_what_the_target_is_made_of():
    """With x_0 and eps both known, the network that gives eps - x_0 has no error."""
    x, eps = torch.randn(50, 2), torch.randn(50, 2)

    class Says(nn.Module):
        def forward(self, x, t):
            return eps - rows

    rows = x
    model = Diffusion(Says(), Reals((2,)), Straight(), Slope())
    assert model.loss(x, eps=eps)["error"] < 1e-20
    assert model.loss(x)["error"] > 0.1


def test_a_coupling_is_asked():
    asked = []

    def same(x, eps):
        asked.append(len(x))
        return x

    model = flow(coupling=same)
    model.loss(torch.randn(7, 2))
    assert asked == [7]
    model.loss(torch.randn(7, 2), eps=torch.randn(7, 2))
    assert asked == [7]


def test_pairs_are_the_ends_of_paths():
    model = flow().eval()
    pairs = Pairs.of(model, 1100, Heun(9, even), seed=4)
    again = Pairs.of(model, 1100, Heun(9, even), seed=4)
    assert pairs.fingerprint == again.fingerprint
    assert pairs.fingerprint != Pairs.of(model, 1100, Heun(9, even), seed=5).fingerprint
    x, eps = pairs.batch(3, 16, 0)
    with torch.no_grad():
        torch.testing.assert_close(x, Heun(9, even)(model, eps))
    assert torch.equal(x, pairs.batch(3, 16, 0)[0])
    assert not torch.equal(x, pairs.batch(4, 16, 0)[0])
    assert not torch.equal(x, pairs.batch(3, 16, 1)[0])
    assert len(pairs.everything()[0]) == 1100


def test_pairs_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match=r"x is \(3, 2\), eps \(2, 2\)"):
        Pairs(Reals((2,)), torch.zeros(3, 2), torch.zeros(2, 2))


def test_reflow_goes_straight():
    """Of data on a cross the first paths bend; those of the second model hardly do."""
    from genus.data import load

    ring, run = load("ring"), Run(rounds=300, batch=128, lr=5e-3, ema=0.98, device="cpu")
    torch.set_default_dtype(torch.float32)
    first = fit(flow(), ring.train, run)
    second = fit(flow(), Pairs.of(first, 4000, DDIM(50, spacing=even)), run)

    def bend(model):
        """How far one step ends from where many end."""
        eps = torch.randn(500, 2)
        with torch.no_grad():
            far = DDIM(1, spacing=even)(model, eps) - DDIM(50, spacing=even)(model, eps)
        return far.square().sum(1).mean()

    assert bend(second) < 0.2 * bend(first)


def test_couplings_make_paths_straighter():
    from genus.data import load

    ring, run = load("ring"), Run(rounds=200, batch=32, lr=5e-3, ema=0.98, device="cpu")
    torch.set_default_dtype(torch.float32)
    bends = []
    for coupling in (None, optimal_transport):
        model, eps = fit(flow(coupling=coupling), ring.train, run), torch.randn(500, 2)
        with torch.no_grad():
            far = DDIM(1, spacing=even)(model, eps) - DDIM(30, spacing=even)(model, eps)
        bends.append(far.square().sum(1).mean())
    assert bends[1] < 0.3 * bends[0]


# --- liars --------------------------------------------------------------------------------------


class WeighsTheNetworksError(Diffusion):
    def __init__(self, *rest, **named):
        super().__init__(*rest, **named)
        self.denoiser._weight = lambda alpha, sigma, weight: weight(alpha, sigma)


def test_the_law_of_weights_bites():
    with pytest.raises(AssertionError):
        weighs_the_error_of_x0(off(Velocity(), kind=WeighsTheNetworksError))


def test_the_law_of_the_bound_bites():
    path = VP(first=0.1)
    model = Diffusion(
        Off(path, Velocity()), Reals((2,)), path, Velocity(), weight=LikelihoodWeight()
    )
    with pytest.raises(AssertionError):
        is_the_bounds_integral(model)
