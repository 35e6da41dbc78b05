"""Filling gaps of normal data, where p(missing | known) is known, with the best denoiser there is."""

import laws
import pytest
import torch
from torch import nn

from genus.core import Pixels, Reals
from genus.diffusion import (
    DDIM,
    DDPM,
    ClassifierFree,
    Diffusion,
    DPMSolver,
    Heun,
    Inpainting,
    PredictorCorrector,
    RePaint,
    TimeMLP,
    UniPC,
    edit,
    inpaint,
)
from genus.diffusion.inpainting import noised
from genus.diffusion.noise import LinearSchedule
from genus.functional.diffusion.parametrisations import Start
from genus.functional.diffusion.paths import VE, Cosine, Straight
from genus.functional.diffusion.spacings import CLEAN, level

MEAN = torch.tensor([1.0, -0.5, 0.3], dtype=torch.float64)
FACTOR = torch.tensor([[1.0, 0.0, 0.0], [0.8, 0.5, 0.0], [-0.4, 0.6, 0.6]], dtype=torch.float64)
COVARIANCE = FACTOR @ FACTOR.T
KNOWN = torch.tensor([True, False, False])
X = torch.tensor([2.2, 0.0, 0.0], dtype=torch.float64)


@pytest.fixture(autouse=True)
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


class Best(nn.Module):
    """E[x_0 | x_t] of N(MEAN, covariance), at one time."""

    def __init__(self, path, covariance=COVARIANCE):
        super().__init__()
        self.path, self.covariance = path, covariance
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x, t):
        return MEAN + (x - self.path.alpha(t[0]) * MEAN) @ self.gain(t[0]).T

    def gain(self, t):
        alpha, sigma = self.path.alpha(t), self.path.sigma(t)
        noisy = alpha**2 * self.covariance + sigma**2 * torch.eye(3)
        return alpha * self.covariance @ noisy.inverse()


def best(path=None, covariance=COVARIANCE):
    path = path or Cosine()
    return Diffusion(Best(path, covariance), Reals((3,)), path, Start())


def conditional():
    """Mean and covariance of the missing two, given the known one."""
    slope = COVARIANCE[1:, :1] / COVARIANCE[0, 0]
    return MEAN[1:] + slope[:, 0] * (X[0] - MEAN[0]), COVARIANCE[1:, 1:] - slope @ COVARIANCE[
        :1, 1:
    ]


def gap(sampler, n=8000):
    """How far means and covariances of what was filled in are from the truth: the largest of each."""
    made = inpaint(best(), X.expand(n, 3), KNOWN, sampler)[:, 1:]
    mean, covariance = conditional()
    return (made.mean(0) - mean).abs().max().item(), (made.T.cov() - covariance).abs().max().item()


