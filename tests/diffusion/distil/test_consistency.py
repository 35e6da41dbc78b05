"""On normal data the paths are known in closed form, and with them the function that goes to their ends."""

import copy

import laws
import pytest
import torch
from torch import nn

from genus.core import Bits, Pixels, Reals
from genus.diffusion import DDPM, ConsistencyModel, Diffusion, TimeMLP, UNet
from genus.functional.diffusion.paths import VP, LinearVE, Straight
from genus.functional.diffusion.spacings import Karras, even
from genus.train.game import play

MEAN, VARIANCE = 0.4, 0.3
PATHS = [
    (LinearVE(0.02, 30.0), Karras()),
    (VP(first=0.01), even),
    (Straight(first=0.02), even),
]
every_path = pytest.mark.parametrize(("path", "spacing"), PATHS, ids=lambda c: type(c).__name__)


class Knows(nn.Module):
    """E[x_0 | x_t] for N(MEAN, VARIANCE I)."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def denoise(self, x, t):
        alpha, sigma = self.path.alpha(t)[:, None], self.path.sigma(t)[:, None]
        gain = alpha * VARIANCE / (alpha**2 * VARIANCE + sigma**2)
        return MEAN + gain * (x - alpha * MEAN)


def truth(path, x, t):
    """(x_t - alpha MEAN) / sqrt(alpha^2 VARIANCE + sigma^2) is the same all along a path."""

    def at(t):
        alpha, sigma = path.alpha(t), path.sigma(t)
        return alpha * MEAN, (alpha**2 * VARIANCE + sigma**2).sqrt(), alpha

    (mean, std, _), (m0, s0, a0) = at(t), at(torch.full_like(t, path.first))
    return (m0[:, None] + (s0 / std)[:, None] * (x - mean[:, None])) / a0[:, None]


class Ends(nn.Module):
    """A network whose f is `truth`."""

    def __init__(self, path, deviation):
        super().__init__()
        self.path, self.deviation = path, deviation
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x, t):
        t = self.path.time(-4 * t)
        alpha, sigma = self.path.alpha(t)[:, None], self.path.sigma(t)[:, None]
        first = torch.tensor(self.path.first)
        least, d2 = self.path.sigma(first) / self.path.alpha(first), self.deviation**2
        x = x * (sigma**2 + alpha**2 * d2).sqrt()
        over = sigma - least * alpha
        skip = alpha * d2 / (over**2 + alpha**2 * d2)
        gain = self.deviation * over / (sigma**2 + alpha**2 * d2).sqrt()
        return (truth(self.path, x, t) - skip * x) / gain.clamp(min=1e-9)


class Table(nn.Module):
    """out = a x + b at each of some times."""

    def __init__(self, asked):
        super().__init__()
        self.asked = asked  # ln(s) / 4, falling
        self.a = nn.Parameter(torch.zeros(len(asked)))
        self.b = nn.Parameter(torch.zeros(len(asked)))

    def forward(self, x, t):
        place = (t[:, None] - self.asked).abs().argmin(1)
        return self.a[place, None] * x + self.b[place, None]


@pytest.fixture(autouse=True)
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def knowing(path, spacing, times=18, kind=ConsistencyModel, **more):
    net = Ends(path, 0.7)
    return kind(net, Reals((2,)), path, Knows(path), 0.7, times, spacing, **more)


def data(n):
    return MEAN + VARIANCE**0.5 * torch.randn(n, 2)


# --- laws -------------------------------------------------------------------------------------


def nothing_moves_where_there_is_no_noise(model):
    """f(x, first) is x, for any network."""
    x = torch.randn(50, 2)
    end = model.jump(x, torch.full((50,), model.path.first))
    alpha = model.path.alpha(torch.tensor(model.path.first))
    torch.testing.assert_close(end, x / alpha)


def the_truth_has_no_gap(model):
    """What is left is the error of the teacher's step, which falls as the third power of its length."""
    path, spacing = model.path, model.spacing
    gaps = []
    for times in (20, 40):
        finer = type(model)(model.net, model.space, path, model.teacher, 0.7, times, spacing)
        gaps.append(finer.loss(data(2000))["gap"].item())
    assert gaps[1] < 1e-4
    assert gaps[0] > 20 * gaps[1]


def samples_have_the_datas_moments(model):
    first = torch.tensor(model.path.first)
    e = model.path.sigma(first) / model.path.alpha(first)
    for evaluations in (1, 2, 4):
        x = model.sample(20_000, evaluations=evaluations)
        laws.within(x[:, 0], MEAN)
        laws.within((x[:, 1] - MEAN).square(), (VARIANCE + e**2).item())


