"""PixelSNAIL: what attention and windows see, by steps and at once, and what a liar would do."""

import laws
import pytest
import torch
from models import build

from genus.autoregressive import PixelSNAIL
from genus.autoregressive.pixels.snail import SnailBlock
from genus.core import Bits, Classes, Pixels
from genus.nn import Labels

KINDS = {
    "bits": lambda: PixelSNAIL(Bits((1, 5, 4)), 8, 2, 1, 8, 2),
    "pixels": lambda: PixelSNAIL(Pixels((1, 3, 4), 5), 8, 1, 2, 6, 1),
    "colour": lambda: PixelSNAIL(Pixels((3, 2, 3), 5), 8, 2, 1, 8, 2),
    "mixture": lambda: PixelSNAIL(Pixels((3, 2, 3), 256), 8, 1, 1, 8, 2, mixture=3),
}
kinds = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS.keys())


@pytest.fixture(autouse=True)
def in_double():
    torch.set_default_dtype(torch.float64)


def by_steps(model, x, *context):
    """The logits of each value of x, (n, d, k), from one step after another."""
    steps, found = model.unroll(len(x), *context), []
    index = x.long() if isinstance(model.space, Bits) else model.space.indices(x)
    logits = next(steps)
    for feature in model.order.tolist():
        found.append(logits)
        if len(found) < model.space.dims:
            logits = steps.send(index.flatten(1)[:, feature])
    return torch.stack(found, 1)[:, model.order.argsort()]


@kinds
@torch.no_grad()
def test_steps_give_the_logits_of_a_whole_pass(make):
    model = build(make)
    x = laws.draw(model.space, 3)
    whole = model.logits(x).reshape(3, model.space.dims, -1)
    torch.testing.assert_close(by_steps(model, x), whole, rtol=1e-12, atol=1e-12)


@kinds
def test_a_value_is_seen_by_all_after_it_and_no_other(make):
    """By the gradient: a window of 2 x 2 misses what is above to the right, and attention does not."""
    model = build(make)
    x = laws.draw(model.space, 1).requires_grad_()
    logits = model.logits(x).reshape(model.space.dims, -1)
    place = model.order.argsort()
    for value in range(model.space.dims):
        (gradient,) = torch.autograd.grad(logits[value].cos().sum(), x, retain_graph=True)
        seen = gradient.flatten() != 0
        assert (seen == (place < place[value])).all()


def test_without_attention_there_is_a_blind_spot():
    """So the test above can fail: what windows do not reach is seen by attention alone."""
    model = build(lambda: PixelSNAIL(Bits((1, 5, 8)), 8, 1, 1, 8, 2))
    x = laws.draw(model.space, 1).requires_grad_()
    last, corner = 2 * 8, 7  # the first pixel of the third row, and the end of the first
    (gradient,) = torch.autograd.grad(model.logits(x).flatten()[last], x)
    assert gradient.flatten()[corner] != 0
    with torch.no_grad():
        for block in model.net.blocks:
            block.far.weight.zero_()
    (gradient,) = torch.autograd.grad(model.logits(x).flatten()[last], x)
    assert gradient.flatten()[corner] == 0


def test_the_mixture_scores_what_its_logits_say():
    model = build(KINDS["mixture"])
    x = laws.draw(model.space, 2)
    logits = model.logits(x)
    assert logits.shape == (2, 3, 2, 3, 256)
    each = logits.log_softmax(-1).gather(-1, model.space.indices(x)[..., None])[..., 0]
    torch.testing.assert_close(model.log_probs(x), each)
    torch.testing.assert_close(model.log_prob(x), each.flatten(1).sum(1))
    model.space.check(model.sample(3), "sample")


