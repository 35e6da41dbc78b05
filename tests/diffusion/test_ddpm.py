"""On normal data the best network is known, and with it every figure in closed form."""

import laws
import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal, Normal

from genus.core import Bits, Pixels, Reals
from genus.diffusion import DDPM, Ancestral, Hybrid, TimeMLP
from genus.diffusion.ddpm import Guess
from genus.diffusion.noise import CosineSchedule, LinearSchedule, alpha_bars, posterior

MEAN = torch.tensor([0.5, -0.3], dtype=torch.float64)
COVARIANCE = torch.tensor([[0.6, 0.4], [0.4, 1.1]], dtype=torch.float64)
WIDE = CosineSchedule(0.2)  # its first step adds more noise than others
TRUTH = MultivariateNormal(MEAN, COVARIANCE)


class Best(nn.Module):
    """E[eps | x_t] where x_0 is of `TRUTH`: by conditioning, from the betas alone."""

    def __init__(self, betas):
        super().__init__()
        self.abar = torch.cat([torch.ones(1), (1 - betas).cumprod(0)])
        self.values, self.vectors = torch.linalg.eigh(COVARIANCE)
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x, t):
        abar = self.abar[(t * (len(self.abar) - 1)).round().long(), None]
        away = (x - abar.sqrt() * MEAN) @ self.vectors
        return (1 - abar).sqrt() * (away / (abar * self.values + 1 - abar)) @ self.vectors.T


def best(kind=DDPM, steps=100, schedule=None, **arguments):
    torch.set_default_dtype(torch.float64)
    schedule = schedule or LinearSchedule()
    return kind(Best(schedule(steps)), Reals((2,)), steps=steps, schedule=schedule, **arguments)


# --- laws -------------------------------------------------------------------------------------


