"""DRAW: filters against a double loop, one step against a plain VAE, the bound against counting and quadrature."""

import math
from itertools import product

import laws
import pytest
import torch
from laws import every_x
from torch import Tensor, nn
from torch.distributions import Normal as Gaussian
from torch.distributions import kl_divergence

from genus.core import Bits, Classes, Pixels, Reals
from genus.errors import Refused
from genus.functional.densities.densities import log_normal
from genus.vae import VAE, NoiseDecoding
from genus.vae.layers.draw import DRAW, Glimpse, attention


@pytest.fixture(autouse=True)
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def scattered(make, *arguments) -> DRAW:
    """A model whose numbers are all away from where they start."""
    model = make(*arguments)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.4 * torch.randn_like(p))
    return model.eval()


def seeded(seed: int, score, *rows):
    torch.manual_seed(seed)
    return score(*rows)


def tiny(*points, kind=DRAW) -> DRAW:
    return scattered(kind, Bits((1, 2, 2)), 2, 1, 3, *(points or (2, 2)))


def by_hand(numbers: Tensor, points: int, height: int, width: int) -> tuple[list, list]:
    """FY and FX of one row, by the equations, one number after another."""
    across, down, log_variance, log_stride, _ = numbers.tolist()
    variance = math.exp(log_variance)
    stride = (max(width, height) - 1) / (points - 1) * math.exp(log_stride)

    def filters(g: float, side: int) -> list[list[float]]:
        middle, found = (side + 1) / 2 * (g + 1), []
        for i in range(1, points + 1):
            mean = middle + (i - points / 2 - 0.5) * stride
            row = [math.exp(-((a - mean) ** 2) / (2 * variance)) for a in range(1, side + 1)]
            found.append([value / sum(row) for value in row])
        return found

    return filters(down, height), filters(across, width)


@pytest.mark.parametrize(("points", "height", "width"), [(3, 5, 7), (2, 6, 4), (4, 3, 3)])
def test_filters_reading_and_writing_are_those_of_a_double_loop(points, height, width):
    numbers = 0.5 * torch.randn(2, 5)
    grid = attention(numbers, points, height, width)
    x, patch = torch.randn(2, 2, height, width), torch.randn(2, 2, points, points)
    read, written = grid.read(x), grid.write(patch)
    for n in range(2):
        rows, columns = by_hand(numbers[n], points, height, width)
        torch.testing.assert_close(grid.rows[n], torch.tensor(rows))
        torch.testing.assert_close(grid.columns[n], torch.tensor(columns))
        gamma, image = math.exp(numbers[n, 4].item()), x[n, 1].tolist()
        stroke = patch[n, 1].tolist()
        seen, laid = ([[0.0] * len(part[0]) for _ in part] for part in (stroke, image))
        for j, i, b, a in product(*map(range, (points, points, height, width))):
            seen[j][i] += gamma * rows[j][b] * image[b][a] * columns[i][a]
            laid[b][a] += rows[j][b] * stroke[j][i] * columns[i][a] / gamma
        torch.testing.assert_close(read[n, 1], torch.tensor(seen))
        torch.testing.assert_close(written[n, 1], torch.tensor(laid))


def adjoint(grid: Glimpse, x: Tensor, patch: Tensor) -> bool:
    """<read(x), w> / gamma = gamma <x, write(w)>: the same filters on both ways, gamma against it."""
    one = (grid.read(x) * patch).flatten(1).sum(1) / grid.gamma
    other = (x * grid.write(patch)).flatten(1).sum(1) * grid.gamma
    return torch.allclose(one, other, rtol=1e-10, atol=1e-10)


class Sideways(Glimpse):
    """A liar: it writes rows where columns are."""

    def write(self, patch):
        return Glimpse(self.columns, self.rows, self.gamma).write(patch)


def test_writing_is_reading_the_other_way_round_and_a_grid_on_its_side_is_caught():
    grid = attention(0.5 * torch.randn(6, 5), 3, 5, 5)
    x, patch = torch.randn(6, 1, 5, 5), torch.randn(6, 1, 3, 3)
    assert adjoint(grid, x, patch)
    assert not adjoint(Sideways(*grid), x, patch)


