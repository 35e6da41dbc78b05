"""f-divergences: conjugates by brute force, bounds by enumeration, fits by quadrature."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from genus.functional.densities.divergences import DIVERGENCES, RatioMatching
from genus.train import artifact

P = torch.tensor([1, 2, 3, 10], dtype=torch.float64) / 16
Q = torch.tensor([4, 6, 3, 3], dtype=torch.float64) / 16
M = (P + Q) / 2
JS = ((P * (P / M).log() + Q * (Q / M).log()).sum() / 2).item()
TRUTH = {  # written out, not by f
    "kl": (P * (P / Q).log()).sum().item(),
    "reverse_kl": (Q * (Q / P).log()).sum().item(),
    "pearson": ((P - Q) ** 2 / Q).sum().item(),
    "neyman": ((P - Q) ** 2 / P).sum().item(),
    "hellinger": ((P.sqrt() - Q.sqrt()) ** 2).sum().item(),
    "jensen_shannon": 2 * JS,
    "f_gan": 2 * JS - 2 * math.log(2),
}
EACH = pytest.mark.parametrize("d", DIVERGENCES.values(), ids=list(DIVERGENCES))


@pytest.fixture(autouse=True)
def exact():
    torch.set_default_dtype(torch.float64)


def slope(d, u):
    """f'(u) by autograd."""
    u = u.clone().requires_grad_()
    return torch.autograd.grad(d.f(u).sum(), u)[0]


BEST = {  # the score of the best critic, from the ratio p / q
    "kl": lambda u: 1 + u.log(),
    "reverse_kl": torch.log,
    "pearson": lambda u: 2 * (u - 1),
    "neyman": lambda u: 2 * u.log(),
    "hellinger": lambda u: u.log() / 2,
    "jensen_shannon": torch.log,
    "f_gan": torch.log,
}


def test_each_has_a_truth():
    assert TRUTH.keys() == BEST.keys() == DIVERGENCES.keys()


@EACH
def test_conjugates_are_legendre_transforms(d):
    """f*(t) = sup over u of u t - f(u), by trying 400,000 ratios for each t = f'(u) on a grid."""
    u = torch.logspace(-6, 6, 400_001)
    for t in slope(d, torch.logspace(-1.5, 1.5, 13)):
        best = (u * t - d.f(u)).max()
        torch.testing.assert_close(d.conjugate(t), best, rtol=1e-6, atol=1e-6)


@EACH
def test_the_activation_reaches_the_domain_and_no_more(d):
    v = torch.linspace(-8, 8, 801)
    t = d.activation(v)
    assert (t.diff() > 0).all()
    assert d.conjugate(t).isfinite().all()
    torch.testing.assert_close(d.conjugate_of_activation(v), d.conjugate(t), rtol=1e-7, atol=1e-7)
    u = torch.logspace(-4, 4, 33)  # every slope of f is some g(v)
    torch.testing.assert_close(d.activation(BEST[d.name](u)), slope(d, u), rtol=1e-9, atol=1e-9)


@EACH
def test_the_composed_form_keeps_its_digits(d):
    """Far out, where f*(g(v)) in single precision would be inf or 0/0."""
    v = torch.tensor([-30.0, 30.0], dtype=torch.float32)
    wide = d.conjugate_of_activation(v.double())
    torch.testing.assert_close(d.conjugate_of_activation(v).double(), wide, rtol=1e-5, atol=1e-9)
    assert d.activation(v).isfinite().all()


@EACH
def test_the_best_critic_measures_the_divergence(d):
    """Minus the critic's loss at T = f'(p / q) is D_f, and no other critic has more."""
    real, fake = (16 * P).long(), (16 * Q).long()

    def value(v):
        terms = d.critic(v.repeat_interleave(real), v.repeat_interleave(fake))
        return -sum(terms.values()).item()

    best = BEST[d.name](P / Q)
    assert value(best) == pytest.approx(TRUTH[d.name], abs=1e-10)
    assert (Q * d.f(P / Q)).sum().item() == pytest.approx(TRUTH[d.name], abs=1e-12)
    for _ in range(100):
        assert value(best + torch.randn(4)) <= TRUTH[d.name] + 1e-12


@EACH
def test_both_generators(d):
    """One lowers the bound, the other pulls scores up."""
    fake = torch.tensor([-1.0, 0.5])
    t = d.activation(fake)
    none = fake.new_empty(0)
    lower = replace(d, alternative=False).generator(none, fake)["fool"].item()
    assert lower == pytest.approx(-d.conjugate(t).mean().item())
    pull = replace(d, alternative=True).generator(none, fake)["fool"].item()
    assert pull == pytest.approx(-t.mean().item())
    assert d.alternative == (d.name == "pearson")


@EACH
def test_they_survive_an_artifact(d):
    assert artifact.decode(artifact.encode(d)) == d


# --- one Gaussian for two, by quadrature: the truth against the game at its best critic ----------

X = torch.linspace(-9, 9, 3601, dtype=torch.float64)
STEP = (X[1] - X[0]).item()
MIXTURE = 0.6 * torch.exp(-0.5 * (X + 1.2) ** 2 / 0.5) / math.sqrt(2 * math.pi * 0.5)
MIXTURE = MIXTURE + 0.4 * torch.exp(-0.5 * (X - 1.2) ** 2 / 0.7) / math.sqrt(2 * math.pi * 0.7)


def normal(mean, log_std):
    return torch.exp(-0.5 * ((X - mean) / log_std.exp()) ** 2 - log_std) / math.sqrt(2 * math.pi)


