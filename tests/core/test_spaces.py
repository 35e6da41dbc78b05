"""Spaces of graphs, strokes, labels and sequences that end: what they hold, and what they refuse."""

import pytest
import torch

from genus.core import Attributes, Graphs, Strokes, Tokens

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
        ([[1, 1, 0], [0, 0, 2], [1, 1, 0]], "goes on after its end"),
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
