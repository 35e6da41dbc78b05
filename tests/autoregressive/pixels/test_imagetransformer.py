"""The image Transformer: what it sees, by steps and at once, and what a liar would do."""

import laws
import pytest
import torch
from models import build

from genus.autoregressive import Decoding, ImageTransformer
from genus.core import Bits, Classes, Pixels, Reals, Tokens
from genus.nn import Labels

KINDS = {
    "bits": lambda: ImageTransformer(Bits((1, 3, 4)), 8, 2, 2, window=1),
    "no window": lambda: ImageTransformer(Bits((1, 3, 4)), 8, 2, 2, window=0),
    "wide window": lambda: ImageTransformer(Bits((1, 2, 3)), 8, 1, 1, window=4),
    "colour": lambda: ImageTransformer(Pixels((3, 2, 3), 5), 8, 1, 2, window=1),
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
    x = laws.draw(model.space, 5)
    whole = model.logits(x).reshape(5, model.space.dims, -1)
    torch.testing.assert_close(by_steps(model, x), whole, rtol=1e-12, atol=1e-12)


@kinds
def test_a_value_is_seen_by_all_after_it_and_no_other(make):
    """By the gradient, in the order of the paper: rows, in a row pixels, in a pixel colours."""
    model = build(make)
    channels, height, width = model.space.shape
    places = torch.arange(model.space.dims).reshape(height, width, channels).permute(2, 0, 1)
    places = places.flatten()  # when each value of x comes
    hidden = []
    model.net.look.register_forward_pre_hook(lambda _, given: hidden.append(given[0]))
    model.logits(x := laws.draw(model.space, 1).requires_grad_())
    if model.net.near is not None:  # what the pixels close by add is a function of floats
        for place in range(model.space.dims):
            (gradient,) = torch.autograd.grad(hidden[0][0, place].sum(), x, retain_graph=True)
            assert (gradient.flatten()[places >= place] == 0).all()
    laws.logits_are_blind_to_what_comes_later(model, x.detach())
    assert (model.order == places.argsort()).all()


def test_a_context_reaches_every_value():
    model = build(
        lambda: ImageTransformer(
            Bits((1, 2, 3)), 8, 1, 2, context_space=Classes(3), embed=Labels(3), context=3
        )
    )
    x = laws.draw(model.space, 1)
    one, other = (model.logits(x, torch.tensor([k])) for k in (0, 2))
    assert (one != other).all()
    context = torch.tensor([2, 0, 1])
    x = laws.draw(model.space, 3)
    whole = model.logits(x, context).reshape(3, 6, 1)
    torch.testing.assert_close(by_steps(model, x, context), whole)


def test_half_an_image_is_gone_on_with():
    model = build(KINDS["colour"])
    x = laws.draw(model.space, 4)
    done = model.complete(x, 9)  # the first of two rows
    assert torch.equal(done[:, :, 0], x[:, :, 0])
    assert not torch.equal(done[:, :, 1], x[:, :, 1])
    likeliest = Decoding(temperature=0)
    assert torch.equal(
        model.complete(x, 9, decoding=likeliest), model.complete(x, 9, decoding=likeliest)
    )


def test_dropout_is_for_learning_only():
    model = build(lambda: ImageTransformer(Bits((1, 2, 3)), 8, 1, 2, dropout=0.5))
    x = laws.draw(model.space, 2)
    assert torch.equal(model.logits(x), model.logits(x))
    model.train()
    assert not torch.equal(model.logits(x), model.logits(x))


def test_wrong_arguments_are_refused():
    for space in (Bits((4,)), Tokens(3, 4), Reals((1, 2, 2))):
        with pytest.raises(ValueError, match=r"ImageTransformer.*wanted"):
            ImageTransformer(space, 8, 1, 2)
    with pytest.raises(ValueError, match="window is -1"):
        ImageTransformer(Bits((1, 2, 2)), 8, 1, 2, window=-1)


# --- liars ------------------------------------------------------------------------------------


class SeesItself(ImageTransformer):
    """Its values are not shifted: each sees itself."""

    def logits(self, x):
        return super().logits(x.flatten(1).roll(-1, 1).reshape(x.shape))


class ForgetsAKey(ImageTransformer):
    """Its memory holds a key too few: that of the first value."""

    def unroll(self, n):
        steps = super().unroll(n)
        logits = next(steps)
        memories = steps.gi_frame.f_locals["memory"]
        while True:
            came = yield logits
            for keys_values, _ in memories:
                keys_values.keys[:, :, 0] = 0
            logits = steps.send(came)


class ForgetsTheRowAbove(ImageTransformer):
    """What the pixels around a pixel add is of its own row only."""

    def unroll(self, n):
        steps = super().unroll(n)
        logits = next(steps)
        window = steps.gi_frame.f_locals["window"]
        while True:
            came = yield logits
            window.ahead = None
            for row in window.rows[:-1]:
                row.zero_()
            logits = steps.send(came)


LIARS = (
    (SeesItself, laws.logits_are_blind_to_what_comes_later),
    (ForgetsAKey, laws.drawing_by_steps_is_drawing_by_whole_passes),
    (ForgetsTheRowAbove, laws.drawing_by_steps_is_drawing_by_whole_passes),
)


@pytest.mark.parametrize(("liar", "law"), LIARS)
def test_laws_bite(liar, law):
    arguments = (Bits((1, 3, 3)), 8, 2, 2, 1)
    model, honest = build(lambda: liar(*arguments)), build(lambda: ImageTransformer(*arguments))
    law(honest, *laws.sample(honest, 6))
    with pytest.raises(AssertionError):
        law(model, *laws.sample(model, 6))
