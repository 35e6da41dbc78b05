"""What stepwise models share: ends of sequences, prefixes, choices, and how they are told apart."""

import pytest
import torch
from laws import (
    a_prefix_is_gone_on_with,
    drawing_at_temperature_0_takes_the_likeliest,
    drawing_by_steps_is_drawing_by_whole_passes,
    every_x,
    logits_are_blind_to_what_comes_later,
    probability_sums_to_one,
    samples_come_from_the_density,
)
from torch import nn
from torch.nn.functional import one_hot

from genus.autoregressive import (
    MADE,
    RNNNADE,
    CharRNN,
    Decoding,
    EncoderDecoder,
    GatedPixelCNN,
    ImageTransformer,
    PixelCNNPP,
    PixelRNN,
    PixelSNAIL,
    Seq2Seq,
    Stepwise,
    Transformer,
    WaveNet,
)
from genus.core import Bits, Classes, Pixels, Tokens
from genus.functional.sequences.choices import DRAWN


class Remembering(nn.Module):
    """Each value sees the weighted sum of all before it: as small as a model with a memory gets."""

    def __init__(self, space):
        super().__init__()
        self.space = space
        self.levels = (
            2 if isinstance(space, Bits) else getattr(space, "levels", 0) or space.vocabulary
        )
        self.weights = nn.Parameter(torch.randn(space.dims, self.levels))
        self.out = nn.Parameter(
            torch.randn(space.dims, 1 if isinstance(space, Bits) else self.levels)
        )

    def index(self, x):
        return self.space.indices(x) if isinstance(self.space, Pixels) else x.long()

    def logits(self, x, *context):
        seen = (one_hot(self.index(x.flatten(1)), self.levels) * self.weights).sum(2)
        before = seen.cumsum(1) - seen + sum(c.to(seen)[:, None] for c in context)
        out = before[..., None].sin() * 3 * self.out + self.out
        return out.reshape(x.shape if isinstance(self.space, Bits) else (*x.shape, self.levels))

    def unroll(self, n, *context):
        before = self.weights.new_zeros(n) + sum(c.to(self.weights) for c in context)
        for weights, out in zip(self.weights, self.out, strict=True):
            came = yield before[:, None].sin() * 3 * out + out
            before = before + weights[came]


class Running(Remembering, Stepwise):
    pass


class RunningGiven(Remembering, Stepwise):
    context_space = Classes(3)  # where the sum begins


class Forgets(Running):
    """A memory that loses a value."""

    def unroll(self, n, *context):
        steps = super().unroll(n)
        logits = next(steps)
        for place in range(self.space.dims):
            came = yield logits
            if place + 1 < self.space.dims:
                logits = steps.send(came * 0 if place == 1 else came)


class SeesItself(Running):
    """A mask off by one."""

    def logits(self, x, *context):
        return super().logits(x.roll(-1, 1), *context)


class IsShifted(Running):
    """Teacher forcing that shows each value the ones before its neighbour."""

    def logits(self, x, *context):
        return super().logits(x.roll(1, 1), *context)


class Overlooks(Running):
    """A blind spot: the first value is seen by none."""

    def logits(self, x, *context):
        return super().logits(torch.cat([x[:, :1] * 0, x[:, 1:]], 1))


class GoesOnAlone(Running):
    """A prefix that is kept, but not seen by what follows."""

    def sample_from(self, u, *context, decoding=DRAWN, prefix=None):
        x = super().sample_from(u, decoding=decoding)
        if prefix is not None:
            x[:, : prefix.shape[1]] = prefix
        return x


class KnowsNoTemperature(Running):
    def sample_from(self, u, *context, decoding=DRAWN, prefix=None):
        return super().sample_from(u, prefix=prefix)


SPACES = [Bits((4,)), Pixels((1, 2, 2), 3), Tokens(3, 4), Tokens(3, 4, end=1)]
STEPPING = [
    drawing_by_steps_is_drawing_by_whole_passes,
    a_prefix_is_gone_on_with,
    drawing_at_temperature_0_takes_the_likeliest,
    logits_are_blind_to_what_comes_later,
]


def built(kind, space, seed=0):
    torch.manual_seed(seed)
    return kind(space).double().eval()


@pytest.mark.parametrize("space", SPACES, ids=str)
@pytest.mark.parametrize("law", [*STEPPING, probability_sums_to_one, samples_come_from_the_density])
def test_laws_hold_on_every_space(law, space):
    model = built(Running, space)
    law(model, model.sample(8))


@pytest.mark.parametrize("law", STEPPING)
def test_laws_hold_with_a_context(law):
    model = built(RunningGiven, Tokens(3, 4, end=1))
    context = torch.arange(8) % 3
    law(model, model.sample(context=context), context)


@pytest.mark.parametrize(
    ("liar", "law"),
    [
        (Forgets, drawing_by_steps_is_drawing_by_whole_passes),
        (SeesItself, logits_are_blind_to_what_comes_later),
        (SeesItself, probability_sums_to_one),
        (IsShifted, drawing_by_steps_is_drawing_by_whole_passes),
        (Overlooks, logits_are_blind_to_what_comes_later),
        (GoesOnAlone, a_prefix_is_gone_on_with),
        (KnowsNoTemperature, drawing_at_temperature_0_takes_the_likeliest),
    ],
)
def test_liars_are_caught(liar, law):
    model = built(liar, Tokens(3, 4))
    with pytest.raises(AssertionError):
        law(model, model.sample(8))