def denoises_normal_data(model):
    """E[x_0 | x_t] in closed form."""
    abar = (1 - model.schedule(model.steps)).cumprod(0)
    for t in (1, 2, model.steps // 2, model.steps):
        x, a = torch.randn(5, 2), abar[t - 1]
        gain = a.sqrt() * COVARIANCE @ (a * COVARIANCE + (1 - a) * torch.eye(2)).inverse()
        wanted = MEAN + (x - a.sqrt() * MEAN) @ gain.T
        torch.testing.assert_close(model.denoise(x, torch.full((len(x),), t / model.steps)), wanted)


def predicts_the_score(model):
    """-eps / sqrt(1 - abar_t) = grad log q(x_t)."""
    abar = (1 - model.schedule(model.steps)).cumprod(0)
    for t in (1, model.steps // 2, model.steps):
        a, x = abar[t - 1], torch.randn(5, 2, requires_grad=True)
        q = MultivariateNormal(a.sqrt() * MEAN, a * COVARIANCE + (1 - a) * torch.eye(2))
        (score,) = torch.autograd.grad(q.log_prob(x).sum(), x)
        claimed = -model.denoiser.out(x, torch.full((len(x),), t / model.steps)) / (1 - a).sqrt()
        torch.testing.assert_close(claimed, score)


def moments_of_the_chain(model):
    """Mean and covariance of the samples: the chain is affine, so both are carried along it.

    The coefficients are those of equation 7 of the paper, from the betas.
    """
    betas = model.schedule(model.steps)
    abar = torch.cat([torch.ones(1), (1 - betas).cumprod(0)])
    mean, covariance, eye = torch.zeros(2), torch.eye(2), torch.eye(2)
    for t in range(model.steps, 0, -1):
        beta, a, b = betas[t - 1], abar[t], abar[t - 1]
        gain = a.sqrt() * COVARIANCE @ (a * COVARIANCE + (1 - a) * eye).inverse()
        on_start = b.sqrt() * beta / (1 - a)
        move = on_start * gain + (1 - beta).sqrt() * (1 - b) / (1 - a) * eye
        mean = on_start * (MEAN - gain @ MEAN * a.sqrt()) + move @ mean
        covariance = move @ covariance @ move.T
        if t > 1:
            lower, share = (1 - b) / (1 - a) * beta, model.variance
            covariance = covariance + lower ** (1 - share) * beta**share * eye
    return mean, covariance


def samples_are_the_chains(model):
    x = model.sample(40_000)
    mean, covariance = moments_of_the_chain(model)
    for i in range(2):
        laws.within(x[:, i], mean[i].item())
        for j in range(i + 1):
            product = (x[:, i] - mean[i]) * (x[:, j] - mean[j])
            laws.within(product, covariance[i, j].item())


def bound_is_tight_from_below(model):
    """With the best network, the best variance and many steps next to nothing is lost."""
    for x in (torch.tensor([0.4, 0.1]), torch.tensor([-1.5, 1.5])):
        draws = model.elbo(x.expand(40_000, 2))
        error = draws.std() / len(draws) ** 0.5
        gap = TRUTH.log_prob(x) - draws.mean()
        assert gap > -5 * error, f"{-gap:.4f} above log p, standard error {error:.4f}"
        assert gap < 0.1 + 5 * error, f"{gap:.4f} below log p, standard error {error:.4f}"


def test_the_best_network_denoises():
    denoises_normal_data(best())


def test_the_best_network_gives_the_score():
    predicts_the_score(best())


@pytest.mark.parametrize("variance", [0.0, 0.5, 1.0])
def test_ancestral_samples_follow_the_paper(variance):
    samples_are_the_chains(best(steps=20, schedule=WIDE, variance=variance))


def test_fewer_and_longer_steps_end_near_the_data_too():
    model = best(steps=1000, schedule=CosineSchedule(), variance=1.0, sampler=Ancestral(100))
    x = model.sample(10_000)
    assert (x.mean(0) - MEAN).abs().max() < 0.05
    assert (x.T.cov() - COVARIANCE).abs().max() < 0.1


def test_ancestral_wants_an_evaluation():
    with pytest.raises(ValueError, match="evaluations is 0"):
        Ancestral(0)


@pytest.mark.parametrize("variance", [0.0, 0.5, 1.0])
def test_the_chain_ends_at_the_data(variance):
    """The error of the discrete chain falls in proportion to the length of its steps."""
    errors = []
    for steps in (50, 200, 800):
        mean, covariance = moments_of_the_chain(
            best(steps=steps, schedule=CosineSchedule(), variance=variance)
        )
        errors.append((mean - MEAN).abs().max() + (covariance - COVARIANCE).abs().max())
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert errors[2] < 0.01


def test_the_bound_is_tight():
    bound_is_tight_from_below(best(steps=1000, variance=1.0))


@pytest.mark.parametrize("variance", [0.0, 0.5, 1.0])
def test_the_bound_with_few_steps_and_much_left_at_the_end(variance):
    """All the terms count here: the bound is what each of them is in closed form."""
    model = best(steps=4, schedule=LinearSchedule(first=1e-3, last=4e-3), variance=variance)
    x = torch.tensor([1.0, 2.0]).expand(20_000, 2)
    betas = model.schedule(4)
    abar, eye = (1 - betas).cumprod(0), torch.eye(2)
    total = (abar[-1] * x[0].square() - abar[-1] - (1 - abar[-1]).log()).sum() / 2  # the prior
    for t in range(1, 5):
        # x_0 - x0hat is affine in eps: its mean square, by the mean and the covariance
        a = abar[t - 1]
        gain = a.sqrt() * COVARIANCE @ (a * COVARIANCE + (1 - a) * eye).inverse()
        off = (eye - a.sqrt() * gain) @ (x[0] - MEAN)
        square = off.square().sum() + (1 - a) * gain.square().sum()
        if t == 1:
            total = total + square / 2 / betas[0] + (2 * torch.pi * betas[0]).log()
        else:
            b = abar[t - 2]
            q = (1 - b) / (1 - a) * betas[t - 1]
            p = q ** (1 - variance) * betas[t - 1] ** variance
            move = b.sqrt() * betas[t - 1] / (1 - a)
            total = total + q / p - 1 - (q / p).log() + move**2 * square / p / 2
    laws.within(-model.elbo(x), total.item())
    laws.within(model.costs(x).sum(1), total.item())
    assert -total < TRUTH.log_prob(x[0])


# --- a bound for any network ------------------------------------------------------------------


class Weighed(DDPM):
    """With weights p(x_0 .. x_T) / q(x_1 .. x_T | x_0) of whole paths: E[weight] = p(x_0)."""

    def log_weight(self, x):
        betas = self.schedule(self.steps)
        abar = torch.cat([torch.ones(1), (1 - betas).cumprod(0)])
        path, total = [x], torch.zeros(len(x))
        for beta in betas:
            q = Normal((1 - beta).sqrt() * path[-1], beta.sqrt())
            path.append(q.sample())
            total = total - q.log_prob(path[-1]).flatten(1).sum(1)
        total = total + Normal(0.0, 1.0).log_prob(path[-1]).flatten(1).sum(1)
        for t in range(self.steps, 0, -1):
            beta, a, b = betas[t - 1], abar[t], abar[t - 1]
            start, share = self.guess(path[t], torch.full((len(x),), t / self.steps))
            mean = b.sqrt() * beta / (1 - a) * start
            mean = mean + (1 - beta).sqrt() * (1 - b) / (1 - a) * path[t]
            if t > 1:
                lower = (1 - b) / (1 - a) * beta
                std = (lower ** (1 - share) * beta**share).sqrt()
                p = Normal(mean, std).log_prob(path[t - 1])
            else:
                lower = (1 - a) / (1 - abar[2]) * betas[1]  # of t = 2
                share = 1.0 if self.variance is not None else share
                p = self.last(x, Normal(mean, (lower ** (1 - share) * beta**share).sqrt()))
            total = total + p.flatten(1).sum(1)
        return total

    def last(self, x, p):
        if isinstance(self.space, Reals):
            return p.log_prob(x)
        upper = torch.where(x > 0.99, torch.inf, x + self.space.bin / 2)
        lower = torch.where(x < -0.99, -torch.inf, x - self.space.bin / 2)
        return (p.cdf(upper) - p.cdf(lower)).log()


SPACES = [Reals((2,)), Pixels((1, 1, 2), levels=3)]


def weighed(space, kind=Weighed, learned=False, steps=4):
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    net = TimeMLP(2, width=8, blocks=1, parts=2 if learned else 1)
    says = {"variance": None, "objective": Hybrid()} if learned else {}
    model = kind(net, space, steps=steps, schedule=LinearSchedule(1e-4, 2e-3), **says)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return model.eval()


def rows(space):
    """Every x on pixels, in order; on the reals a few of the size of data."""
    return torch.randn(3, 2) if isinstance(space, Reals) else laws.every_x(space)


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("space", SPACES, ids=str)
def test_paths_weigh_one_together(space, learned):
    """So the weights below are right: they are a truth apart from the model's own formulas."""
    model = weighed(space, learned=learned)
    if isinstance(space, Reals):
        drawn = model.sample(1000)
        q = Normal(drawn.mean(0), 1.5 * drawn.std(0))
        x = q.sample((50_000,))
        laws.within((model.log_weight(x) - q.log_prob(x).sum(1)).exp(), 1.0)
    else:
        x = laws.every_x(space).repeat(2000, 1, 1, 1)
        laws.within(model.log_weight(x).exp().view(2000, -1).sum(1), 1.0)


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("space", SPACES, ids=str)
def test_elbo_is_a_bound_for_any_network(space, learned):
    model, draws = weighed(space, learned=learned), 5000
    for x in rows(space):
        many = x.expand(draws, *space.shape)
        elbo, log_weight = model.elbo(many), model.log_weight(many)
        log_p = log_weight.logsumexp(0) - torch.tensor(draws).log()
        ratio = (log_weight - log_p).exp()
        error = ((elbo.var() + ratio.var()) / draws) ** 0.5
        assert elbo.mean() <= log_p + 5 * error
        laws.within(log_weight - elbo, 0.0)  # E log weight is the bound: estimated by whole paths
        laws.within(log_weight + model.costs(many).sum(1), 0.0)


def test_every_time_is_learned_equally_often():
    seen = []

    class Remembers(TimeMLP):
        def forward(self, x, t):
            seen.append((7 * t).round().long())
            return super().forward(x, t)

    model = DDPM(Remembers(2, width=4, blocks=1), Reals((2,)), steps=7)
    for _ in range(2000):
        model.loss(torch.randn(13, 2))
    counts = torch.bincount(torch.cat(seen), minlength=8)
    assert counts[0] == 0
    assert (counts[1:] - 26_000 / 7).abs().max() < 5 * (26_000 / 7) ** 0.5


# --- liars ------------------------------------------------------------------------------------


class WrongCoefficient(Ancestral):
    def __call__(self, model, x, start=None):
        abar = alpha_bars(model.schedule(model.steps))
        q = posterior(abar[:-1], abar[1:])
        for t in range(model.steps, 0, -1):
            wrong = q.on_noisy[t - 1] * abar[t - 1].sqrt()
            guess = model.denoise(x, torch.full((len(x),), t / model.steps))
            x = q.on_start[t - 1] * guess + wrong * x
            if t > 1:
                x = x + q.variance[t - 1].sqrt() * torch.randn_like(x)
        return x


class NoisyToTheLast(Ancestral):
    def __call__(self, model, x, start=None):
        x = super().__call__(model, x, start)
        return x + model.spread[1] * torch.randn_like(x)


class ForgetsThePrior(DDPM):
    def prior_cost(self, x):
        return torch.zeros(len(x))


class ForgetsTheLastStep(DDPM):
    def last_cost(self, x, guess):
        return torch.zeros(len(x))


class ForgetsTheChance(DDPM):
    def any_late_step(self, x):
        return torch.randint(2, self.steps + 1, (len(x),))


class ScalesTheDenoiser(DDPM):
    def understood(self, whole, x, t, clip=True):
        start, share = super().understood(whole, x, t, clip)
        return Guess(0.95 * start, share)


class CountsFromZero(DDPM):
    def __init__(self, net, *rest, **named):
        super().__init__(Late(net, 1 / named["steps"]), *rest, **named)


class Late(nn.Module):
    def __init__(self, net, by):
        super().__init__()
        self.net, self.by = net, by

    def forward(self, x, t):
        return self.net(x, t - self.by)


WEAK = LinearSchedule(
    first=1e-4, last=4e-3
)  # at the end, an eighth of the variance is still the data's
LIARS = [
    (lambda: best(steps=20, schedule=WIDE, sampler=WrongCoefficient()), samples_are_the_chains),
    (lambda: best(steps=20, schedule=WIDE, sampler=NoisyToTheLast()), samples_are_the_chains),
    (lambda: best(ScalesTheDenoiser, steps=20, schedule=WIDE), samples_are_the_chains),
    (
        lambda: best(ForgetsThePrior, steps=1000, schedule=WEAK, variance=1.0),
        bound_is_tight_from_below,
    ),
    (lambda: best(ForgetsTheLastStep, steps=1000, variance=1.0), bound_is_tight_from_below),
    (lambda: best(ForgetsTheChance, steps=1000, variance=1.0), bound_is_tight_from_below),
    (lambda: best(ScalesTheDenoiser), denoises_normal_data),
    (lambda: best(CountsFromZero), denoises_normal_data),
    (lambda: best(CountsFromZero), predicts_the_score),
]


@pytest.mark.parametrize(("make", "law"), LIARS)
def test_diffusion_laws_bite(make, law):
    with pytest.raises(AssertionError):
        law(make())


# --- what else --------------------------------------------------------------------------------


def test_pixels_are_sampled_on_their_grid_and_denoised_inside_it():
    model = weighed(Pixels((1, 2, 1), levels=5), DDPM)
    x = model.sample(50)
    assert torch.equal(x, model.space.quantise(x))
    assert model.denoise(10 * torch.randn(50, 1, 2, 1), torch.full((50,), 0.75)).abs().max() <= 1


def test_bits_are_refused():
    with pytest.raises(ValueError, match=r"DDPM: space is Bits.*Pixels of 2 levels"):
        DDPM(TimeMLP(4), Bits((4,)))


def test_coefficients_are_cast_after_they_are_computed():
    """Small betas vanish beside 1 in single precision: 1 - abar must not be taken there."""
    model = DDPM(TimeMLP(2), Reals((2,)), steps=1000, schedule=CosineSchedule(0.0))
    assert model.spread.dtype == torch.float32
    exact = (-torch.expm1(torch.log1p(-CosineSchedule(0.0)(1000)).cumsum(0))).sqrt()
    torch.testing.assert_close(model.spread[1:].double(), exact, rtol=1e-6, atol=0)
