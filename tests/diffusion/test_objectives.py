"""On normal data with axes of their own the best variance of each step is known, and then the bound is log p."""

import laws
import pytest
import torch
from torch import nn
from torch.distributions import Normal

from genus.core import Pixels, Reals
from genus.diffusion import DDPM, Ancestral, Bound, Hybrid, Simple, TimeMLP, UNet
from genus.diffusion.noise import LinearSchedule

MEAN = torch.tensor([0.5, -0.3], dtype=torch.float64)
VARIANCE = torch.tensor([0.05, 0.6], dtype=torch.float64)
STEPS, SCHEDULE = 6, LinearSchedule(1e-3, 4e-3)


def alpha_bars():
    return torch.cat([torch.ones(1), (1 - SCHEDULE(STEPS)).cumprod(0)])


def best_shares():
    """v of t = 1 .. T, (T + 1, 2), from the betas: of var_p = Var[x_s | x_t]."""
    abar, beta = alpha_bars(), torch.cat([torch.zeros(1), SCHEDULE(STEPS)])
    shares = torch.zeros(STEPS + 1, 2)
    for t in range(1, STEPS + 1):
        before = abar[t - 1] * VARIANCE + 1 - abar[t - 1]  # of x_s
        after = abar[t] * VARIANCE + 1 - abar[t]
        best = before - (1 - beta[t]) * before.square() / after
        k = max(t, 2)
        lower = (1 - abar[k - 1]) / (1 - abar[k]) * beta[k]
        shares[t] = (best / lower).log() / (beta[t] / lower).log()
    return shares


class Best(nn.Module):
    """E[eps | x_t], and a table of v - 1 / 2 that can be learned."""

    def __init__(self, shares=None):
        super().__init__()
        self.abar = alpha_bars()
        self.scale = nn.Parameter(torch.ones(()))
        self.more = nn.Parameter(torch.zeros(STEPS + 1, 2) if shares is None else shares - 0.5)

    def forward(self, x, t):
        k = (t * STEPS).round().long()
        a = self.abar[k, None]
        eps = (1 - a).sqrt() * (x - a.sqrt() * MEAN) / (a * VARIANCE + 1 - a)
        return torch.cat([self.scale * eps, self.more[k]], dim=1)


def model_of(net, objective, kind=DDPM, **arguments):
    return kind(net, Reals((2,)), STEPS, SCHEDULE, None, objective=objective, **arguments)


@pytest.fixture(autouse=True)
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def data(n):
    return MEAN + VARIANCE.sqrt() * torch.randn(n, 2)


# --- laws -------------------------------------------------------------------------------------


def the_bound_is_log_p(model):
    """Every step back is the true one, so only what is left at the end is lost: KL(q(x_T) || p(x_T))."""
    x = data(50_000)
    mean, variance = model.signal[-1] * MEAN, alpha_bars()[-1] * (VARIANCE - 1) + 1
    lost = (mean.square() + variance - 1 - variance.log()).sum() / 2
    log_p = Normal(MEAN, VARIANCE.sqrt()).log_prob(x).sum(1)
    laws.within(log_p - model.elbo(x), lost.item())
    laws.within(log_p[:2000] + model.costs(x[:2000]).sum(1), lost.item())


def the_learned_variance_is_the_best(model):
    optimizer = torch.optim.Adam([model.net.more], lr=0.1)
    for number in range(300):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * (1 - number / 300)
        optimizer.zero_grad()
        torch.stack([*model.loss(data(600)).values()]).sum().backward()
        optimizer.step()
    wide = model.reach[1:, None] * (model.net.more + 0.5 - best_shares())[1:].detach()
    assert wide.abs().max() < 0.05, wide  # of the logarithm of the variance


def what_x0hat_learns_is_the_simple_error(model):
    x = data(600)

    def slope(objective):
        torch.manual_seed(3)
        loss = torch.stack([*objective(model, x).values()]).sum()
        return torch.autograd.grad(loss, model.net.scale)[0]

    with torch.no_grad():
        model.net.scale.fill_(0.7)
    torch.testing.assert_close(slope(model.objective), slope(Simple()))


def samples_are_the_datas(model):
    """With the true steps back, a chain of few steps ends where the data are."""
    noise = torch.randn(40_000, 2) * (alpha_bars()[-1] * (VARIANCE - 1) + 1).sqrt()
    x = model.sampler(model, noise + model.signal[-1] * MEAN)
    last = alpha_bars()[1]  # the last step gives its mean: so much of the variance is left out
    kept = VARIANCE - (1 - last) * VARIANCE / (last * VARIANCE + 1 - last)
    for i in range(2):
        laws.within(x[:, i], MEAN[i].item())
        laws.within((x[:, i] - MEAN[i]).square(), kept[i].item())


def test_at_the_best_variance_the_bound_is_log_p():
    the_bound_is_log_p(model_of(Best(best_shares()), Hybrid()))


@pytest.mark.parametrize("objective", [Hybrid(1.0), Bound()], ids=str)
def test_the_best_variance_is_learned(objective):
    the_learned_variance_is_the_best(model_of(Best(), objective))


