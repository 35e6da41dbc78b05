"""On normal data the best denoiser is known on every path, and with it the bound and the samples."""

from itertools import pairwise

import laws
import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal

from genus.core import Bits, Classes, Pixels, Reals
from genus.diffusion import (
    DDIM,
    Diffusion,
    LogitNormal,
    LogNormal,
    TimeMLP,
    Uniform,
)
from genus.diffusion.denoiser import Denoiser
from genus.functional.densities.densities import log_discretised_normal
from genus.functional.diffusion.parametrisations import (
    Epsilon,
    Preconditioned,
    Score,
    Slope,
    Start,
    Velocity,
)
from genus.functional.diffusion.paths import VE, VP, Cosine, LinearVE, Straight, SubVP
from genus.functional.diffusion.spacings import Karras, by_log_snr, even, quadratic
from genus.nn import Labels

MEAN = torch.tensor([0.5, -0.3], dtype=torch.float64)
COVARIANCE = torch.tensor([[0.6, 0.4], [0.4, 1.1]], dtype=torch.float64)
TRUTH = MultivariateNormal(MEAN, COVARIANCE)


class Best(nn.Module):
    """E[target | x_t] for x_0 of `TRUTH`, whatever the target: all are linear in x_0 and eps."""

    def __init__(self, path, asked):
        super().__init__()
        self.path, self.asked = path, asked
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x, t):
        if isinstance(self.asked, Preconditioned):  # it is shown ln(sigma / alpha) / 4
            t = self.path.time(-4 * t)
        alpha, sigma = self.path.alpha(t)[:, None], self.path.sigma(t)[:, None]
        if isinstance(self.asked, Preconditioned):
            x = x * (sigma**2 + (alpha * self.asked.deviation) ** 2).sqrt()
        start = best(x, alpha, sigma)
        return self.asked.target(start, (x - alpha * start) / sigma, alpha, sigma)


def best(x, alpha, sigma):
    """E[x_0 | x_t], by conditioning."""
    values, vectors = torch.linalg.eigh(COVARIANCE)
    away = (x - alpha * MEAN) @ vectors
    return MEAN + (away * alpha * values / (alpha**2 * values + sigma**2)) @ vectors.T


CASES = [
    (VP(), Epsilon()),
    (SubVP(), Score()),
    (Cosine(), Velocity()),
    (VE(0.01, 30.0), Epsilon()),
    (LinearVE(0.01, 30.0), Preconditioned(0.8)),
    (Straight(), Slope()),
    (Straight(), Start()),
]
every_case = pytest.mark.parametrize(("path", "asked"), CASES, ids=lambda c: type(c).__name__)


def make(path, asked, kind=Diffusion, **more):
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    return kind(Best(path, asked), Reals((2,)), path, asked, **more)


# --- laws -------------------------------------------------------------------------------------


def it_denoises(model):
    path = model.path
    for t in torch.linspace(path.first, 0.98, 5):
        x = torch.randn(4, 2)
        wanted = best(x, path.alpha(t), path.sigma(t))
        torch.testing.assert_close(model.denoise(x, t.expand(4)), wanted)


def gaps(model):
    """By how much the bound is below log p, and the standard error of that, at two places."""
    for x in (torch.tensor([0.4, 0.1]), torch.tensor([-1.5, 1.5])):
        draws = model.elbo(x.expand(40_000, 2))
        groups = draws.view(-1, 100).mean(1)  # times are even within a batch
        yield TRUTH.log_prob(x) - draws.mean(), groups.std() / len(groups) ** 0.5


def the_bound_is_below(model):
    for gap, error in gaps(model):
        assert gap > -5 * error, f"{-gap:.4f} above log p, standard error {error:.4f}"


def the_bound_is_tight(model):
    """With the best denoiser, what is lost is the ends alone."""
    the_bound_is_below(model)
    for gap, error in gaps(model):
        assert gap < 0.05 + 5 * error, f"{gap:.4f} below log p, standard error {error:.4f}"


def samples_end_at_the_data(model):
    x = model.sample(20_000, sampler=DDIM(200, 0.0, by_log_snr))
    assert (x.mean(0) - MEAN).abs().max() < 5 * (1.1 / len(x)) ** 0.5 + 0.02
    assert (x.T.cov() - COVARIANCE).abs().max() < 0.06


@every_case
def test_it_denoises(path, asked):
    it_denoises(make(path, asked))


@every_case
def test_the_bound_is_tight(path, asked):
    the_bound_is_tight(make(path, asked))


