"""On N(m, diag v) the way back has a closed form: each sampler's error falls by its order."""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
import torch

from genus.diffusion import DDIM, DPMSolver, Heun, PredictorCorrector, UniPC
from genus.diffusion.noise import ChainPath, LinearSchedule
from genus.diffusion.samplers.multistep import bh1, bh2
from genus.functional.diffusion import paths
from genus.functional.diffusion.spacings import Karras, by_log_snr, even, level

MEAN = torch.tensor([0.5, -0.3], dtype=torch.float64)
VARIANCE = torch.tensor([0.6, 0.05], dtype=torch.float64)
PATHS = [
    paths.VP(),
    paths.SubVP(),
    paths.Cosine(),
    paths.Sigmoid(),
    paths.VE(),
    paths.LinearVE(),
    paths.Straight(),
]
SHORT = [paths.VP(), paths.VE()]  # where the two errors of bh1 do not nearly cancel


class Best:
    """E[x_0 | x_t], and how often and when it was asked."""

    def __init__(self, path):
        self.path, self.times = path, []

    def denoise(self, x, t):
        self.times.append(t[0].item())
        alpha, sigma = self.path.alpha(t)[:, None], self.path.sigma(t)[:, None]
        gain = alpha * VARIANCE / (alpha.square() * VARIANCE + sigma.square())
        return MEAN + gain * (x - alpha * MEAN)

    def solve(self, x, begin, end):
        """x at `end`: (x_t - alpha m) over the deviation of x_t stays what it is."""
        one, two = level(self.path, begin), level(self.path, end)
        wide, narrow = (at.alpha**2 * VARIANCE + at.sigma**2 for at in (one, two))
        return two.alpha * MEAN + (narrow / wide).sqrt() * (x - one.alpha * MEAN)


@pytest.fixture(autouse=True)
def exact():
    torch.set_default_dtype(torch.float64)


def error(sampler, path):
    """Of x0hat at the path's first time, from exactly where the sampler begins."""
    torch.manual_seed(0)
    model, z = Best(path), path.spread * torch.randn(5, 2)
    begin = sampler.spacing(path, sampler.evaluations, path.last)[0]
    x = model.solve(z, path.last, path.first)
    truth = model.denoise(x, torch.full((5,), path.first))
    return (sampler(model, model.solve(z, path.last, begin)) - truth).abs().max().item()


SAMPLERS = {
    "ddim": (DDIM(1), 1),
    "heun": (Heun(1), 2),
    "2m": (DPMSolver(1), 2),
    "2s": (DPMSolver(1, singlestep=True), 2),
    "unipc1": (UniPC(1, 1), 2),
    "unipc1-bh1": (UniPC(1, 1, bh1), 2),
    "unipc2": (UniPC(1, 2), 3),
    "unipc2-bh1": (UniPC(1, 2, bh1), 3),
    "unipc3": (UniPC(1, 3), 4),
}


def falls_by_its_order(sampler, path, order):
    counts = (81, 161) if order < 4 else (161, 321)
    coarse, fine = (
        error(replace(sampler, evaluations=count, spacing=Karras()), path) for count in counts
    )
    found = math.log2(coarse / fine)
    assert order - 0.2 < found < order + 0.5, f"order {found:.2f}, not {order}"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        pytest.param(name, path, id=f"{name}-{type(path).__name__}")
        for name in SAMPLERS
        for path in (SHORT if "bh1" in name else PATHS)
    ],
)
def test_errors_fall_by_the_samplers_order(name, path):
    falls_by_its_order(SAMPLERS[name][0], path, SAMPLERS[name][1])


@pytest.mark.parametrize("spacing", [even, by_log_snr, Karras(3.0)])
def test_whatever_the_spacing(spacing):
    for name in ("heun", "2m", "2s", "unipc2"):
        sampler = replace(SAMPLERS[name][0], evaluations=161, spacing=spacing)
        assert error(sampler, paths.VE()) < 0.005


def test_on_a_chain_they_ask_at_whole_steps():
    chain = ChainPath(LinearSchedule()(200))
    for sampler in (
        Heun(21, even, churn=5.0),
        DPMSolver(21, singlestep=True, spacing=even),
        DPMSolver(400, singlestep=True, spacing=even),  # more than there are steps
        UniPC(20, spacing=even),
        PredictorCorrector(20),
    ):
        model = Best(chain)
        x = sampler(model, torch.randn(4, 2))
        assert x.isfinite().all()
        for t in model.times:
            assert abs(t * 200 - round(t * 200)) < 1e-6