def test_attention_is_what_its_equation_says():
    """One head: softmax over the start and all pixels before, of queries times keys."""
    block = SnailBlock(4, 1, 3, 1, 2, 0.0)
    attention = block.attention
    r, pixels, positions = torch.randn(2, 5, 4), torch.randn(2, 5, 2), torch.randn(5, 2)
    got = attention(r, pixels, positions)
    qkv = attention.look(r) + attention.place(positions)
    q, k, v = qkv.chunk(3, -1)
    more_k, more_v = attention.colour(pixels).chunk(2, -1)
    start_k, start_v = attention.start.chunk(2)
    for i in range(5):
        keys = torch.cat([start_k.expand(2, 1, 3), (k + more_k)[:, :i]], 1)
        values = torch.cat([start_v.expand(2, 1, 3), (v + more_v)[:, :i]], 1)
        weights = (keys @ q[:, i, :, None] / 3**0.5).softmax(1)
        torch.testing.assert_close(got[:, i], (weights * values).sum(1))


def test_a_context_reaches_every_value():
    model = build(
        lambda: PixelSNAIL(
            Bits((1, 2, 3)), 8, 1, 1, 8, 2, context_space=Classes(3), embed=Labels(3), context=3
        )
    )
    x = laws.draw(model.space, 1)
    one, other = (model.logits(x, torch.tensor([k])) for k in (0, 2))
    assert (one != other).all()
    x, context = laws.draw(model.space, 3), torch.tensor([2, 0, 1])
    whole = model.logits(x, context).reshape(3, 6, 1)
    torch.testing.assert_close(by_steps(model, x, context), whole)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="PixelSNAIL: space is"):
        PixelSNAIL(Bits((4,)))
    with pytest.raises(ValueError, match="look is 5; it must be a multiple of heads, 2"):
        PixelSNAIL(Bits((1, 2, 2)), look=5, heads=2)
    with pytest.raises(ValueError, match="mixture is 3"):
        PixelSNAIL(Bits((1, 2, 2)), mixture=3)
    with pytest.raises(ValueError, match="mixture is 0"):
        PixelSNAIL(Pixels((1, 2, 2)), mixture=0)


# --- liars ------------------------------------------------------------------------------------


class LooksAtItself(PixelSNAIL):
    """Its keys are not those before a pixel, but also its own."""

    def logits(self, x):
        block = self.net.blocks[0]
        own = block.attention.forward

        def looks(r, pixels, positions):
            return own(r, pixels, positions) + pixels[..., :1]

        block.attention.forward = looks
        try:
            return super().logits(x)
        finally:
            del block.attention.forward


class ForgetsARow(PixelSNAIL):
    """The convolutions of its first block lose the row above when they draw."""

    def unroll(self, n):
        steps = super().unroll(n)
        logits = next(steps)
        convolutions, _ = steps.gi_frame.f_locals["memories"][0]
        while True:
            came = yield logits
            for memory in convolutions[0]:
                memory.ahead = None
                for row in memory.rows[:-1]:
                    row.zero_()
            logits = steps.send(came)


class LooksAtTheWrongPixel(PixelSNAIL):
    """When it draws, a key is made of the features of the pixel after."""

    def unroll(self, n):
        steps = super().unroll(n)
        logits = next(steps)
        memories = steps.gi_frame.f_locals["memories"]
        while True:
            came = yield logits
            for _, looked in memories:
                looked.show = looked.show.roll(1, 1)
            logits = steps.send(came)


LIARS = (
    (LooksAtItself, laws.logits_are_blind_to_what_comes_later),
    (ForgetsARow, laws.drawing_by_steps_is_drawing_by_whole_passes),
    (LooksAtTheWrongPixel, laws.drawing_by_steps_is_drawing_by_whole_passes),
)


@pytest.mark.parametrize(("liar", "law"), LIARS)
def test_laws_bite(liar, law):
    arguments = (Bits((1, 3, 3)), 8, 2, 1, 8, 2)
    model, honest = build(lambda: liar(*arguments)), build(lambda: PixelSNAIL(*arguments))
    law(honest, *laws.sample(honest, 6))
    with pytest.raises(AssertionError):
        law(model, *laws.sample(model, 6))