def grid_at(column: float, row: float, points: int, height: int, width: int) -> Glimpse:
    """A sharp grid of points a pixel apart, its middle at a place counted from 1."""
    centre = [2 * column / (width + 1) - 1, 2 * row / (height + 1) - 1]
    log_stride = math.log((points - 1) / (max(height, width) - 1)) if points > 1 else 0.0
    return attention(torch.tensor([[*centre, -6.0, log_stride, 0.0]]), points, height, width)


def test_of_a_known_picture_a_sharp_grid_reads_the_pixels_that_it_is_on():
    x, square = torch.arange(35.0).reshape(1, 1, 5, 7), torch.randn(1, 1, 4, 4)
    for column, row in product(range(7), range(5)):
        found = grid_at(column + 1, row + 1, 1, 5, 7).read(x)
        torch.testing.assert_close(found, x[:, :, row : row + 1, column : column + 1])
    torch.testing.assert_close(grid_at(5, 3, 3, 5, 7).read(x), x[..., 1:4, 3:6])
    whole = attention(torch.tensor([[0.0, 0.0, -6.0, 0.0, math.log(2)]]), 4, 4, 4)
    torch.testing.assert_close(whole.read(square), 2 * square)
    torch.testing.assert_close(whole.write(square), square / 2)


@pytest.mark.parametrize("number", [-1e4, -30.0, 30.0, 1e4])
@pytest.mark.parametrize("place", range(5))
def test_filters_and_their_gradients_are_finite_wherever_the_grid_goes(place, number):
    torch.set_default_dtype(torch.float32)
    numbers = torch.eye(5)[place : place + 1].mul(number).requires_grad_()
    grid = attention(numbers, 3, 6, 5)
    torch.testing.assert_close(grid.rows.sum(2), torch.ones(1, 3))
    torch.testing.assert_close(grid.columns.sum(2), torch.ones(1, 3))
    out = grid.read(torch.rand(1, 1, 6, 5)).sum() + grid.write(torch.ones(1, 1, 3, 3)).sum()
    (slope,) = torch.autograd.grad(out, numbers)
    assert torch.cat([out[None], slope[0]]).isfinite().all()


class Half(nn.Module):
    """The one guess of a DRAW of one step, or its one stroke, as a network of a VAE."""

    def __init__(self, model: DRAW, decodes: bool):
        super().__init__()
        self.model, self.decodes = model, decodes

    def forward(self, x):
        model, h_dec = self.model, self.model.begin[2].expand(len(x), -1)
        if self.decodes:
            lstm, begin = model.decoder.stack[0], model.begin[2:]
        else:
            x = torch.cat([x.flatten(1), (x - model.blank.sigmoid()).flatten(1), h_dec], 1)
            lstm, begin = model.encoder.stack[0], model.begin[:2]
        out, _ = lstm(x[:, None], tuple(s.expand(1, len(x), -1).contiguous() for s in begin))
        return model.blank + model.stroke(out[:, 0]) if self.decodes else model.guess(out[:, 0])


def test_one_step_without_attention_is_a_plain_vae():
    model = scattered(DRAW, Bits((1, 2, 3)), 1, 2, 4, None, None)
    twin = VAE(model.space, 2, Half(model, False), Half(model, True))
    x = torch.rand(7, 1, 2, 3).round()
    for name in ("elbo", "log_weight", "encode"):
        found, wanted = (seeded(3, getattr(m, name), x) for m in (model, twin))
        torch.testing.assert_close(found, wanted)
    z = torch.randn(5, 2)
    torch.testing.assert_close(model.decode(z), twin.decode(z))
    assert torch.equal(seeded(4, model.sample, 9), seeded(4, twin.sample, 9))