@every_case
def test_samples_end_at_the_data(path, asked):
    if isinstance(path, Straight):
        path = Straight(1e-3)
    samples_end_at_the_data(make(path, asked))


@every_case
def test_the_best_network_has_the_least_loss(path, asked):
    """And the loss of a network that is a little off is more by as much, in its own units."""
    model = make(path, asked)
    x = TRUTH.sample((40_000,))
    torch.manual_seed(1)
    least = model.loss(x)["error"]

    class Off(nn.Module):
        def forward(self, x, t):
            return model.net(x, t) + 0.3

    torch.manual_seed(1)
    more = Diffusion(Off(), Reals((2,)), path, asked).loss(x)["error"]
    assert (more - least - 0.09).abs() < 0.02


# --- pixels -----------------------------------------------------------------------------------


def test_the_bound_on_pixels_counts_bins():
    """Two levels, one pixel, a denoiser that knows nothing: every part by hand."""
    torch.set_default_dtype(torch.float64)

    class Nothing(nn.Module):
        def forward(self, x, t):
            return torch.zeros_like(x)

    path = VP(first=0.3)
    model = Diffusion(Nothing(), Pixels((1,), 2), path, Start())
    x = torch.ones(60_000, 1)
    first, last = torch.tensor(0.3), torch.tensor(1.0)
    snr = [(path.alpha(t) / path.sigma(t)) ** 2 for t in (first, last)]
    log_std = (path.sigma(first) / path.alpha(first)).log()
    a, s = path.alpha(last), path.sigma(last)
    prior = (a**2 + s**2 - 1) / 2 - s.log()
    on_the_way = (snr[0] - snr[1]) / 2
    end = -log_discretised_normal(x[:1], torch.zeros(1, 1), log_std.expand(1, 1), 2)
    draws = -model.elbo(x)
    groups = draws.view(-1, 100).mean(1)
    laws.within(groups, (prior + on_the_way + end).item())


def test_pixels_are_denoised_inside_their_grid_and_sampled_on_it():
    torch.manual_seed(0)
    model = Diffusion(TimeMLP(4, 8), Pixels((1, 2, 2), 5), Straight(), Slope())
    assert model.denoise(10 * torch.randn(9, 1, 2, 2), torch.full((9,), 0.7)).abs().max() <= 1
    x = model.sample(9)
    assert torch.equal(x, model.space.quantise(x))


def test_bits_are_refused():
    with pytest.raises(ValueError, match=r"Diffusion: space is Bits.*Pixels of 2 levels"):
        Diffusion(TimeMLP(4), Bits((4,)))


# --- times and spacings -----------------------------------------------------------------------


def test_times_are_drawn_as_they_say():
    torch.set_default_dtype(torch.float64)
    u, path = (torch.arange(100_000) + 0.5) / 100_000, LinearVE(1e-4, 1e4)
    log_sigma = path.sigma(LogNormal(-1.2, 1.1)(u, path)).log()
    assert (log_sigma.mean() + 1.2).abs() < 1e-3
    assert (log_sigma.std() - 1.1).abs() < 1e-3
    logit = torch.logit(LogitNormal(0.3, 0.8)(u, Straight(1e-4)).clamp(max=1 - 1e-9))
    assert (logit.mean() - 0.3).abs() < 1e-2
    assert (logit.std() - 0.8).abs() < 1e-2
    t = Uniform()(u, VP(first=0.2))
    assert 0.2 <= t.min() < 0.201
    assert (t.mean() - 0.6).abs() < 1e-6


@pytest.mark.parametrize(
    "spacing", [even, quadratic, by_log_snr, Karras()], ids=lambda s: getattr(s, "__name__", str(s))
)
@pytest.mark.parametrize("path", [VP(), Straight(), LinearVE(), VE()], ids=str)
def test_times_fall_from_the_start_to_the_first(spacing, path):
    for start in (path.last, 0.6):
        times = spacing(path, 7, start)
        assert len(times) == 7
        assert all(a > b for a, b in pairwise(times))
        assert times[-1] == pytest.approx(path.first, rel=1e-6)
        assert times[0] == pytest.approx(start, rel=1e-12)


def test_karras_times_are_the_papers():
    path, n, rho = LinearVE(0.002, 80.0), 18, 7
    sigmas = [80.0 * t for t in Karras(rho)(path, n, 1.0)]
    for i, sigma in enumerate(sigmas):
        root = 80.0 ** (1 / rho) + i / (n - 1) * (0.002 ** (1 / rho) - 80.0 ** (1 / rho))
        assert sigma == pytest.approx(root**rho, rel=1e-9)


