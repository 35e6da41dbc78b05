"""PixelCNN and Gated PixelCNN: what each pixel sees, the papers' masks written out, and liars."""

import laws
import pytest
import torch
from models import build
from torch import Tensor
from torch.nn.functional import conv2d, relu

from genus.autoregressive import GatedPixelCNN, PixelCNN
from genus.core import Bits, Classes, Pixels, Tokens
from genus.nn import Labels


def seen(model, shape, *context) -> Tensor:
    """Which values move the logits of which: (c, h, w, c, h, w)."""
    torch.set_default_dtype(torch.float64)

    def logits(x):
        return model.logits(x, *context)[0].reshape(*shape, -1).sum(-1)

    some = torch.rand(10, 1, *shape).round()  # units that are silent for one x are not for all
    jacobians = [torch.autograd.functional.jacobian(logits, x) for x in some]
    return torch.stack(jacobians)[:, :, :, :, 0].ne(0).any(0)


def within_window(first: int, blocks: int, height: int, width: int) -> Tensor:
    """The steps from a pixel to those it sees through masks A and B, as a sum of windows."""
    reach = first // 2
    above = [(-r, c) for r in range(reach + 1) for c in range(-reach, reach + 1)]
    steps = {(r, c) for r, c in above if r < 0 or c < 0}
    window = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 0)]
    for _ in range(blocks):
        steps = {(r + a, c + b) for r, c in steps for a, b in window}
    wanted = torch.zeros(height, width, height, width, dtype=torch.bool)
    for i, j in torch.cartesian_prod(torch.arange(height), torch.arange(width)).tolist():
        for r, c in steps:
            if 0 <= i + r < height and 0 <= j + c < width:
                wanted[i, j, i + r, j + c] = True
    return wanted


@pytest.mark.parametrize(("first", "blocks"), [(3, 1), (5, 2), (3, 6)])
def test_pixelcnn_sees_a_sum_of_windows_and_no_more(first, blocks):
    shape = (1, 5, 6)
    got = seen(build(lambda: PixelCNN(Bits(shape), blocks, 8, first, 8)), shape)
    assert torch.equal(got[0, :, :, 0], within_window(first, blocks, 5, 6))


def test_pixelcnns_blind_spot_is_where_its_docstring_says():
    first = 5
    got = seen(build(lambda: PixelCNN(Bits((1, 5, 7)), 6, 8, first, 8)), (1, 5, 7))
    for i, j, row, column in got[0, :, :, 0].logical_not().nonzero().tolist():
        if (row, column) < (i, j):
            up = i - row
            assert column - j > up - 1 + first // 2
    assert not got[0, 4, 0, 0, 3, 3]
    assert got[0, 4, 0, 0, 3, 2]


@pytest.mark.parametrize("blocks", [4])
def test_gated_pixelcnn_has_no_blind_spot(blocks):
    shape = (1, 5, 6)
    got = seen(build(lambda: GatedPixelCNN(Bits(shape), blocks, 8, 3, 3, 8)), shape)
    assert torch.equal(got.reshape(30, 30), torch.ones(30, 30).tril(-1).bool())


def test_colours_are_seen_in_their_order():
    shape = (3, 2, 2)
    for make in (PixelCNN, GatedPixelCNN):
        model = build(lambda make=make: make(Pixels(shape, 2), 2, 24, 3, head=24))
        got = seen(model, shape).reshape(12, 12)[model.order][:, model.order]
        assert torch.equal(got, torch.ones(12, 12).tril(-1).bool())
    assert model.order[:4].tolist() == [0, 4, 8, 1]