@pytest.mark.parametrize("count", [1, 2, 3, 7, 10, 20])
def test_evaluations_are_counted_exactly(count):
    for sampler in (
        Heun(count),
        Heun(count, churn=10.0),
        DPMSolver(count),
        DPMSolver(count, eta=1.0),
        DPMSolver(count, singlestep=True),
        UniPC(count),
        UniPC(count, 3),
        PredictorCorrector(count, corrections=0),
        PredictorCorrector(count),
        PredictorCorrector(count, corrections=3),
    ):
        model = Best(paths.VP())
        sampler(model, torch.randn(4, 2))
        assert len(model.times) == count, sampler


def test_all_but_the_stochastic_draw_nothing_and_begin_where_they_are_told():
    for sampler in (Heun(9), DPMSolver(9), DPMSolver(9, True), UniPC(9)):
        model, z = Best(paths.Straight()), torch.randn(4, 2)
        before = torch.get_rng_state()
        first = sampler(model, z, 0.6)
        assert torch.equal(before, torch.get_rng_state())
        assert torch.equal(first, sampler(model, z, 0.6))
        assert max(model.times) == pytest.approx(0.6)


# --- against the papers' own algorithms -------------------------------------------------------


def edm(model, x, sigmas, most, churn=0.0, least=0.0, highest=math.inf, louder=1.0):
    """Algorithm 2 of Karras and others, in sigma; without churn, algorithm 1."""

    def slope(x, sigma):
        return (x - model.denoise(x, torch.full((len(x),), sigma / most))) / sigma

    for sigma, to in pairwise([*sigmas, 0.0]):
        gamma = min(churn / len(sigmas), math.sqrt(2) - 1) if least <= sigma <= highest else 0.0
        hat = min(sigma * (1 + gamma), most)
        if hat > sigma:
            x = x + louder * math.sqrt(hat**2 - sigma**2) * torch.randn_like(x)
        d = slope(x, hat)
        there = x + (to - hat) * d
        if to > 0:
            there = x + (to - hat) * (d + slope(there, to)) / 2
        x = there
    return x


@pytest.mark.parametrize("churn", [{}, {"churn": 5.0, "least": 0.05, "most": 50.0, "louder": 1.01}])
def test_heun_is_edms_on_its_path(churn):
    path, x = paths.LinearVE(), 80 * torch.randn(5, 2)
    roots = torch.linspace(80.0 ** (1 / 7), 0.002 ** (1 / 7), 12)  # equation 5
    torch.manual_seed(3)
    found = Heun(23, **churn)(Best(path), x)
    torch.manual_seed(3)
    told = {"highest" if k == "most" else k: v for k, v in churn.items()}
    torch.testing.assert_close(found, edm(Best(path), x, (roots**7).tolist(), 80.0, **told))


def test_heun_is_heuns_of_the_velocity_on_a_straight_path():
    path, x = paths.Straight(), torch.randn(5, 2)
    model, times = Best(path), even(path, 9, 1.0)

    def velocity(x, t):
        start = model.denoise(x, torch.full((len(x),), t))
        return (x - (1 - t) * start) / t - start

    y = x
    for t, s in pairwise(times):
        v = velocity(y, t)
        y = y + (s - t) * (v + velocity(y + (s - t) * v, s)) / 2
    y = model.denoise(y, torch.full((5,), path.first))
    torch.testing.assert_close(Heun(17, even)(Best(path), x), y)


def dpm(model, x, times, middle=None):
    """Algorithms 1 (2S) and 2 (2M) of Lu and others; then x0hat."""
    where = [level(model.path, t) for t in times]
    lambdas = [math.log(at.alpha / at.sigma) for at in where]
    before = None
    for i in range(1, len(where)):
        (at, to), h = where[i - 1 : i + 1], lambdas[i] - lambdas[i - 1]
        guess = model.denoise(x, torch.full((len(x),), at.t))
        d = guess
        if middle is not None:
            u = level(model.path, model.path.time(torch.tensor(lambdas[i - 1] + h / 2)).item())
            y = u.sigma / at.sigma * x - u.alpha * math.expm1(-h / 2) * guess
            d = model.denoise(y, torch.full((len(x),), u.t))  # r is a half: 1 - 1 / (2 r) is 0
        elif before is not None:
            r = (lambdas[i - 1] - lambdas[i - 2]) / h
            d = (1 + 1 / (2 * r)) * guess - 1 / (2 * r) * before
        x = to.sigma / at.sigma * x - to.alpha * math.expm1(-h) * d
        before = guess
    return model.denoise(x, torch.full((len(x),), times[-1]))


