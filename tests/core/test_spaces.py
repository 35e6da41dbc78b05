"""Spaces of graphs, strokes, labels and sequences that end: what they hold, and what they refuse."""

import pytest
import torch

from genus.core import (
    Attributes,
    Bits,
    Classes,
    Graphs,
    Pixels,
    Reals,
    Strokes,
    Tokens,
    require,
    require_images,
)

TRIANGLE = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]]).double()


def changed(x: torch.Tensor, *places: tuple[int, ...]) -> torch.Tensor:
    """x with other bits in some places."""
    x = x.clone()
    for place in places:
        x[place] = 1 - x[place]
    return x


@pytest.mark.parametrize(
    ("x", "fault"),
    [
        (TRIANGLE, None),
        (changed(TRIANGLE, (0, 1), (1, 0)), None),
        (torch.zeros(4, 4), None),
        (TRIANGLE * 0.5, "other than 0 and 1"),
        (changed(TRIANGLE, (0, 1)), "not symmetric"),
        (changed(torch.zeros(4, 4), (1, 1)), "a node after one that is not there"),
        (changed(TRIANGLE, (0, 3), (3, 0)), "an edge to a node that is not there"),
    ],
)
def test_graphs(x, fault):
    found = Graphs(4).fault(x[None])
    assert (found is None) == (fault is None)
    assert fault is None or fault in found


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ([[1.5, -2, 0], [0, 1, 1], [0, 0, 2]], None),
        ([[0, 0, 2], [0, 0, 2], [0, 0, 2]], None),
        ([[1, 1, 1], [1, 1, 1], [1, 1, 1]], None),
        ([[1, 1, 3], [0, 0, 2], [0, 0, 2]], "pens other than"),
        ([[1, 1, 0], [0, 0, 2], [1, 1, 0]], "continues after its end"),
        ([[1, 1, 0], [0, 0, 2], [1, 0, 2]], "moves after its end"),
        ([[float("nan"), 1, 0], [0, 0, 2], [0, 0, 2]], "not finite"),
    ],
)
def test_strokes(steps, fault):
    found = Strokes(3).fault(torch.tensor([steps]).double())
    assert (found is None) == (fault is None)
    assert fault is None or fault in found


def test_attributes():
    space = Attributes((2, 3))
    assert space.shape == (2,)
    assert space.fault(torch.tensor([[1, 2], [0, 0]])) is None
    for wrong in ([[2, 0]], [[0, 3]], [[-1, 0]]):
        assert "outside" in space.fault(torch.tensor(wrong))
    assert "not int64" in space.fault(torch.tensor([[0.0, 1.0]]))


def test_a_sequence_does_not_go_on_after_its_end():
    space = Tokens(3, 4, end=0)
    assert space.fault(torch.tensor([[1, 2, 0, 0], [1, 2, 1, 2], [0, 0, 0, 0]])) is None
    assert "after its end, which is token 0" in space.fault(torch.tensor([[1, 0, 2, 0]]))
    assert Tokens(3, 4).fault(torch.tensor([[1, 0, 2, 0]])) is None


@pytest.mark.parametrize("space", [Reals((3,)), Bits((3,)), Tokens(4, 3), Strokes(2), Graphs(2)])
def test_a_space_without_edges_leaves_what_it_is_given(space):
    y = 5 * torch.randn(4, *space.shape)
    for edge in (space.squash, space.clip, space.quantise):
        assert edge(y) is y


def test_pixels_know_their_edges():
    space, y = Pixels((50,), 5), 3 * torch.randn(20, 50)
    assert torch.equal(space.squash(y), y.tanh())
    assert torch.equal(space.clip(y), y.clamp(-1, 1))
    assert space.fault(space.quantise(y)) is None
    inside = 2 * torch.rand(20, 50) - 1
    assert (space.quantise(inside) - inside).abs().max() <= space.bin / 2 + 1e-6


@pytest.mark.parametrize("space", [Bits((9,)), Pixels((9,), 5), Tokens(4, 9), Classes(6)], ids=str)
def test_values_that_can_be_counted_have_numbers(space):
    count = space.cardinality
    numbers = torch.arange(9) % count if space.shape else torch.arange(count)
    x = space.values(numbers)
    assert torch.equal(space.indices(x), numbers)
    space.check(x[None] if space.shape else x, "values")
    floats = isinstance(space, Bits | Pixels)
    assert space.values(numbers, torch.float64).dtype == (torch.float64 if floats else torch.int64)


def test_values_that_cannot_be_counted_have_none():
    assert Reals((2,)).cardinality is None
    for work in (Reals((2,)).indices, Reals((2,)).values):
        with pytest.raises(ValueError, match=r"Reals\(shape=\(2,\)\): its values are not discrete"):
            work(torch.zeros(1, 2))


def test_what_models_require():
    grey = Pixels((1, 8, 4), 17)
    assert require_images(grey, "Mine", least=4) is require("Mine", grey, Pixels) is grey
    with pytest.raises(ValueError, match=r"Mine: space is .*height and width at least 5"):
        require_images(grey, "Mine", least=5)
    with pytest.raises(ValueError, match=r"Mine: .*must be Pixels\(\(channels, height, width\)\)$"):
        require_images(Pixels((4,)), "Mine")
    with pytest.raises(ValueError, match=r"Mine: space is Bits.*; Pixels are wanted"):
        require("Mine", Bits((4,)), Pixels)