def masked(x, weight, strict, bias=None):
    """A convolution of the paper: a square window, from which what comes later is cut out."""
    side = 2 * weight.shape[2] - 1
    full = weight.new_zeros(*weight.shape[:2], side, weight.shape[3])
    full[:, :, : weight.shape[2]] = weight
    middle = side // 2
    full[:, :, middle, middle + (not strict) :] = 0
    full[:, :, middle + 1 :] = 0
    return conv2d(x, full, bias, padding=side // 2)


def test_pixelcnn_is_the_papers():
    model = build(lambda: PixelCNN(Bits((1, 4, 5)), 2, 3, 5, 7))
    torch.set_default_dtype(torch.float64)
    x = torch.rand(3, 1, 4, 5).round()
    h = masked(2 * x - 1, model.input.weight, True, model.input.bias)
    for block in model.residual:
        one = conv2d(relu(h), block.narrow.weight, block.narrow.bias)
        two = masked(relu(one), block.window.weight, False, block.window.bias)
        h = h + conv2d(relu(two), block.widen.weight, block.widen.bias)
    head = model.output
    h = conv2d(relu(h), head.inner.weight, head.inner.bias)
    truth = conv2d(relu(h), head.outer.weight, head.outer.bias)
    torch.testing.assert_close(model.logits(x), truth)


def test_gated_pixelcnn_is_the_papers():
    model = build(
        lambda: GatedPixelCNN(
            Pixels((1, 4, 5), 3),
            1,
            3,
            3,
            3,
            7,
            context_space=Classes(2),
            embed=Labels(2),
            context=2,
        )
    )
    torch.set_default_dtype(torch.float64)
    x, label = (
        Pixels((1, 4, 5), 3).quantise(torch.rand(3, 1, 4, 5) * 2 - 1),
        torch.tensor([0, 1, 0]),
    )
    shift = model.net.shift.weight[:, label].T
    v = h = x
    for i, layer in enumerate((model.net.input, *model.net.inner)):
        mine = shift[:, 12 * i : 12 * (i + 1), None, None]
        rows = torch.nn.functional.pad(v, (1, 1, 1, 1))[:, :, : 4 if i == 0 else 5]
        v = conv2d(rows, layer.rows.weight, layer.rows.bias)[:, :, :4] + mine[:, :6]
        link = conv2d(v, layer.link.weight, layer.link.bias)
        row = torch.nn.functional.pad(h, (1, 0))  # the pixel to the left, and the pixel
        weight = layer.left.weight * torch.tensor([1.0, i > 0])
        s = conv2d(row, weight) + link + mine[:, 6:]
        v = (v[:, :3] / 2).tanh() * v[:, 3:].sigmoid()
        out = conv2d((s[:, :3] / 2).tanh() * s[:, 3:].sigmoid(), layer.out.weight, layer.out.bias)
        h = h + out if i else out
    head = model.net.output
    h = conv2d(relu(h), head.inner.weight, head.inner.bias)
    truth = conv2d(relu(h), head.outer.weight, head.outer.bias).movedim(1, -1)[:, None]
    torch.testing.assert_close(model.logits(x, label), truth)


@pytest.mark.parametrize("make", [PixelCNN, GatedPixelCNN])
@pytest.mark.parametrize("space", [Bits((1, 5, 4)), Pixels((3, 3, 2), 4)])
def test_each_steps_logits_are_those_of_a_whole_pass(make, space):
    model = build(lambda: make(space, 2, 6, 5, head=9))
    torch.set_default_dtype(torch.float64)
    x = laws.draw(space, 5)
    index = (space.indices(x) if isinstance(space, Pixels) else x.long()).flatten(1)
    whole = model.logits(x).reshape(5, space.dims, -1)
    with torch.no_grad():
        steps = model.unroll(5)
        out = next(steps)
        for place, feature in enumerate(model.order.tolist()):
            torch.testing.assert_close(out, whole[:, feature], rtol=0, atol=1e-12)
            if place + 1 < space.dims:
                out = steps.send(index[:, feature])


# --- liars ------------------------------------------------------------------------------------


class SeesItself(PixelCNN):
    """Its first mask is off by one."""

    def logits(self, x):
        self.input.mask[:, :, -1, self.first // 2] = 1
        return super().logits(x)


class DeniesItsBlindSpot(PixelCNN):
    blind_spot = False


class ForgetsRows(GatedPixelCNN):
    """Its vertical stack sees the last row only."""

    def unroll(self, n):
        rows = self.net.inner[0].rows
        write = rows.write

        def forgetful(x, memory):
            memory.rows[-1].zero_()
            write(x, memory)

        rows.write = forgetful
        yield from super().unroll(n)


class LeavesTheLinkOut(GatedPixelCNN):
    """It has the blind spot again, of all rows above."""

    def logits(self, x):
        for layer in self.net.layers():
            layer.link.weight.data.zero_()
        return super().logits(x)


class HidesGreenFromBlue(PixelCNN):
    def logits(self, x):
        out = super().logits(x).clone()
        out[:, 2] = super().logits(x * torch.tensor([1.0, 0, 1])[:, None, None])[:, 2]
        return out


BLIND, STEPS = (
    laws.logits_are_blind_to_what_comes_later,
    laws.drawing_by_steps_is_drawing_by_whole_passes,
)
LIARS = {
    "sees itself": (lambda: SeesItself(Bits((1, 3, 3)), 1, 8, 3, 8), BLIND),
    "denies": (lambda: DeniesItsBlindSpot(Bits((1, 2, 4)), 3, 8, 3, 8), BLIND),
    "no link": (lambda: LeavesTheLinkOut(Bits((1, 3, 3)), 2, 8, 3, 3, 8), BLIND),
    "forgets rows": (lambda: ForgetsRows(Bits((1, 3, 3)), 2, 8, 3, 3, 8), STEPS),
    "hides green": (lambda: HidesGreenFromBlue(Pixels((3, 1, 2), 2), 1, 12, 3, 12), STEPS),
}


@pytest.mark.parametrize("name", LIARS)
def test_a_liar_is_found(name):
    make, law = LIARS[name]
    model = build(make)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(2)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    with pytest.raises(AssertionError):
        law(model, model.sample(6))


def test_refusals():
    with pytest.raises(ValueError, match="PixelCNN: space is Tokens"):
        PixelCNN(Tokens(3, 4))
    with pytest.raises(ValueError, match="first is 4; it must be odd"):
        PixelCNN(Bits((1, 3, 3)), first=4)
    with pytest.raises(ValueError, match="a multiple of 3 is wanted"):
        GatedPixelCNN(Pixels((3, 2, 2), 2), width=32)
    with pytest.raises(ValueError, match="size is 2; it must be odd"):
        GatedPixelCNN(Bits((1, 3, 3)), size=2)
