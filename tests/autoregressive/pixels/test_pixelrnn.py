"""PixelRNN: what a pixel sees, the recurrences by hand, rows that are kept, and two scales."""

import laws
import pytest
import torch
from torch import Tensor

from genus.autoregressive import MultiscalePixelRNN, PixelRNN
from genus.autoregressive.pixels.pixel_lstm import DiagonalBiLSTM, RowLSTM
from genus.autoregressive.pixels.pixelrnn import Kind
from genus.core import Bits, Pixels, Tokens


@pytest.fixture(autouse=True)
def double(quiet_torch):
    torch.set_default_dtype(torch.float64)


def shaken(model, seed=0):
    """Its weights away from where they start."""
    torch.manual_seed(seed)
    model = model.eval()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.5 * torch.randn_like(p))
    return model


def seen(model, n=4) -> Tensor:
    """Which value moves which logits, (d, d) of bool: row i is what logits i see."""
    x = laws.draw(model.space, n).requires_grad_()
    logits = model.logits(x).reshape(n, model.space.dims, -1).sum(-1)
    rows = [torch.autograd.grad(one.sum(), x, retain_graph=True)[0] for one in logits.T]
    return torch.stack([(row != 0).flatten(1).any(0) for row in rows])


# what a pixel sees


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
def test_row_lstm_sees_its_triangle_and_nothing_else(layers, kernel):
    space = Bits((1, 5, 11))
    model = shaken(PixelRNN(space, 4, layers, "row", kernel))
    found = seen(model)
    for pixel in range(space.dims):
        row, column = divmod(pixel, 11)
        assert torch.equal(found[pixel].view(5, 11), model.triangle(row, column)), (row, column)
    assert model.blind_spot
    assert not model.triangle(2, 10)[0, 0]
    assert not model.triangle(1, 0)[0, 8]


def test_diagonal_lstm_sees_all_that_comes_before():
    space = Bits((1, 4, 9))
    model = shaken(PixelRNN(space, 4, 1, "diagonal", 3))
    found = seen(model)
    assert torch.equal(found, torch.ones(36, 36).tril(-1).bool())
    assert all(
        torch.equal(found[9 * r + c].view(4, 9), model.triangle(r, c))
        for r in range(4)
        for c in range(9)
    )
    assert not model.blind_spot


@pytest.mark.parametrize("kind", ["row", "diagonal"])
def test_colours_come_in_their_order(kind):
    model = shaken(PixelRNN(Pixels((3, 2, 2), 4), 6, 1, kind, 3))
    assert model.order.tolist() == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]
    found = seen(model)[model.order][:, model.order]
    assert torch.equal(found, torch.ones(12, 12).tril(-1).bool())


# the recurrences, place by place


def cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    i, f, o, g = gates.chunk(4)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def test_row_lstm_by_hand():
    layer, x = shaken(RowLSTM(6, 3)), torch.randn(1, 3, 4, 6)
    h, c = torch.zeros(4, 6, 3), torch.zeros(4, 6, 3)  # with a border
    out = torch.empty_like(x)
    for r in range(3):
        for k in range(4):
            above = h[r, k : k + 3].flatten()
            gates = layer.here(x[0, r, k]) + layer.above.weight @ above
            if k:
                gates = gates + layer.left.weight @ x[0, r, k - 1]
            h[r + 1, k + 1], c[r + 1, k + 1] = cell(gates, c[r, k + 1])
            out[0, r, k] = x[0, r, k] + layer.out(h[r + 1, k + 1])
    torch.testing.assert_close(layer(x), out)


def test_diagonal_lstm_by_hand():
    layer, x = shaken(DiagonalBiLSTM(6, 3)), torch.randn(1, 3, 5, 6)
    states = []
    for side in range(2):
        image = x[0] if side == 0 else x[0].flip(1)
        h, c = torch.zeros(4, 6, 3), torch.zeros(4, 6, 3)
        for r in range(3):
            for k in range(5):
                gates = layer.here(image[r, k])[12 * side : 12 * side + 12]
                gates = gates + torch.cat([h[r, k + 1], h[r + 1, k]]) @ layer.before[side]
                h[r + 1, k + 1], c[r + 1, k + 1] = cell(gates, c[r + 1, k])
        states.append(h[1:, 1:] if side == 0 else h[1:, 1:].flip(1))
    states[0][1:] += states[1][:-1]
    torch.testing.assert_close(layer(x)[0], x[0] + layer.out(states[0]))


@pytest.mark.parametrize("kind", [RowLSTM, DiagonalBiLSTM])
def test_a_place_done_again_is_as_if_done_once(kind):
    layer, x = shaken(kind(4, 4, 2, context=3)), torch.randn(2, 3, 4, 4)
    context = torch.randn(2, 3, 4, 3)
    memory, out = layer.begin(2, 4), torch.empty_like(x)
    for r in range(3):
        for k in range(4):
            layer.step(torch.randn(2, 4), k, memory, context[:, r, k])
            out[:, r, k] = layer.step(x[:, r, k], k, memory, context[:, r, k])
        layer.turn(memory, context[:, r])
    torch.testing.assert_close(layer(x, context), out)