def test_the_hybrids_bound_is_for_the_variance():
    what_x0hat_learns_is_the_simple_error(model_of(Best(), Hybrid(1.0)))


def test_a_chain_with_the_best_variance_samples_the_data():
    samples_are_the_datas(model_of(Best(best_shares()), Hybrid()))


def test_the_hybrids_second_term_is_the_bound_without_the_ends():
    """In expectation: weight times (L_0 + .. + L_(T-1)) for each number of x_0."""
    model, x = model_of(Best(), Hybrid(0.25)), data(1).expand(60_000, 2)
    costs = model.costs(x[:5000])[:, :-1].sum(1)
    terms = torch.stack([model.loss(x[:600])["variance"].detach() for _ in range(400)])
    error = (terms.var() / 400 + (0.25 / 2) ** 2 * costs.var() / 5000) ** 0.5
    assert (terms.mean() - 0.25 * costs.mean() / 2).abs() < 5 * error


def test_training_on_the_bound_is_minus_the_bound():
    model, x = model_of(Best(), Bound()), data(600)
    torch.manual_seed(4)
    loss = model.loss(x)["nll"]
    torch.manual_seed(4)
    torch.testing.assert_close(loss, -model.elbo(x).mean() / 2)


def test_on_pixels_the_bound_teaches_where_x0hat_would_be_clipped():
    model = DDPM(
        UNet(1, 4, (1, 2)), Pixels((1, 4, 4), 5), 8, variance=1.0, objective=Bound()
    )  # at first x0hat is x_t over sqrt(abar_t): far outside, late in the chain
    x = model.space.quantise(torch.rand(64, 1, 4, 4) * 2 - 1)
    k = torch.full((64,), 8)
    cost = model.step_cost(x, k, model._guess(x, k, clip=False)).mean()
    assert torch.autograd.grad(cost, model.net.leave[2].bias)[0].abs() > 1
    assert model.denoise(10 * x, k / 8).abs().max() <= 1


# --- liars ------------------------------------------------------------------------------------


class LearnsOfBoth(Hybrid):
    def __call__(self, model, x):
        k = model.any_step(x)
        noisy = model.noisy(x, k)
        whole = model.denoiser.whole(noisy.x, noisy.t)
        cost = model.cost(x, k, model.understood(whole, noisy.x, noisy.t)).mean()
        return {"error": model.error(x, noisy, whole), "variance": self.weight * cost}


class SwapsTheBounds(DDPM):
    def step_cost(self, x, k, guess):
        return super().step_cost(x, k, guess._replace(share=1 - guess.share))


class ForgetsTheRatio(DDPM):
    def step_cost(self, x, k, guess):
        error = self.weight[k][:, None] * (x - guess.start).square()
        log_ratio = -guess.share * self.reach[k][:, None]
        return ((torch.expm1(log_ratio) - log_ratio) / 2 + error).sum(1)


class KeepsTheFirstVariance(DDPM):
    def last_cost(self, x, guess):
        return super().last_cost(x, guess._replace(share=torch.ones_like(x)))


class SamplesInTheMiddle(DDPM):
    def deviation(self, guess, at, to):
        return super().deviation(guess._replace(share=0.5), at, to)


LIARS = [
    (lambda: model_of(Best(), LearnsOfBoth(1.0)), what_x0hat_learns_is_the_simple_error),
    (lambda: model_of(Best(), Hybrid(1.0)), the_bound_is_log_p),
    (lambda: model_of(Best(best_shares()), Hybrid(), SwapsTheBounds), the_bound_is_log_p),
    (lambda: model_of(Best(best_shares()), Hybrid(), ForgetsTheRatio), the_bound_is_log_p),
    (lambda: model_of(Best(best_shares()), Hybrid(), KeepsTheFirstVariance), the_bound_is_log_p),
    (lambda: model_of(Best(), Hybrid(1.0), SwapsTheBounds), the_learned_variance_is_the_best),
    (lambda: model_of(Best(), Hybrid(1.0), ForgetsTheRatio), the_learned_variance_is_the_best),
    (lambda: model_of(Best(best_shares()), Hybrid(), SamplesInTheMiddle), samples_are_the_datas),
    (
        lambda: model_of(Best(best_shares()), Hybrid(), sampler=Ancestral(3)),
        samples_are_the_datas,
    ),
]


@pytest.mark.parametrize(("make", "law"), LIARS)
def test_laws_of_the_variance_bite(make, law):
    with pytest.raises(AssertionError):
        law(make())


# --- what is refused --------------------------------------------------------------------------


def test_objectives_that_do_not_teach_are_refused():
    with pytest.raises(ValueError, match=r"variance is None.*Simple"):
        model_of(Best(), Simple())
    with pytest.raises(ValueError, match=r"variance is 0.5.*Hybrid"):
        DDPM(TimeMLP(2), Reals((2,)), objective=Hybrid())


def test_a_network_that_gives_too_little_is_refused():
    model = model_of(TimeMLP(2, 8, 1), Hybrid())
    with pytest.raises(ValueError, match=r"gives 2 channels for 2; 4 are wanted.*parts=2"):
        model.loss(data(3))