@pytest.mark.parametrize("kinds", [(2, 2), (None, None), (2, None), (None, 1)])
def test_the_canvas_is_the_sum_of_strokes_and_the_decoder_draws_what_was_guessed(kinds):
    model = scattered(DRAW, Bits((1, 3, 2)), 3, 2, 4, *kinds)
    x = torch.rand(5, 1, 3, 2).round()
    strokes = list(model.guessed(x))
    z = torch.cat([stroke.z for stroke in strokes], 1)
    assert z.shape == (5, model.latent)
    for stroke, canvas in zip(strokes, model.canvases(z), strict=True):
        torch.testing.assert_close(stroke.canvas, canvas)
    torch.testing.assert_close(model.decode(z), strokes[-1].canvas.sigmoid())
    seen = []
    seeded(2, model.sample_watched, seen.append, 4)
    z = seeded(2, model.noise, 4, model.latent)
    for look, canvas in zip(seen, model.canvases(z), strict=True):
        torch.testing.assert_close(look, canvas.sigmoid())


def test_the_terms_are_closed_forms_of_each_step():
    model, x = scattered(DRAW, Bits((1, 3, 2)), 3, 2, 4), torch.rand(5, 1, 3, 2).round()
    strokes = seeded(5, lambda: list(model.guessed(x)))
    reconstruction, kl = seeded(5, model.terms, x)
    guesses = [Gaussian(s.mean, s.log_std.exp()) for s in strokes]
    prior = Gaussian(torch.zeros(2), torch.ones(2))
    torch.testing.assert_close(kl, sum(kl_divergence(q, prior).sum(1) for q in guesses))
    truth = torch.distributions.Bernoulli(logits=strokes[-1].canvas).log_prob(x)
    torch.testing.assert_close(reconstruction, -truth.flatten(1).sum(1))
    pairs = zip(strokes, guesses, strict=True)
    ratio = sum((prior.log_prob(s.z) - q.log_prob(s.z)).sum(1) for s, q in pairs)
    torch.testing.assert_close(seeded(5, model.log_weight, x), ratio - reconstruction)


def by_quadrature(model: DRAW) -> Tensor:
    """P of every picture of a model of two steps of one number each, by a sum over the plane of z."""
    line = torch.linspace(-7, 7, 141)
    z = torch.cartesian_prod(line, line)
    weight = log_normal(z).exp() * (14 / 140) ** 2
    with torch.no_grad():
        logits = [*model.canvases(z)][-1]
        states = (x.expand_as(logits) for x in every_x(model.space))
        return torch.stack([weight @ model.likelihood.log_prob(x, logits).exp() for x in states])


@pytest.mark.parametrize("kinds", [(2, 2), (None, None)])
def test_weights_and_samples_have_the_probabilities_of_quadrature(kinds):
    model = tiny(*kinds)
    truth, states = by_quadrature(model), every_x(model.space)
    assert truth.sum().item() == pytest.approx(1, abs=1e-9)
    with torch.no_grad():
        many = states.repeat(2000, 1, 1, 1)
        weights, bounds = (f(many).unflatten(0, (2000, -1)) for f in (model.log_weight, model.elbo))
        weights = weights.exp()
    error = weights.std(0) / 2000**0.5
    assert ((weights.mean(0) - truth).abs() <= 5 * error).all()
    assert (bounds.mean(0) <= truth.log() + 5 * bounds.std(0) / 2000**0.5).all()
    assert far(model, truth) <= 5


def far(model: DRAW, truth: Tensor) -> float:
    """The largest distance of a share among samples from its probability, in standard errors."""
    x = model.sample(20_000).flatten(1)
    number = (x @ 2.0 ** torch.arange(3, -1, -1)).long()  # the order of every_x
    share = number.bincount(minlength=16) / len(x)
    return ((share - truth).abs() / (truth * (1 - truth) / len(x)).sqrt()).max().item()


class Unscaled(DRAW):
    """A liar: its guesses are scored as the noise they came from, without its deviation."""

    def log_weight(self, x):
        strokes = list(self.guessed(x))
        ratio = sum(log_normal(s.z) - log_normal((s.z - s.mean) / s.log_std.exp()) for s in strokes)
        return self.likelihood.log_prob(x, strokes[-1].canvas) + ratio


class Free(DRAW):
    """A liar: its guesses cost nothing."""

    def terms(self, x):
        reconstruction, kl = super().terms(x)
        return reconstruction, 0 * kl


class Averages(DRAW):
    """A liar: what is decoded depends on what is decoded beside it."""

    def decode(self, z):
        return super().decode(z - z.mean(0))