def test_nothing_is_scored_after_the_end():
    model = built(Running, Tokens(3, 4, end=1))
    x = every_x(model.space)
    each = model.log_probs(x)
    ended = torch.cat([torch.zeros(len(x), 1, dtype=torch.bool), x[:, :-1] == 1], 1)
    assert (each[ended] == 0).all()
    assert (each[~ended] < 0).all()
    torch.testing.assert_close(model.log_prob(x), each.sum(1))


def test_drawing_stops_when_all_rows_have_ended():
    class Counted(Running):
        steps = 0

        def unroll(self, n, *context):
            for _ in range(self.space.dims):
                self.steps += 1
                came = (
                    yield torch.full((n, 3), -50.0).double().index_fill_(1, torch.tensor(1), 50.0)
                )
                assert came is not None

    model = built(Counted, Tokens(3, 100, end=1))
    assert (model.sample(5) == 1).all()
    assert model.steps == 1


def test_a_completed_image_keeps_its_first_half():
    model = built(Running, Pixels((1, 4, 4), 3))
    x = model.sample(20)
    torch.manual_seed(1)
    half = model.complete(x, 8, decoding=Decoding(temperature=0.5))
    assert torch.equal(half[:, :, :2], x[:, :, :2])
    assert not torch.equal(half[:, :, 2:], x[:, :, 2:])


def test_a_prefix_that_is_too_long_is_refused():
    model = built(Running, Tokens(3, 4))
    with pytest.raises(
        ValueError, match=r"Running: prefix has shape \(5, 9\); it must be \(5, k\)"
    ):
        model.sample(5, prefix=torch.zeros(5, 9, dtype=torch.int64))
    with pytest.raises(
        ValueError, match=r"Running: prefix has shape \(1, 2\); it must be \(5, k\)"
    ):
        model.sample(5, prefix=torch.zeros(1, 2, dtype=torch.int64))


IMAGES = Pixels((1, 4, 4), 5)
TEXTS, OTHERS = Tokens(4, 5, end=0), Tokens(5, 6, end=0)
UNDER_AUTOCAST = {
    "seq2seq": (lambda: Seq2Seq(TEXTS, OTHERS, 8, 4, attention=4), torch.ones(6, 6).long()),
    "encoder-decoder": (lambda: EncoderDecoder(TEXTS, OTHERS, 8, 1, 2), torch.ones(6, 6).long()),
    "rnnnade": (lambda: RNNNADE(Bits((3, 4)), 4, 5), torch.tensor([0, 1, 2, 3, 3, 3])),
    "charrnn": (lambda: CharRNN(TEXTS, 8), None),
    "transformer": (lambda: Transformer(TEXTS, 8, 1, 2), None),
    "wavenet": (lambda: WaveNet(Tokens(4, 5), 4, 4, (1, 2)), None),
    "image-transformer": (lambda: ImageTransformer(IMAGES, 16, 1, 2), None),
    "pixelsnail": (lambda: PixelSNAIL(IMAGES, 8, 1, 1, 8, 2), None),
    "pixelrnn": (lambda: PixelRNN(IMAGES, 4), None),
    "gatedpixelcnn": (lambda: GatedPixelCNN(IMAGES, 1, 4, 3, 3, 4), None),
    "pixelcnnpp": (lambda: PixelCNNPP(IMAGES, 4, 2), None),
    "made": (lambda: MADE(IMAGES, (8,)), None),
}


@pytest.mark.parametrize("name", UNDER_AUTOCAST)
def test_scores_are_summed_in_full_precision(name):
    """Under autocast too: near to the score without it, and no coarser than float32."""
    build, context = UNDER_AUTOCAST[name]
    model = build().eval()
    given = () if context is None else (context,)
    x = model.sample(6, context)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        score = model.log_prob(x, *given)
    assert score.dtype == torch.float32
    torch.testing.assert_close(score, model.log_prob(x, *given).detach(), rtol=0.02, atol=0.05)


@pytest.mark.parametrize("kind", [GatedPixelCNN, ImageTransformer, PixelSNAIL])
def test_a_context_that_nothing_sees_is_refused(kind):
    space = Bits((1, 4, 4))
    with pytest.raises(ValueError, match="embedded context is 0; at least 1 is wanted"):
        kind(space, width=16, context_space=Classes(3), embed=nn.Embedding(3, 8))
    with pytest.raises(ValueError, match="embedded context is 8; 0 is wanted"):
        kind(space, width=16, context=8)
    plain = kind(space, width=16)
    with pytest.raises(ValueError, match="a context was given; it takes none"):
        plain.logits(torch.zeros(2, 1, 4, 4), torch.zeros(2))
    model = kind(space, width=16, context_space=Classes(3), embed=nn.Embedding(3, 8), context=8)
    with pytest.raises(ValueError, match="no context was given"):
        model.logits(torch.zeros(2, 1, 4, 4))