def exact_divergence(d, q):
    return (q * d.f(MIXTURE / q)).sum() * STEP


def fitted(loss):
    """Mean and log std where LBFGS ends, and the loss there."""
    theta = torch.tensor([0.3, 0.1], requires_grad=True)
    optimizer = torch.optim.LBFGS([theta], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        value = loss(normal(theta[0], theta[1]))
        value.backward()
        return value

    optimizer.step(closure)
    return theta.detach(), closure().item()


@EACH
def test_one_gaussian_fitted_to_two(d):
    """The generator that follows a critic kept at its best ends where the exact divergence is least.

    The critic's scores are found anew for each q and held still, as a player's are; the generator
    moves the weights q alone (which is what moving rows does, in expectation).
    """

    def game(q):
        v = BEST[d.name](MIXTURE / q.detach())
        bound = MIXTURE * d.activation(v) - q * d.conjugate_of_activation(v)
        return bound.sum() * STEP

    with torch.no_grad():
        q = normal(torch.tensor(0.1), torch.tensor(0.2))
        torch.testing.assert_close(game(q), exact_divergence(d, q), rtol=1e-6, atol=1e-8)
    truth, least = fitted(lambda q: exact_divergence(d, q))
    found, value = fitted(game)
    torch.testing.assert_close(found, truth, rtol=0, atol=2e-3)
    assert value == pytest.approx(least, abs=1e-5)


def test_forward_covers_and_reverse_picks():
    """The order of the fitted widths, widest first."""
    width = {}
    for name in ("kl", "jensen_shannon", "reverse_kl"):
        theta, _ = fitted(lambda q, d=DIVERGENCES[name]: exact_divergence(d, q))
        width[name] = theta[1].exp().item()
    assert width["kl"] > width["jensen_shannon"] > width["reverse_kl"]
    std = ((MIXTURE * X**2).sum() * STEP - ((MIXTURE * X).sum() * STEP) ** 2).sqrt().item()
    assert width["kl"] == pytest.approx(std, abs=1e-3)  # forward KL matches the moments


# --- ratio matching ---------------------------------------------------------------------------


def test_ratio_by_hand():
    game = RatioMatching(bound=5.0)
    v = torch.tensor([0.0, 1.0])
    u = 5 / (1 + 4 * torch.exp(-v))
    assert u[0] == 1
    torch.testing.assert_close(game.log_ratio(v), u.log())
    real, fake = v, v + 1
    w = 5 / (1 + 4 * torch.exp(-fake))
    terms = game.critic(real, fake)
    assert sum(terms.values()).item() == pytest.approx((w.square() / 2).mean() - u.mean())
    none = v.new_empty(0)
    assert game.generator(none, v)["fool"].item() == pytest.approx(((u - 1) ** 2).mean().item() / 2)
    follows = RatioMatching(5.0, follow=True).generator(none, v)["fool"].item()
    assert follows == pytest.approx(-(u**2).mean().item() / 2)


@pytest.mark.parametrize("bound", [20.0, 2.0])
def test_the_best_ratio_is_the_true_one_up_to_its_bound(bound):
    game = RatioMatching(bound)
    v = torch.zeros(4, requires_grad=True)
    optimizer = torch.optim.LBFGS([v], max_iter=500, line_search_fn="strong_wolfe")
    real, fake = (16 * P).long(), (16 * Q).long()

    def closure():
        optimizer.zero_grad()
        terms = game.critic(v.repeat_interleave(real), v.repeat_interleave(fake))
        loss = sum(terms.values())
        loss.backward()
        return loss

    optimizer.step(closure)
    u = game.log_ratio(v.detach()).exp()
    torch.testing.assert_close(u, (P / Q).clamp(max=bound), rtol=1e-3, atol=1e-3)
    if bound == 20.0:
        assert closure().item() == pytest.approx(-(P**2 / Q).sum().item() / 2, abs=1e-6)
        half = game.generator(v.new_empty(0), v.repeat_interleave(fake))["fool"].item()
        assert half == pytest.approx(TRUTH["pearson"] / 2, abs=1e-5)


def test_the_ratio_of_two_gaussians_is_learned():
    """Log-ratio of N(0, 1) to N(1, 1) from 4,000 quantiles of each; mean square error over both."""
    at = (torch.arange(4000) + 0.5) / 4000
    real = math.sqrt(2) * torch.erfinv(2 * at - 1)
    fake = real + 1
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    game = RatioMatching(bound=20.0)
    optimizer = torch.optim.LBFGS(net.parameters(), max_iter=150, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = sum(game.critic(net(real[:, None]), net(fake[:, None])).values())
        loss.backward()
        return loss

    optimizer.step(closure)
    x = torch.cat([real, fake])
    with torch.no_grad():
        error = game.log_ratio(net(x[:, None])[:, 0]) - (0.5 - x)
    assert error.square().mean() <= 0.05


def test_an_unbounded_ratio_runs_away_and_this_one_does_not():
    """Data where nothing is made: the loss falls for ever with u, here it ends at the bound."""
    game = RatioMatching(bound=7.0)
    losses = [game.critic(torch.tensor([v]), torch.tensor([-50.0])) for v in (50.0, 500.0)]
    assert [sum(terms.values()).item() for terms in losses] == pytest.approx([-7.0, -7.0])


@pytest.mark.parametrize("bound", [1.0, -3.0])
def test_bounds_that_are_refused(bound):
    with pytest.raises(ValueError, match=f"RatioMatching: bound is {bound}"):
        RatioMatching(bound)