@pytest.mark.parametrize("path", [paths.VP(), paths.VE()], ids=["VP", "VE"])
def test_dpm_solver_is_the_papers(path):
    x = path.spread * torch.randn(5, 2)
    times = by_log_snr(path, 8, 1.0)
    torch.testing.assert_close(DPMSolver(8)(Best(path), x), dpm(Best(path), x, times))
    single = DPMSolver(15, singlestep=True)(Best(path), x)
    torch.testing.assert_close(single, dpm(Best(path), x, times, middle=True))


def test_unipc_predicts_as_dpm_solver_does():
    """With B(h) = 1 - e^(-h), UniP-2 is 2M: then UniPC differs by its corrector alone."""

    class Uncorrected(UniPC):
        def _mean(self, seen, to, new=None):
            return super()._mean(seen, to)

    x = torch.randn(5, 2)
    found = Uncorrected(9)(Best(paths.VP()), x)
    torch.testing.assert_close(found, DPMSolver(9)(Best(paths.VP()), x))
    assert (found - UniPC(9)(Best(paths.VP()), x)).abs().max() > 1e-4


def test_growth_matters_where_there_is_one_other_guess():
    x, model = torch.randn(5, 2), Best(paths.VP())
    assert not torch.allclose(UniPC(9, 2, bh1)(model, x), UniPC(9, 2, bh2)(model, x))


# --- stochastic samplers ----------------------------------------------------------------------


def ends_at_the_data(sampler, path, slack=0.02):
    """Mean and variance; `slack` is what its steps, being finite, may be off by."""
    x = sampler(Best(path), path.spread * torch.randn(10_000, 2))
    off = (x.mean(0) - MEAN).abs() / VARIANCE.sqrt()
    assert (off < 5 / len(x) ** 0.5 + slack).all(), off
    ratio = x.var(0) / VARIANCE
    assert ((ratio - 1).abs() < 5 * (2 / len(x)) ** 0.5 + slack).all(), ratio


STOCHASTIC = {
    "heun": Heun(101, churn=20.0),
    "dpm-solver": DPMSolver(60, eta=1.0),
    "dpm-solver-half": DPMSolver(60, eta=0.5),
    "ancestral": PredictorCorrector(200, "ancestral", 0, spacing=by_log_snr),
    "corrected": PredictorCorrector(299, "ancestral", 1, 0.1, spacing=by_log_snr),
    "reverse": PredictorCorrector(300, "reverse", 0, spacing=by_log_snr),
}


@pytest.mark.parametrize("name", STOCHASTIC)
@pytest.mark.parametrize("path", [paths.VP(), paths.VE()], ids=["VP", "VE"])
def test_what_draws_ends_at_the_data(name, path):
    slack = 0.06 if "corrected" in name or "reverse" in name else 0.02
    ends_at_the_data(STOCHASTIC[name], path, slack)


def test_the_stochastic_solver_begins_with_a_step_of_ddim():
    x = torch.randn(5, 2)
    torch.manual_seed(1)
    first = DPMSolver(2, eta=1.0)(Best(paths.VP()), x)
    torch.manual_seed(1)
    torch.testing.assert_close(first, DDIM(2, 1.0, by_log_snr)(Best(paths.VP()), x))


def test_ancestral_steps_are_ddims_with_all_noise():
    x = torch.randn(5, 2)
    torch.manual_seed(1)
    first = PredictorCorrector(9, "ancestral", 0)(Best(paths.Cosine()), x)
    torch.manual_seed(1)
    torch.testing.assert_close(first, DDIM(9, 1.0)(Best(paths.Cosine()), x))


def test_reverse_diffusion_and_langevin_are_the_papers():
    """Algorithm 3 with algorithm 5 on a chain: the steps in its betas."""
    betas, r = LinearSchedule()(50), 0.2
    chain, x = ChainPath(betas), torch.randn(6, 2)
    model = Best(chain)
    torch.manual_seed(2)
    found = PredictorCorrector(99, "reverse", 1, r)(model, x)
    torch.manual_seed(2)
    abar = torch.cat([torch.ones(1), (1 - betas).cumprod(0)])

    def score(x, k):
        start = model.denoise(x, torch.full((len(x),), k / 50))
        return (abar[k].sqrt() * start - x) / (1 - abar[k])

    for k in range(50, 1, -1):
        beta = betas[k - 1]
        x = (2 - (1 - beta).sqrt()) * x + beta * score(x, k) + beta.sqrt() * torch.randn_like(x)
        g, z = score(x, k - 1), torch.randn_like(x)
        eps = 2 * (1 - beta) * (r * z.norm(dim=1).mean() / g.norm(dim=1).mean()).square()
        x = x + eps * g + (2 * eps).sqrt() * z
    x = model.denoise(x, torch.full((len(x),), 1 / 50))
    torch.testing.assert_close(found, x)


