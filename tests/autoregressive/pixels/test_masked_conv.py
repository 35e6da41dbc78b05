import pytest
import torch

from genus.autoregressive.pixels.masked_conv import MaskedConv2d, RowConv2d

H, W = 5, 4


@pytest.fixture(autouse=True)
def in_double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def seen(layer, d_in, height=H, width=W):
    """Which inputs move which outputs: (d_out, h', w', d_in, h, w)."""
    x = torch.randn(1, d_in, height, width)
    jacobian = torch.autograd.functional.jacobian(layer, x)[0, :, :, :, 0]
    return jacobian != 0


ROW_KINDS = [(1, 0, 0, True, 1), (2, 1, 1, False, 1), (3, 2, 0, True, 1), (2, 1, 1, False, 2)]


@pytest.mark.parametrize(("rows", "left", "right", "strict", "stride"), ROW_KINDS)
def test_rows_see_their_window(rows, left, right, strict, stride):
    got = seen(RowConv2d(2, 3, rows, left, right, strict, stride), 2)
    for i, j in torch.cartesian_prod(torch.arange(got.shape[1]), torch.arange(got.shape[2])):
        row, column = stride * i, stride * j
        wanted = torch.zeros(H, W, dtype=torch.bool)
        last = int(row) - strict
        top, side = max(0, last - rows + 1), max(0, int(column) - left)
        wanted[top : last + 1, side : column + right + 1] = last >= 0
        assert (got[:, i, j] == wanted).all()


@pytest.mark.parametrize(("rows", "left", "right", "strict", "stride"), ROW_KINDS)
def test_rows_come_one_by_one(rows, left, right, strict, stride):
    layer = RowConv2d(2, 3, rows, left, right, strict, stride)
    x = torch.randn(6, 2, H, W)
    whole = layer(x).permute(0, 2, 3, 1)
    memory = layer.begin(6, W)
    given = torch.cat([torch.zeros(6, 2, 1, W), x], 2)[:, :, :-1] if strict else x
    for i in range(H):
        layer.write(given[:, :, i].mT, memory)
        if i % stride == 0:
            torch.testing.assert_close(layer.read(memory), whole[:, i // stride])


PIXEL_KINDS = [  # above, left, right, strict, groups, stride
    (0, 0, 0, False, 1, 1),
    (0, 0, 0, True, 1, 1),
    (1, 0, 1, True, 1, 1),
    (0, 2, 2, True, 1, 1),
    (2, 2, 2, True, 1, 1),
    (1, 1, 1, False, 1, 1),
    (1, 1, 0, False, 1, 2),
    (2, 1, 0, True, 3, 1),
    (1, 1, 1, False, 3, 1),
    (0, 0, 0, False, 3, 1),
]


@pytest.mark.parametrize(("above", "left", "right", "strict", "groups", "stride"), PIXEL_KINDS)
def test_pixels_see_their_window(above, left, right, strict, groups, stride):
    layer = MaskedConv2d(2 * groups, groups, above, left, right, strict, groups, stride)
    got = seen(layer, 2 * groups)
    for i, j in torch.cartesian_prod(torch.arange(got.shape[1]), torch.arange(got.shape[2])):
        row, column = int(stride * i), int(stride * j)
        for part in range(groups):
            wanted = torch.zeros(2 * groups, H, W, dtype=torch.bool)
            side = max(0, column - left)
            wanted[:, max(0, row - above) : row, side : column + right + 1] = True
            wanted[:, row, side:column] = True
            wanted[: 2 * (part + (not strict)), row, column] = True
            assert torch.equal(got[part, i, j], wanted)


def by_steps(layer, x, groups, stride):
    """The whole output, (n, d_out, h', w'), value by value."""
    n, d, height, width = x.shape
    values = x.permute(0, 2, 3, 1).reshape(n, height * width * groups, d // groups)
    if layer.strict:
        values = torch.cat([torch.zeros(n, 1, d // groups), values], 1)
    memory, out = layer.begin(n, width), []
    for k in range(height * width * groups):
        pixel = k // groups
        if (pixel // width) % stride or (pixel % width) % stride:
            layer.write(values[:, k], memory)
        else:
            out.append(layer.step(values[:, k], memory))
    shape = (n, -(-height // stride), -(-width // stride), -1)
    return torch.stack(out, 1).reshape(shape).permute(0, 3, 1, 2)


@pytest.mark.parametrize(("above", "left", "right", "strict", "groups", "stride"), PIXEL_KINDS)
@pytest.mark.parametrize("bias", [True, False])
def test_pixels_come_one_by_one(above, left, right, strict, groups, stride, bias):
    layer = MaskedConv2d(2 * groups, 2 * groups, above, left, right, strict, groups, stride, bias)
    x = torch.randn(6, 2 * groups, H, W)
    torch.testing.assert_close(by_steps(layer, x, groups, stride), layer(x))


def test_a_step_that_forgets_a_row_is_found():
    class ForgetsARow(MaskedConv2d):
        def _turn(self, memory):
            super()._turn(memory)
            memory.rows[0].zero_()

    layer, x = ForgetsARow(2, 2, 2, 1, 1), torch.randn(6, 2, H, W)
    assert not torch.allclose(by_steps(layer, x, 1, 1), layer(x))


def test_what_is_added_to_a_step():
    layer, plus = MaskedConv2d(2, 3, 1, 1, 1), torch.randn(6, 3)
    x = torch.randn(6, 2)
    first = layer.step(x, layer.begin(6, W))
    torch.testing.assert_close(layer.step(x, layer.begin(6, W), plus), first + plus)


def test_masked_weights_start_and_stay_without_effect():
    layer = MaskedConv2d(2, 2, 1, 1, 1, strict=True)
    assert (layer.weight[layer.mask == 0] == 0).all()
    layer(torch.randn(1, 2, H, W)).sum().backward()
    assert (layer.weight.grad[layer.mask == 0] == 0).all()


def test_refusals():
    with pytest.raises(ValueError, match="RowConv2d: rows is 0"):
        RowConv2d(1, 1, 0, 1, 1)
    with pytest.raises(ValueError, match="MaskedConv2d: above is -1"):
        MaskedConv2d(1, 1, -1, 1, 1)
    with pytest.raises(ValueError, match="channels must be multiples"):
        MaskedConv2d(4, 3, 1, 1, 1, groups=3)
