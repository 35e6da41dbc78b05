"""Spaces: grids, what they refuse, and what one may say about them."""

import math

import pytest
import torch

from genus.core import Bits, Classes, Model, Pixels, Reals, Tokens, hyperparameters


@pytest.mark.parametrize("levels", [2, 3, 17, 256])
def test_pixels_values_and_indices_undo_each_other(levels):
    space = Pixels((1,), levels)
    indices = torch.arange(levels)
    values = space.values(indices)
    assert values[0] == -1
    assert values[-1] == pytest.approx(1, abs=1e-6)
    assert torch.equal(space.indices(values), indices)
    assert torch.equal(space.indices(values + 0.49 * space.bin), indices)


def test_pixels_quantise_clamps_to_the_grid():
    space = Pixels((3,), levels=5)
    torch.testing.assert_close(
        space.quantise(torch.tensor([-7.0, 0.2, 3.0])), torch.tensor([-1.0, 0.0, 1.0])
    )


def test_pixels_dequantise_stays_in_the_bin_and_is_uniform():
    space = Pixels((1,), levels=17)
    x = space.values(torch.full((20_000, 1), 5))
    noise = (space.dequantise(x) - x) / space.bin
    assert noise.abs().max() <= 0.5 + 1e-5
    assert torch.equal(space.quantise(x + 0.499 * space.bin), x)
    variance = noise.square()
    error = variance.std() / math.sqrt(len(noise))
    assert abs(variance.mean() - 1 / 12) < 5 * error


@pytest.mark.parametrize(
    ("space", "x", "words"),
    [
        (Reals((2,)), torch.tensor([[0.0, math.nan]]), "not finite"),
        (Reals((2,)), torch.zeros(3, 4), r"shape \(3, 4\); it must be \(n, \*\(2,\)\)"),
        (Bits((2,)), torch.tensor([[0.0, 0.5]]), "other than 0 and 1"),
        (Pixels((1,), 17), torch.tensor([[1.5]]), r"outside \[-1, 1\]"),
        (Pixels((1,), 17), torch.tensor([[0.03]]), "between the levels"),
        (Pixels((1,), 17), torch.tensor([[math.inf]]), "not finite"),
        (Tokens(5, 2), torch.tensor([[0, 5]]), r"outside 0 \.\. 4"),
        (Tokens(5, 2), torch.tensor([[0.0, 1.0]]), "not int64"),
        (Classes(3), torch.tensor([-1]), r"outside 0 \.\. 2"),
    ],
)
def test_spaces_say_what_is_wrong(space, x, words):
    with pytest.raises(ValueError, match=f"somebody: x .*{words}"):
        space.check(x, "somebody")


@pytest.mark.parametrize(
    ("space", "x"),
    [
        (Reals((2,)), torch.randn(3, 2)),
        (Bits((2,)), torch.ones(3, 2)),
        (Pixels((1, 2, 2), 256), Pixels((1, 2, 2)).values(torch.randint(256, (3, 1, 2, 2)))),
        (Tokens(5, 2), torch.tensor([[0, 4]])),
        (Classes(3), torch.tensor([2, 0])),
    ],
)
def test_spaces_take_what_is_theirs(space, x):
    space.check(x, "somebody")
    assert space.dims == x[0].numel()


def test_pixels_want_two_levels():
    with pytest.raises(ValueError, match="levels is 1; at least 2"):
        Pixels((1,), 1)


def test_a_model_without_a_loss_says_so():
    class Mute(Model):
        pass

    with pytest.raises(TypeError, match="Mute has no log_prob: give it a loss, or players"):
        Mute().loss(torch.zeros(1))


def test_forgotten_arguments_are_named():
    class Forgetful(torch.nn.Module):
        def __init__(self, width: int):
            super().__init__()

    with pytest.raises(TypeError, match="Forgetful: its constructor does not keep width"):
        hyperparameters(Forgetful(3))
