"""Drawings and graphs as images."""

import torch

from genus.core import Attributes, Classes, Graphs, Strokes
from genus.media import grid, in_turn, shown
from genus.media.drawings import lines_of, plot

HOOK = torch.tensor(  # right, right, lift; a jump; down; the end
    [[1, 0, 0], [1, 0, 1], [0, 3, 0], [0, 1, 1], [0, 0, 2], [0, 0, 2]]
).double()


def test_a_drawing_is_its_lines():
    lines = lines_of(HOOK)
    assert [line.tolist() for line in lines] == [[[0, 0], [1, 0], [2, 0]], [[2, 3], [2, 4]]]


def test_a_drawing_without_an_end_keeps_its_last_line():
    lines = lines_of(HOOK[:3])
    assert [line.tolist() for line in lines] == [[[0, 0], [1, 0], [2, 0]], [[2, 3]]]


def test_ink_is_where_the_lines_are():
    image = plot(HOOK[None], Strokes(6))[0, ..., 0]
    assert image.shape == (96, 96)
    rows, columns = (image < 200).nonzero()
    assert rows.min() < 8  # the drawing is 2 wide and 4 high, and fills the height
    assert rows.max() > 87
    top = columns[rows < 10]  # its first line, from the left to the right
    assert top.max() - top.min() > 30
    below = columns[rows > 50]
    assert below.max() - below.min() < 4  # and its second at the right


def test_empty_drawings_and_graphs_are_white():
    assert (plot(torch.tensor([[[0.0, 0, 2]]]), Strokes(1)) == 255).all()
    assert (plot(torch.zeros(1, 3, 3), Graphs(3)) == 255).all()


def test_a_graph_has_its_nodes():
    from scipy.ndimage import label

    x = torch.zeros(1, 5, 5)
    x[0, :3, :3] = torch.eye(3)
    image = plot(x, Graphs(5))[0, ..., 0]
    assert label(image < 200)[1] == 3
    assert grid(x, Graphs(5)).shape == (100, 100)


def test_labels_come_in_turn():
    assert in_turn(Classes(3), 5).tolist() == [0, 1, 2, 0, 1]
    pairs = in_turn(Attributes((2, 3)), 6)
    assert len(pairs.unique(dim=0)) == 6
    assert in_turn(Strokes(3), 5) is None


def test_what_was_made_for_classes_stands_in_their_columns():
    x = torch.zeros(6, 6, 3)
    assert shown(x, Strokes(6), torch.arange(6) % 3, Classes(3)).shape[:2] == (198, 296)


def test_labels_are_one_colour_each():
    picture = grid(torch.tensor([0, 2, 0, 1]), Classes(3))
    lines = picture[:: picture.shape[0] // 4, 0]
    assert (lines[0] == lines[2]).all()
    assert len({tuple(line) for line in lines.tolist()}) == 3