def learned(model, rounds=300):
    """The table that the game ends with, as slope and shift of f at each time."""
    optimizer = torch.optim.Adam(model.net.parameters(), lr=0.05)
    batches = ((data(340),) for _ in range(rounds))
    for number, _ in enumerate(play(model, batches, {"model": optimizer})):
        for group in optimizer.param_groups:
            group["lr"] = 0.05 * (1 - number / rounds)
    t = model.grid[:, 0]
    zero, one = (model.jump(torch.full((len(t), 2), v), t)[:, 0].detach() for v in (0.0, 1.0))
    return one - zero, zero


def aimed(model, step):
    """Slope and shift of f by composing affine steps (slope, shift) from each time to the next."""
    alpha = model.grid[-1, 1]
    slopes, shifts = [1 / alpha], [torch.zeros(())]
    for i in range(len(model.grid) - 2, -1, -1):
        a, b = step(i)
        slopes.append(slopes[-1] * a)
        shifts.append(shifts[-1] + slopes[-2] * b)
    return torch.stack(slopes[::-1]), torch.stack(shifts[::-1])


def teachers_step(model):
    def step(i):
        x = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
        at, to = (model._levels(torch.full((2,), k), x) for k in (i, i + 1))
        shift, both = model.step(x, at, to)[:, 0]
        return both - shift, shift

    return step


def regression(model):
    """E[x_s | x_t] where both are made of one x_0 and one eps."""

    def step(i):
        (_, a, s), (_, b, r) = model.grid[i], model.grid[i + 1]
        slope = (a * b * VARIANCE + s * r) / (a**2 * VARIANCE + s**2)
        return slope, (b - slope * a) * MEAN

    return step


def tabled(path, spacing, kind=ConsistencyModel, teacher=True, **more):
    times = 8
    probe = ConsistencyModel(TimeMLP(2, 4, 1), Reals((2,)), path, None, 0.7, times, spacing)
    at = probe._levels(torch.arange(times), torch.zeros(times, 2))
    asked = probe.preconditioning.network_input(torch.zeros(times, 2), *at).t
    knows = Knows(path) if teacher else None
    return kind(Table(asked), Reals((2,)), path, knows, 0.7, times, spacing, decay=0.5, **more)


def distillation_finds_the_ends(model):
    slope, shift = learned(model)
    wanted, more = aimed(model, teachers_step(model))
    torch.testing.assert_close(slope, wanted, rtol=0.02, atol=5e-3)
    torch.testing.assert_close(shift, more, rtol=0.02, atol=1e-2)


@every_path
def test_the_boundary(path, spacing):
    net = TimeMLP(2, 8, 1)
    nothing_moves_where_there_is_no_noise(
        ConsistencyModel(net, Reals((2,)), path, None, 0.7, 5, spacing)
    )


@every_path
def test_the_truth_is_consistent(path, spacing):
    the_truth_has_no_gap(knowing(path, spacing))


def test_samples_have_the_moments_of_the_data():
    samples_have_the_datas_moments(knowing(*PATHS[2]))


@every_path
def test_distillation(path, spacing):
    distillation_finds_the_ends(tabled(path, spacing))


def test_training_from_data_alone():
    """It aims at the mean of the neighbours, which is the path's own point for short steps."""
    model = tabled(*PATHS[2], teacher=False)
    slope, shift = learned(model, 600)
    wanted, more = aimed(model, regression(model))
    torch.testing.assert_close(slope, wanted, rtol=0.05, atol=0.02)
    torch.testing.assert_close(shift, more, rtol=0.05, atol=0.02)


def test_without_a_teacher_short_steps_come_to_the_paths():
    errors = []
    for times in (20, 80):
        path, spacing = PATHS[2]
        model = ConsistencyModel(TimeMLP(2, 4, 1), Reals((2,)), path, None, 0.7, times, spacing)
        slope, _ = aimed(model, regression(model))
        t = model.grid[:1, 0]
        true = truth(path, torch.ones(1, 2), t) - truth(path, torch.zeros(1, 2), t)
        errors.append((slope[0] - true[0, 0]).abs())
    assert errors[0] > 3 * errors[1]


# --- the average and the teacher --------------------------------------------------------------


def test_the_average_follows():
    model = ConsistencyModel(TimeMLP(2, 4, 1), Reals((2,)), LinearVE(), decay=0.75)
    before = model.target.clone()
    with torch.no_grad():
        for p in model.net.parameters():
            p.add_(1)
        model.follow()
    torch.testing.assert_close(model.target, before + 0.25)


def test_the_neighbour_is_seen_by_the_average():
    """With a network that was moved and an average that was not, the loss tells them apart."""
    model, x = knowing(*PATHS[2], decay=0.9), data(500)
    torch.manual_seed(1)
    small = model.loss(x)["gap"]
    other = copy.deepcopy(model)
    other.target.add_(1)  # of a weight that is not used: nothing changes
    torch.manual_seed(1)
    torch.testing.assert_close(other.loss(x)["gap"], small)
    table = tabled(*PATHS[2])
    torch.manual_seed(1)
    before = table.loss(x)["gap"]
    table.target.add_(1)
    torch.manual_seed(1)
    assert (table.loss(x)["gap"] - before).abs() > 0.01
    table.decay = 0.0  # now the average is not asked
    torch.manual_seed(1)
    torch.testing.assert_close(table.loss(x)["gap"], before)