# laws bite


class SeesItself(PixelRNN):
    def logits(self, x):
        self.net.first.mask[..., -1, 1] = 1
        return super().logits(x)


class ShowsTheRowFromTheRightTooSoon(DiagonalBiLSTM):
    def states(self, x, gates):
        late = super().states(x, gates)
        right = super().states(torch.zeros_like(x), 0 * gates)
        return late + (late - right).flip(2)


class ForgetsTheRowAbove(RowLSTM):
    def turn(self, memory, context=None):
        memory["cells above"].copy_(memory["cells"])


class ForgetsTheCellsAbove(RowLSTM):
    def turn(self, memory, context=None):
        super().turn(memory)
        memory["cells above"].zero_()


class ForgetsToComeBack(DiagonalBiLSTM):
    def turn(self, memory, context=None):
        memory["h above"].copy_(memory["h"])


def bits(kind: Kind = "diagonal", shape=(1, 2, 4), layer=None) -> PixelRNN:
    model = PixelRNN(Bits(shape), 4, 1, kind, 3)
    if layer is not None:
        model.net.layers[0] = layer(8, 4)
    return shaken(model)


def test_laws_reject_what_sees_itself():
    liar = shaken(SeesItself(Bits((1, 2, 3)), 4, 1, "row", 3))
    with pytest.raises(AssertionError, match="seen where it should not be"):
        laws.logits_are_blind_to_what_comes_later(liar, laws.draw(liar.space, 4))


def test_laws_reject_news_from_the_right_in_the_own_row():
    liar = bits(layer=ShowsTheRowFromTheRightTooSoon)
    with pytest.raises(AssertionError, match="seen where it should not be"):
        laws.logits_are_blind_to_what_comes_later(liar, laws.draw(liar.space, 4))


def test_laws_reject_the_diagonal_lstm_without_a_column_of_zeros():
    """As it is published: the last pixel of a row is not seen at the beginning of the next one."""
    liar = bits()
    liar.net.edge = 0
    with pytest.raises(AssertionError, match="value 3 is not seen where it may be"):
        laws.logits_are_blind_to_what_comes_later(liar, laws.draw(liar.space, 4))


@pytest.mark.parametrize(
    ("kind", "layer"),
    [
        ("row", ForgetsTheRowAbove),
        ("row", ForgetsTheCellsAbove),
        ("diagonal", ForgetsToComeBack),
    ],
)
def test_laws_reject_a_memory_that_forgets_a_row(kind, layer):
    liar = bits(kind, (1, 3, 3), layer)
    with pytest.raises(AssertionError):
        laws.drawing_by_steps_is_drawing_by_whole_passes(liar, laws.draw(liar.space, 4))


# two scales


def test_two_scales_of_colours_are_a_distribution():
    model = shaken(MultiscalePixelRNN(Pixels((2, 2, 2), 2), 2, 4, 1, "row", 3, 3))
    laws.probability_sums_to_one(model, laws.draw(model.space, 2))
    laws.drawing_by_steps_is_drawing_by_whole_passes(model, laws.draw(model.space, 2))
    assert model.order.tolist()[:2] == [0, 4]


def test_the_small_image_comes_first_and_its_pixels_see_no_other():
    model = shaken(MultiscalePixelRNN(Bits((1, 4, 6)), 2, 4, 1, "diagonal", 3, 3))
    assert model.order.tolist()[:6] == [0, 2, 4, 12, 14, 16]
    found = seen(model)
    small, other = model.order[:6], model.order[6:]
    assert torch.equal(found[small][:, small], torch.ones(6, 6).tril(-1).bool())
    assert not found[small][:, other].any()
    later = found[other][:, other]
    assert torch.equal(later, torch.ones(18, 18).tril(-1).bool())
    assert found[1, 14]  # one down of it, and to the right


def test_what_is_not_an_image_is_refused():
    with pytest.raises(ValueError, match="Bits or Pixels of"):
        PixelRNN(Tokens(3, 4))  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="Bits or Pixels of"):
        PixelRNN(Bits((4, 4)))
    with pytest.raises(ValueError, match="kernel is 4"):
        PixelRNN(Bits((1, 4, 4)), kernel=4)
    with pytest.raises(ValueError, match="kind is 'slanted'"):
        PixelRNN(Bits((1, 4, 4)), kind="slanted")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="hidden is 16 and there are 3 colours"):
        PixelRNN(Pixels((3, 4, 4)), hidden=16)
    with pytest.raises(ValueError, match="divide both sides"):
        MultiscalePixelRNN(Bits((1, 5, 4)), 2)