def test_corrections_pull_toward_the_levels_own_distribution():
    path = paths.VP()
    model, at = Best(path), level(path, 0.3)
    x = 3 * torch.randn(4000, 2)  # far too wide
    walker = PredictorCorrector(2, snr=0.3)
    for _ in range(60):
        x = walker.correct(x, model.denoise(x, torch.full((len(x),), 0.3)), at, 1.0)
    ratio = x.var(0) / (at.alpha**2 * VARIANCE + at.sigma**2)
    assert ((ratio - 1).abs() < 0.25).all(), ratio


def test_rows_do_not_meet():
    x = torch.randn(6, 2)
    for sampler in (PredictorCorrector(9, corrections=0), Heun(9), UniPC(9), DPMSolver(9)):
        torch.manual_seed(1)
        together = sampler(Best(paths.VP()), x)
        torch.manual_seed(1)
        beside = sampler(Best(paths.VP()), torch.cat([x[:3], 100 * x[3:]]))
        torch.testing.assert_close(together[:3], beside[:3])


def test_churn_raises_the_noise_and_never_above_the_beginning():
    model = Best(paths.LinearVE())
    Heun(9, churn=100.0)(model, 80 * torch.randn(4, 2))
    assert max(model.times) <= 1.0
    assert any(later > sooner for sooner, later in pairwise(model.times))
    calm = Best(paths.LinearVE())
    Heun(9, churn=100.0, most=1e-4)(calm, 80 * torch.randn(4, 2))
    assert calm.times == sorted(calm.times, reverse=True)


# --- errors and liars -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Heun(0), "evaluations is 0"),
        (lambda: Heun(churn=-1.0), "churn is -1.0"),
        (lambda: Heun(louder=0.0), "louder is 0.0"),
        (lambda: Heun(least=2.0, most=1.0), "least is 2.0"),
        (lambda: DPMSolver(0), "evaluations is 0"),
        (lambda: DPMSolver(eta=2.0), "eta is 2.0"),
        (lambda: DPMSolver(singlestep=True, eta=1.0), "with singlestep"),
        (lambda: UniPC(0), "evaluations is 0"),
        (lambda: UniPC(order=0), "order is 0"),
        (lambda: PredictorCorrector(0), "evaluations is 0"),
        (lambda: PredictorCorrector(predictor="forward"), "predictor is 'forward'"),  # pyright: ignore[reportArgumentType]
        (lambda: PredictorCorrector(corrections=-1), "corrections is -1"),
        (lambda: PredictorCorrector(snr=0.0), "snr is 0.0"),
    ],
)
def test_a_sampler_says_what_it_wants(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@dataclass(frozen=True)
class ForgetsTheEnd(Heun):
    """Takes the slope of the beginning alone: DDIM."""

    def __call__(self, model, x, start=None):
        return DDIM(self.evaluations, spacing=self.spacing)(model, x, start)


class WrongHalf(DPMSolver):
    """Extrapolates too far."""

    def _multi(self, model, x, begin):
        return super()._multi(Late(model), x, begin)


class Late:
    """Its guess is that of a time a little later."""

    def __init__(self, model):
        self.path, self.model = model.path, model

    def denoise(self, x, t):
        return self.model.denoise(x, (1.002 * t).clamp(max=1.0))


class Undercorrected(UniPC):
    """Corrects with half of what it should."""

    def _mean(self, seen, to, new=None):
        plain = super()._mean(seen, to)
        return plain if new is None else (plain + super()._mean(seen, to, new)) / 2


@pytest.mark.parametrize(
    ("liar", "order"), [(ForgetsTheEnd(1), 2), (WrongHalf(1), 2), (Undercorrected(1, 2), 3)]
)
def test_the_order_bites(liar, order):
    with pytest.raises(AssertionError, match="order"):
        falls_by_its_order(liar, paths.VP(), order)


def test_the_ends_bite():
    class Quiet(PredictorCorrector):
        def predict(self, x, guess, at, to):
            return 0.999 * super().predict(x, guess, at, to)

    with pytest.raises(AssertionError):
        ends_at_the_data(Quiet(399, "ancestral", 0, spacing=by_log_snr), paths.VP())