def test_the_teacher_stays_as_it_is():
    teacher = Diffusion(TimeMLP(2, 8, 1, dropout=0.5), Reals((2,)), LinearVE())
    before = {k: v.clone() for k, v in teacher.state_dict().items()}
    model = ConsistencyModel(TimeMLP(2, 8, 1), Reals((2,)), LinearVE(), teacher).train()
    assert not teacher.training
    assert model.net.training
    optimizer = torch.optim.Adam(model.net.parameters(), lr=0.1)
    for _ in play(model, [(data(20),)] * 3, {"model": optimizer}):
        pass
    assert all(torch.equal(v, before[k]) for k, v in teacher.state_dict().items())


def test_a_chain_teaches_too():
    teacher = DDPM(TimeMLP(2, 8, 1), Reals((2,)), 20)
    model = ConsistencyModel(TimeMLP(2, 8, 1), Reals((2,)), teacher.path, teacher, times=6)
    assert model.loss(data(9))["gap"].isfinite()
    assert model.sample(3, evaluations=2).shape == (3, 2)


def test_a_bounded_distance_is_small_squares_and_large_sizes():
    model = ConsistencyModel(TimeMLP(2, 8, 1), Reals((2,)), LinearVE(), bound=0.5)
    a, b = torch.zeros(2, 2), torch.tensor([[1e-3, 1e-3], [300.0, 300.0]])
    torch.testing.assert_close(
        model._distance(a, b), torch.tensor([1e-6, 299.5]), rtol=1e-3, atol=0
    )


def test_pixels_are_sampled_on_their_grid():
    space = Pixels((1, 4, 5), 5)
    model = ConsistencyModel(UNet(1, 4, (1, 2)), space, LinearVE(), evaluations=3).eval()
    x = model.sample(4)
    assert torch.equal(x, space.quantise(x))


# --- liars ------------------------------------------------------------------------------------


class StepsByEuler(ConsistencyModel):
    def step(self, x, at, to):
        kept = to.sigma / at.sigma
        return kept * x + (to.alpha - kept * at.alpha) * self.teacher.denoise(x, at.t)


class ForgetsTheAnchor(ConsistencyModel):
    def __init__(self, *rest, **named):
        super().__init__(*rest, **named)
        self.least = 0.0


class AddsAllTheNoise(ConsistencyModel):
    def sample(self, n=None, context=None, evaluations=None):
        least, self.least = self.least, 0.0
        x = self.path.spread * torch.randn(n, 2)
        for i, t in enumerate(self.spacing(self.path, evaluations + 1, self.path.last)[:-1]):
            t = torch.full((n,), t)
            if i:
                fresh = self.path.sigma(t)[:, None] * torch.randn(n, 2)
                x = self.path.alpha(t)[:, None] * x + 1.1 * fresh
            self.least = least
            x = self.jump(x, t)
        return x


class LooksTheWrongWay(ConsistencyModel):
    def step(self, x, at, to):
        return super().step(x, at, at)


LIARS = [
    (lambda: knowing(*PATHS[2], kind=StepsByEuler), the_truth_has_no_gap),
    (lambda: knowing(*PATHS[0], kind=LooksTheWrongWay), the_truth_has_no_gap),
    (lambda: knowing(*PATHS[2], kind=ForgetsTheAnchor), nothing_moves_where_there_is_no_noise),
    (lambda: knowing(*PATHS[2], kind=AddsAllTheNoise), samples_have_the_datas_moments),
]


@pytest.mark.parametrize(("make", "law"), LIARS)
def test_laws_of_consistency_bite(make, law):
    with pytest.raises(AssertionError):
        law(make())


# --- what is refused --------------------------------------------------------------------------


def test_what_cannot_be_is_refused():
    net, space = TimeMLP(2, 4, 1), Reals((2,))
    with pytest.raises(ValueError, match="times is 1"):
        ConsistencyModel(net, space, VP(), times=1)
    with pytest.raises(ValueError, match="decay is 1"):
        ConsistencyModel(net, space, VP(), decay=1.0)
    with pytest.raises(ValueError, match="evaluations is 0"):
        ConsistencyModel(net, space, VP(), evaluations=0)
    with pytest.raises(ValueError, match="space is Bits"):
        ConsistencyModel(net, Bits((2,)), VP())
    with pytest.raises(ValueError, match="teacher is a TimeMLP"):
        ConsistencyModel(net, space, VP(), net)
    with pytest.raises(ValueError, match=r"path is VP.*teacher's Straight"):
        ConsistencyModel(net, space, VP(), Diffusion(net, space, Straight()))
