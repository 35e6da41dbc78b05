"""On N(m, v I) the equation that DDIM walks is solved in closed form."""

import pytest
import torch
from torch import nn

from genus.core import Pixels, Reals
from genus.diffusion import DDIM, DDPM, Ancestral, TimeMLP
from genus.diffusion.noise import CosineSchedule, LinearSchedule
from genus.functional.diffusion.spacings import even, quadratic

MEAN, VARIANCE = 0.4, 0.3


class Best(nn.Module):
    """E[eps | x_t] where x_0 is N(MEAN, VARIANCE I)."""

    def __init__(self, betas):
        super().__init__()
        self.abar = torch.cat([torch.ones(1), (1 - betas).cumprod(0)])
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x, t):
        a = self.abar[(t * (len(self.abar) - 1)).round().long(), None]
        return (1 - a).sqrt() * (x - a.sqrt() * MEAN) / (a * VARIANCE + 1 - a)


def best(steps=1000, variance=0.0):
    torch.set_default_dtype(torch.float64)
    schedule = LinearSchedule()
    return DDPM(Best(schedule(steps)), Reals((3,)), steps, schedule, variance)


@pytest.mark.parametrize("spacing", [even, quadratic])
def test_without_noise_it_converges_to_the_solution(spacing):
    """(x_t - sqrt(abar_t) m) / sqrt(abar_t v + 1 - abar_t) stays what it is along the equation."""
    model = best()
    z = torch.randn(5, 3)
    a = model.path.alpha(torch.tensor(1.0)).square()
    truth = MEAN + (VARIANCE / (a * VARIANCE + 1 - a)).sqrt() * (z - a.sqrt() * MEAN)
    errors = [
        (DDIM(count, spacing=spacing)(model, z) - truth).abs().max() for count in (20, 80, 320)
    ]
    assert errors[0] > 3 * errors[1] > 8 * errors[2]
    assert errors[2] < 0.02


def test_with_all_noise_and_all_steps_it_is_the_chain():
    model = best(50)
    torch.manual_seed(1)
    chain = model.sample(4)
    torch.manual_seed(1)
    torch.testing.assert_close(model.sample(4, sampler=DDIM(50, eta=1.0)), chain)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_marginals_are_the_datas_whatever_the_noise(eta):
    x = best(500).sample(10_000, sampler=DDIM(500, eta))
    error = x.std(0) / len(x) ** 0.5
    assert ((x.mean(0) - MEAN).abs() < 5 * error + 0.01).all()
    assert (x.var(0) / VARIANCE - 1).abs().max() < 5 * (2 / len(x)) ** 0.5 + 0.03


def test_without_noise_it_draws_none():
    model, z = best(), torch.randn(4, 3)
    before = torch.get_rng_state()
    first = DDIM(10)(model, z)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first, DDIM(10)(model, z))


@pytest.mark.parametrize("eta", [0.0, 1.0])
@pytest.mark.parametrize("count", [1, 2, 7, 30])
def test_it_evaluates_as_often_as_it_says_and_ends_with_its_guess(eta, count):
    class Counts(TimeMLP):
        calls = 0

        def forward(self, x, t):
            Counts.calls += 1
            Counts.last = (x, t)
            return super().forward(x, t)

    torch.set_default_dtype(torch.float64)
    model = DDPM(Counts(4, width=8), Pixels((1, 2, 2)), steps=30).eval()
    x = DDIM(count, eta)(model, torch.randn(3, 1, 2, 2))
    assert Counts.calls == count
    noisy, t = Counts.last
    torch.testing.assert_close(x, model.denoise(noisy, t))


def test_a_model_keeps_its_sampler():
    model = DDPM(TimeMLP(2, width=4), Reals((2,)), steps=20, sampler=DDIM(5))
    torch.manual_seed(0)
    first = model.sample(3)
    torch.manual_seed(0)
    assert torch.equal(first, model.sample(3, sampler=DDIM(5)))
    assert not torch.equal(first, model.sample(3, sampler=Ancestral()))


@pytest.mark.parametrize(("arguments", "words"), [((0,), "evaluations is 0"), ((5, 2.0), "eta is")])
def test_a_sampler_says_what_it_wants(arguments, words):
    with pytest.raises(ValueError, match=words):
        DDIM(*arguments)


# --- liars ------------------------------------------------------------------------------------


class TakesTheWrongEps(DDIM):
    def __call__(self, model, x, start=None):
        return super().__call__(Unscaled(model), x, start)


class Unscaled:
    """A model whose guess is a little too small."""

    def __init__(self, model):
        self.path, self.model = model.path, model

    def denoise(self, x, t):
        return 0.97 * self.model.denoise(x, t)


def test_the_solution_bites(monkeypatch):
    monkeypatch.setitem(globals(), "DDIM", TakesTheWrongEps)
    with pytest.raises(AssertionError):
        test_without_noise_it_converges_to_the_solution(even)
    with pytest.raises(AssertionError):
        test_marginals_are_the_datas_whatever_the_noise(1.0)
    with pytest.raises(AssertionError):
        test_with_all_noise_and_all_steps_it_is_the_chain()


def test_times_of_other_schedules():
    """DDIM needs nothing of the schedule but its abar."""
    torch.set_default_dtype(torch.float64)
    schedule = CosineSchedule(0.1)
    model = DDPM(Best(schedule(100)), Reals((3,)), 100, schedule)
    x = model.sample(5000, sampler=DDIM(50))
    assert (x.var(0) / VARIANCE - 1).abs().max() < 0.15
