"""Handwriting: drawings have a probability, step by step or at once, and are gone on with."""

import laws
import pytest
import torch
from torch import Tensor

from genus.autoregressive import HandwritingSynthesis, StrokePrediction
from genus.autoregressive.strokes import handwriting
from genus.autoregressive.strokes.pen import OVER, PenDecoding, before_each, choose_step, log_step
from genus.core import Bits, Strokes, Tokens
from genus.functional.densities.densities import log_normal

SPACE, TEXT = Strokes(4), Tokens(3, 5, 0)


@pytest.fixture(autouse=True)
def double(quiet_torch):
    torch.set_default_dtype(torch.float64)


def shaken(model):
    """Its weights away from where they start; a pen that ends one step in seven."""
    torch.manual_seed(0)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn_like(p))
        model.output.bias[:3] = torch.tensor([1.0, 0.5, -0.3])
        model.output.weight[:3] *= 0.5
    return model.eval()


def prediction(kind=StrokePrediction):
    return shaken(kind(SPACE, 6, 2, 3)), ()


def synthesis(kind=HandwritingSynthesis):
    return shaken(kind(SPACE, TEXT, 6, 3, 3, 2)), (torch.tensor([[1, 2, 2, 0, 0]]),)


both = pytest.mark.parametrize("make", [prediction, synthesis])


def noise(n):
    return torch.rand(n, 4, 4)


def given(context, n) -> tuple[Tensor, ...]:
    return tuple(c.expand(n, -1) for c in context)


# one step of the pen


def test_a_step_is_as_likely_as_it_says():
    """The pen by frequencies, and the move against a grid."""
    out = torch.randn(3 + 6 * 2)
    u = torch.rand(40_000, 4)
    x = choose_step(out.expand(len(u), -1), u, PenDecoding())
    for state in range(3):
        p, hits = out[:3].softmax(0)[state], (x[:, 2] == state).double()
        assert (hits.mean() - p).abs() < 5 * (p * (1 - p) / len(u)).sqrt()
    assert (x[x[:, 2] == OVER, :2] == 0).all()
    side = torch.linspace(-40, 40, 801)
    grid = torch.cartesian_prod(side, side)
    ways = [torch.cat([grid, torch.full_like(grid[:, :1], pen)], 1) for pen in (0, 1)]
    end = log_step(out[None], torch.tensor([[0.0, 0, 2]])).exp()[0]
    mass = end + sum(log_step(out.expand(len(x), -1), x).exp().sum() * 0.1**2 for x in ways)
    torch.testing.assert_close(mass, torch.tensor(1.0), rtol=0, atol=1e-4)


def test_one_normal_is_enough():
    model = StrokePrediction(Strokes(3), 4, 1, mixtures=1)
    model.space.check(model.sample(20), "x")


# drawings


@both
def test_probability_sums_to_one(make):
    """E_p[q / p] = 1 for a q that pens and moves of which have chances of their own."""
    model, context = make()
    condition = given(context, 20_000)
    x = model.sample_from(noise(20_000), *condition)
    on = x[..., 2] != OVER
    there = torch.cat([torch.ones(len(x), 1).bool(), on[:, :-1]], 1)  # steps that are scored
    pen = torch.tensor([0.6, 0.2, 0.2]).log()[x[..., 2].long()]
    steps, moved = x[..., :2].flatten(0, 1), 0.3 + torch.zeros(2)
    move = log_normal(steps, moved, torch.tensor(0.4).log()).view(len(x), -1)
    log_q = ((pen + move * on) * there).sum(1)
    with torch.no_grad():
        laws.within((log_q - model.log_prob(x, *condition)).exp(), 1.0)


@both
def test_samples_come_from_the_density(make):
    """Stein's identity, E[x . grad log p] = -d, where d is how many numbers the drawing has."""
    model, context = make()
    condition = given(context, 20_000)
    x = model.sample_from(noise(20_000), *condition).requires_grad_()
    (score,) = torch.autograd.grad(model.log_prob(x, *condition).sum(), x)
    free = 2 * (x[..., 2] != OVER).sum(1)
    laws.within((x * score)[..., :2].flatten(1).sum(1) + free, 0.0)
    assert 0.1 < (free == 8).double().mean() < 0.9


@both
def test_steps_are_blind_to_what_comes_later_and_to_themselves(make):
    model, context = make()
    x = model.sample_from(noise(30), *given(context, 30))
    x = x[x[:, 2, 2] != OVER].requires_grad_()
    out = []
    keep = handwriting.log_step
    try:
        handwriting.log_step = lambda what, x: out.append(what) or keep(what, x)
        model.log_probs(x, *given(context, len(x)))
    finally:
        handwriting.log_step = keep
    for t in range(3):
        (grad,) = torch.autograd.grad(out[0][:, t].sum(), x, retain_graph=True)
        moved = (grad[..., :2] != 0).any(0).any(1)
        assert moved.tolist() == [s < t for s in range(4)]