def test_a_later_start_begins_there():
    """From x at t = 0.5 the sampler goes on as if it had come from 1."""
    model = make(VP(), Epsilon())
    start, x = torch.tensor(0.5), TRUTH.sample((20_000,))
    noisy = VP().alpha(start) * x + VP().sigma(start) * torch.randn_like(x)
    back = DDIM(200, spacing=by_log_snr)(model, noisy, 0.5)
    assert (back.mean(0) - MEAN).abs().max() < 0.04
    assert (back.T.cov() - COVARIANCE).abs().max() < 0.06


# --- a context --------------------------------------------------------------------------------


def test_a_dropped_context_is_zeros():
    torch.manual_seed(0)
    seen = []

    class Looks(TimeMLP):
        def forward(self, x, t, context=None):
            seen.append(context)
            return super().forward(x, t, context)

    net, embed = Looks(2, 8, context=3), Labels(3)
    model = Diffusion(net, Reals((2,)), context_space=Classes(3), embed=embed, drop_context=0.25)
    x, context = torch.randn(4000, 2), torch.randint(3, (4000,))
    model.loss(x, context)
    dropped = (seen[-1] == 0).all(1)
    assert (dropped.double().mean() - 0.25).abs() < 5 * (0.25 * 0.75 / 4000) ** 0.5
    assert torch.equal(seen[-1][~dropped], torch.eye(3)[context[~dropped]])
    nothing = model.unconditional(context[:5]).denoise(x[:5], torch.full((5,), 0.5))
    assert (seen[-1] == 0).all()
    given = model.given(context[:5]).denoise(x[:5], torch.full((5,), 0.5))
    assert torch.equal(given, model.denoise(x[:5], torch.full((5,), 0.5), context[:5]))
    assert nothing.shape == given.shape


def test_a_network_checks_whether_it_gets_a_context():
    with pytest.raises(ValueError, match="built without a context, and got one"):
        TimeMLP(2, 8)(torch.zeros(1, 2), torch.zeros(1), torch.zeros(1, 3))
    with pytest.raises(ValueError, match="built for a context, and got none"):
        TimeMLP(2, 8, context=3)(torch.zeros(1, 2), torch.zeros(1))


def test_the_dropped_share_is_a_share():
    with pytest.raises(ValueError, match=r"drop_context is 1\.0"):
        Diffusion(
            TimeMLP(2, context=3),
            Reals((2,)),
            context_space=Classes(3),
            embed=Labels(3),
            drop_context=1.0,
        )


# --- liars ------------------------------------------------------------------------------------


class ForgetsThePrior(Denoiser):
    def prior_cost(self, x):
        return torch.zeros(len(x))


class ForgetsTheLastStep(Denoiser):
    def last_cost(self, x, *context):
        return torch.zeros(len(x))


class ForgetsTheRange(Denoiser):
    def path_cost(self, x, *context):
        ends = torch.tensor([self.path.last, self.path.first])
        low, high = self.path.log_snr(ends)
        return super().path_cost(x, *context) / (high - low)


WEAK = VP(0.1, 2.0)  # at the end a third of the variance is still the data's


LIARS = [
    (ForgetsThePrior, WEAK, the_bound_is_below),
    (ForgetsTheRange, VP(), the_bound_is_below),
    (ForgetsTheLastStep, VP(), the_bound_is_tight),
]


def test_a_bound_holds_where_much_is_left_at_the_end():
    the_bound_is_below(make(WEAK, Epsilon()))


@pytest.mark.parametrize(("kind", "path", "law"), LIARS)
def test_the_bound_bites(kind, path, law):
    model = make(path, Epsilon())
    model.denoiser = kind(model.net, model.space, path, Epsilon())
    with pytest.raises(AssertionError):
        law(model)


class Small(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, t):
        return 0.95 * self.net(x, t)


@pytest.mark.parametrize("law", [it_denoises, samples_end_at_the_data])
def test_the_laws_of_samples_bite(law):
    model = make(VP(), Epsilon())
    with pytest.raises(AssertionError):
        law(Diffusion(Small(model.net), Reals((2,)), VP(), Epsilon()))


def test_noise_is_not_coupled_across_contexts():
    net = TimeMLP(2, 8, 1, context=2)
    with pytest.raises(ValueError, match="coupling pairs noise with rows whatever their context"):
        Diffusion(
            net,
            Reals((2,)),
            coupling=lambda x, eps: eps,
            context_space=Reals((2,)),
            embed=nn.Identity(),
        )