class Redraws(DRAW):
    """A liar: what is watched is drawn from other noise than a sample."""

    def sample(self, *how):
        return DRAW.sample_watched(self, lambda x: None, *how)

    def sample_watched(self, *how):
        torch.rand(1)
        return super().sample_watched(*how)


@pytest.mark.parametrize(
    ("kind", "law", "guess"),
    [
        (Unscaled, laws.weights_sum_to_one, (0.3, 0.3)),
        (Free, laws.elbo_is_a_bound, (2.0, -1.0)),  # far from the prior, and sure of it
        (Averages, laws.decoded_rows_do_not_meet, (0.0, 0.0)),
        (Redraws, laws.what_is_watched_ends_in_the_sample, (0.0, 0.0)),
    ],
)
def test_liars_are_caught_by_the_laws(kind, law, guess):
    space = Bits((1, 1, 2))

    def guessing(kind: type[DRAW]) -> DRAW:
        torch.manual_seed(0)
        model = scattered(kind, space, 1, 1, 3, None, None)
        model.guess.bias.data.copy_(torch.tensor(guess))
        return model

    law(guessing(DRAW), every_x(space))
    with pytest.raises(AssertionError):
        law(guessing(kind), every_x(space))


class Faint(DRAW):
    """A liar: a sample lacks the last stroke that is scored, and a code is drawn and no mean."""

    def canvases(self, z):
        return super().canvases(z[:, : -self.step_latent])

    def encode(self, x):
        return torch.cat([stroke.z for stroke in self.guessed(x)], 1)


def test_samples_that_lack_a_stroke_and_codes_with_noise_are_caught():
    model, other = tiny(), tiny(kind=Faint)
    other.load_state_dict(model.state_dict())
    assert far(other, by_quadrature(model)) > 5
    assert alone_is_together(model)
    assert not alone_is_together(other)
    assert alone_is_together(model.float())


def alone_is_together(model: DRAW) -> bool:
    """Whether the code of a row is its own, and always the same."""
    x = every_x(model.space).to(model.blank.dtype)[:6]
    codes = model.encode(x)
    assert codes.dtype == x.dtype
    alone = torch.cat([model.encode(row[None]) for row in x])
    return torch.allclose(codes, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("space", [Bits((2, 3, 2)), Reals((2, 3, 2)), Pixels((2, 3, 2), 17)])
def test_samples_without_noise_are_means_and_on_the_grid(space):
    model = scattered(DRAW, space, 2, 2, 4, 2, 2)
    z = seeded(1, model.noise, 50, model.latent)
    mean = seeded(1, model.sample, 50, None, NoiseDecoding(mean=True))
    torch.testing.assert_close(mean, model.decode(z))
    best = seeded(1, model.sample, 50, None, NoiseDecoding(temperature=0))
    space.check(best, "sample")
    assert not torch.equal(best, seeded(1, model.sample, 50))


def test_the_encoder_sees_what_is_still_lacking():
    """With a canvas that shows x already, the second half of what is read is zero."""
    model, inputs = scattered(DRAW, Reals((1, 3, 3)), 1, 1, 3, None, None), []
    x = model.blank.detach().expand(2, 1, 3, 3)
    step = model.encoder.step
    model.encoder.step = lambda seen, memory: inputs.append(seen) or step(seen, memory)
    model.encode(x)
    torch.testing.assert_close(inputs[0][:, :9], x.flatten(1))
    assert not inputs[0][:, 9:18].any()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DRAW(Classes(3)), "DRAW: space is Classes.*Bits, Pixels or Reals of"),
        (lambda: DRAW(Bits((4,))), r"of \(channels, height, width\)"),
        (lambda: DRAW(Bits((1, 2, 2)), steps=0), "DRAW: steps is 0; at least 1"),
        (lambda: DRAW(Bits((1, 2, 2)), read_points=0), "read_points is 0; at least 1"),
        (lambda: DRAW(Bits((1, 2, 2)), write_points=-1), "write_points is -1; at least 1"),
        (lambda: tiny().sample(2, torch.zeros(2)), "a context was given; it takes none"),
    ],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(Refused, match=words):
        make()