@both
def test_steps_cost_nothing_after_the_end(make):
    model, context = make()
    x = torch.zeros(1, 4, 3)
    x[0, 2:, 2] = OVER
    each = model.log_probs(x, *context)
    assert each.shape == (1, 4)
    assert (each[0, :3] != 0).all()
    assert each[0, 3] == 0
    longer = torch.cat([x, x.new_tensor([[[1.0, 1, 0], [1, 1, 0], [1, 1, 0], [1, 1, 0]]])])
    torch.testing.assert_close(model.log_probs(longer, *given(context, 2))[0], each[0])


@both
def test_steps_are_what_a_whole_pass_says(make):
    """The noise of a step, pushed through what a pass over the whole drawing says of it."""
    model, context = make()
    u = noise(50)
    condition = given(context, 50)
    x = model.sample_from(u, *condition)
    if context:
        seen = model.read(before_each(x), *condition)[0]
        out = model.output(model.features(seen, model.stack(seen)))
    else:
        out = model.output(model.stack(before_each(x)))
    for t in range(4):
        on = (x[:, t - 1, 2] != OVER) if t else torch.ones(50).bool()
        again = choose_step(out[:, t], u[:, t], PenDecoding())
        torch.testing.assert_close(again[on], x[on, t])


@both
def test_a_primed_drawing_comes_back(make):
    """Given its own first steps and the same noise, bit for bit; another's first steps are kept."""
    model, context = make()
    u = noise(50)
    condition = given(context, 50)
    x = model.sample_from(u, *condition)
    for k in range(5):
        assert torch.equal(model.sample_from(u, *condition, prefix=x[:, :k]), x)
        other = x[torch.randperm(50), :k]
        assert torch.equal(model.sample_from(u, *condition, prefix=other)[:, :k], other)
    assert torch.equal(model.sample(None if condition else 50, *condition, prefix=x), x)


@both
def test_a_bias_makes_moves_narrower_and_temperature_too(make):
    model, context = make()
    condition = given(context, 4000)
    start = torch.zeros(4000, 1, 3)

    def spread(**how):
        x = model.sample(
            None if condition else 4000, *condition, prefix=start, decoding=PenDecoding(**how)
        )[:, 1]
        return x[x[:, 2] != OVER, :2].std(0).mean()

    plain = spread()
    assert spread(bias=1.0) < 0.8 * plain
    assert spread(temperature=0.3) < 0.9 * plain
    assert spread(temperature=2.0) > 1.1 * plain


def test_the_window_is_as_its_equation_says():
    model, context = synthesis()
    x = model.sample_from(noise(1), *context)
    before = before_each(x)
    _, phi = model.read(before, *context)
    h = c = torch.zeros(1, 6)
    kappa, w = torch.zeros(2), torch.zeros(3)
    for t in range(4):
        h, c = model.first(torch.cat([before[:, t], w[None]], 1), (h, c))
        alpha, beta, on = model.window(h)[0].exp().chunk(3)
        kappa = kappa + on
        looks = [(alpha * torch.exp(-beta * (kappa - u) ** 2)).sum() for u in range(1, 6)]
        torch.testing.assert_close(phi[0, t], torch.stack(looks))
        w = torch.stack(looks) @ model.letters(context[0])[0]


# liars


class IsShownTheStepItself(StrokePrediction):
    def log_probs(self, x):
        out = self.output(self.stack(before_each(x).roll(-1, 1)))
        return log_step(out, x)


class ForgetsItsState(StrokePrediction):
    def sample_from(self, u, *how, **more):
        step = self.stack.step
        self.stack.step = lambda x, memory: step(x, self.stack.begin(len(x)))
        try:
            return super().sample_from(u, *how, **more)
        finally:
            self.stack.step = step


class ForgetsWhereTheWindowWas(HandwritingSynthesis):
    def sample_from(self, u, *how, **more):
        move = self.move
        self.move = lambda before, text, place: move(
            before, text, (*place[:2], torch.zeros_like(place[2]), place[3])
        )
        try:
            return super().sample_from(u, *how, **more)
        finally:
            self.move = move


def test_liars_are_found():
    with pytest.raises(AssertionError):
        test_probability_sums_to_one(lambda: prediction(IsShownTheStepItself))
    with pytest.raises(AssertionError):
        test_steps_are_what_a_whole_pass_says(lambda: prediction(ForgetsItsState))
    with pytest.raises(AssertionError):
        test_steps_are_what_a_whole_pass_says(lambda: synthesis(ForgetsWhereTheWindowWas))


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="Strokes are wanted"):
        StrokePrediction(Bits((3,)))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="mixtures is 0"):
        StrokePrediction(SPACE, mixtures=0)
    with pytest.raises(ValueError, match="at least 2 layers"):
        HandwritingSynthesis(SPACE, TEXT, layers=1)
    with pytest.raises(ValueError, match="bias is -1"):
        PenDecoding(bias=-1)
    with pytest.raises(ValueError, match="temperature 0"):
        PenDecoding(temperature=0)