# --- what is known --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sampler",
    [
        DDIM(10),
        DDIM(10, 1.0),
        Heun(11),
        DPMSolver(10),
        UniPC(10),
        PredictorCorrector(20),
        RePaint(20, 4),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
@pytest.mark.parametrize("path", [Cosine(), Straight(), VE()], ids=lambda path: type(path).__name__)
def test_any_sampler_keeps_what_is_known(sampler, path):
    made = inpaint(best(path), X.expand(50, 3), KNOWN, sampler)
    torch.testing.assert_close(made[:, 0], X[:1].expand(50), rtol=0, atol=1e-9)
    assert made[:, 1:].isfinite().all()
    assert made[:, 1:].std(0).min() > 0.1


def test_the_known_part_is_noised_as_the_path_does_it():
    """At each time that is asked: x_t is N(alpha x, sigma^2) where x is known."""
    model, seen = best(), {}

    class Listens(Inpainting):
        def denoise(self, x, t):
            seen[t[0].item()] = x[:, 0]
            return super().denoise(x, t)

    last = level(model.path, 1.0)
    start = last.alpha * X + last.sigma * torch.randn(4000, 3)
    DDIM(5, 0.7)(Listens(model, X.expand(4000, 3), KNOWN), start)
    assert len(seen) == 5
    for t, x in seen.items():
        at = level(model.path, t)
        laws.within(x, at.alpha * X[0].item())
        laws.within((x - at.alpha * X[0]).square(), at.sigma**2)


def test_masks_of_single_rows():
    x = torch.randn(4, 3)
    known = torch.rand(4, 3) < 0.5
    made = inpaint(best(), x, known, DDIM(5))
    torch.testing.assert_close(made[known], x[known])
    assert (made[~known] != x[~known]).all()


# --- what is missing ------------------------------------------------------------------------


def test_what_does_not_depend_on_the_known_part_is_filled_exactly():
    model = best(covariance=torch.diag(torch.tensor([1.0, 0.6, 1.4])))
    made = inpaint(model, X.expand(20_000, 3), KNOWN, DDIM(300, 1.0))
    for i, variance in ((1, 0.6), (2, 1.4)):
        laws.within(made[:, i], MEAN[i].item())
        assert (made[:, i].var() - variance).abs() < 5 * variance * (2 / 20_000) ** 0.5 + 0.01


def test_replacement_alone_is_biased_and_repeats_mend_it():
    """The marginal's mean is 0.96 off; the smallest standard error of a mean here is 0.006."""
    once, five = gap(RePaint(200, 1)), gap(RePaint(1000, 5))
    assert 0.15 < once[0] < 0.35
    assert five[0] < 0.06
    assert five[1] < 0.07


def test_many_repeats_want_short_steps():
    """Each step back loses a little variance, and repeats add up what is lost."""
    long, short = gap(RePaint(1000, 20), 4000), gap(RePaint(1000, 5), 4000)
    assert long[0] < 0.06
    assert long[1] > 0.1 > 1.5 * short[1]


def test_one_repeat_is_ddim():
    made = []
    for sampler in (DDIM(7, 0.5), RePaint(7, 1, 0.5)):
        torch.manual_seed(4)
        made.append(inpaint(best(), X.expand(9, 3), KNOWN, sampler))
    assert torch.equal(*made)


def test_repaint_of_nothing_known_samples_the_model():
    x = best().sample(8000, sampler=RePaint(300, 2))
    for i in range(3):
        laws.within(x[:, i], MEAN[i].item())
    assert (x.T.cov() - COVARIANCE).abs().max() < 0.1


@pytest.mark.parametrize("path", [Cosine(), Straight(), VE()], ids=lambda path: type(path).__name__)
def test_noise_put_back_is_the_paths_own(path):
    """From q(x_s | x_0) to q(x_t | x_0), also from x_0 itself."""
    x_0 = 1.7
    for s in (None, 0.2):
        at, to = CLEAN if s is None else level(path, s), level(path, 0.6)
        x = noised(at.alpha * x_0 + at.sigma * torch.randn(20_000), at, to)
        laws.within(x, to.alpha * x_0)
        laws.within((x - to.alpha * x_0).square(), to.sigma**2)


def test_evaluations_are_counted():
    calls = []

    class Counts(Inpainting):
        def denoise(self, x, t):
            calls.append(t[0].item())
            return super().denoise(x, t)

    RePaint(23, 4)(Counts(best(), X.expand(2, 3), KNOWN), torch.randn(2, 3))
    assert len(calls) == 20  # the whole steps that 23 are enough for
    assert calls == sorted(calls, reverse=True)


def test_a_guided_denoiser_fills_too():
    model = Diffusion(
        TimeMLP(4, 8, 1, context=2),
        Pixels((1, 2, 2), 5),
        context_space=Reals((2,)),
        embed=nn.Linear(2, 2),
    )
    x = torch.full((3, 1, 2, 2), -0.5)
    known = torch.tensor([[True, False], [True, False]])
    made = inpaint(ClassifierFree(model, torch.randn(3, 2), 2.0), x, known, RePaint(8, 2))
    torch.testing.assert_close(made[..., 0], x[..., 0])
    assert made.abs().max() <= 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((0, 1), "evaluations is 0"), ((3, 4), "repeats is 4, evaluations 3"), ((3, 1, 2.0), "eta")],
)
def test_wrong_arguments(arguments, said):
    with pytest.raises(ValueError, match=said):
        RePaint(*arguments)


def test_known_must_be_booleans():
    with pytest.raises(ValueError, match=r"known is torch.float64; booleans"):
        inpaint(best(), X[None], KNOWN.double()[None], DDIM(3))


# --- editing --------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [0.3, 0.7, 1.0])
def test_edits_of_normal_data(strength):
    """x_t of x, and a draw of p(x_0 | x_t): both normal, so mean and covariance are known."""
    model, x = best(), torch.tensor([3.0, 1.0, -2.0])
    made = edit(model, x.expand(20_000, 3), strength, DDIM(200, 1.0))
    t = torch.tensor(1e-3 + strength * (1 - 1e-3))
    alpha, sigma, gain = model.path.alpha(t), model.path.sigma(t), model.net.gain(t)
    mean = MEAN + alpha * gain @ (x - MEAN)
    covariance = COVARIANCE - alpha * gain @ COVARIANCE + sigma**2 * gain @ gain.T
    for i in range(3):
        laws.within(made[:, i], mean[i].item())
    assert (made.T.cov() - covariance).abs().max() < 0.05 + 5 * covariance.max() / 100


def test_a_chain_is_edited_from_a_whole_step():
    model = DDPM(Best(None), Reals((3,)), steps=10, schedule=LinearSchedule())
    asked = []

    def sampler(model, x, start=None):
        asked.append((start, x.std().item()))
        return x

    edit(model, torch.zeros(20_000, 3), 0.33, sampler)
    ((start, std),) = asked
    assert start == 0.4  # the nearest step to 0.1 + 0.33 * 0.9
    assert abs(std - level(model.path, 0.4).sigma) < 5 * std / 60_000**0.5


@pytest.mark.parametrize("strength", [0.0, 1.1])
def test_strength_is_a_share(strength):
    with pytest.raises(ValueError, match=f"strength is {strength}"):
        edit(best(), torch.zeros(1, 3), strength, DDIM(3))


# --- liars ----------------------------------------------------------------------------------


def test_the_gap_sees_a_filler_that_looks_away():
    """A filler that draws from the marginal is further off than replacement."""
    made = best().sample(20_000, sampler=DDIM(100, 1.0))[:, 1:]
    mean, covariance = conditional()
    assert (made.mean(0) - mean).abs().max() > 3 * gap(RePaint(50, 1))[0]
    assert (made.T.cov() - covariance).abs().max() > 3 * gap(RePaint(50, 1))[1]
