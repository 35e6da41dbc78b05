"""Maps of worlds: the classes of pixels in colours, and the lines between them."""

import pytest
import torch

from genus.data import load
from genus.data.faces.people import PARTS, TONES
from genus.data.solids import truth
from genus.data.worlds import portraits, scenes
from genus.data.worlds.maps import coloured, edges_of, outlined
from genus.data.worlds.parameters import taken

WORLDS = {"portraits": portraits, "scenes": scenes}


def test_every_class_has_a_colour_of_its_own():
    assert len({*TONES}) == len(TONES) == len(PARTS)
    assert len({*truth.TONES}) == len(truth.TONES) == len(truth.CLASSES)
    picture = coloured(torch.tensor([[[0, 2], [2, 1]]], dtype=torch.uint8), TONES)
    assert picture[0, :, 0, 1].tolist() == picture[0, :, 1, 0].tolist() == [0x5B, 0x3A, 0x29]


def test_classes_of_portraits_are_those_of_their_truth():
    rows = portraits.parameters(40, 2)
    whole = portraits.draw(rows, 32, everything=True)
    assert torch.equal(portraits.classes(rows, 32), whole.segmentation)
    assert len(whole.segmentation.unique()) == len(PARTS)


def test_classes_of_scenes_are_those_of_their_truth():
    rows = scenes.parameters(40, 2)
    whole = truth.scenes(rows, 32)
    assert torch.equal(truth.classes(rows, 32), whole.segmentation)
    objects = truth.objects(rows, 32)
    for number in range(4):
        shown = objects == number + 2
        shapes = rows[f"shape{number + 1}"][:, None, None].expand_as(shown)
        assert torch.equal(whole.segmentation[shown].long() - 2, shapes[shown])
        assert (whole.masks[:, number][shown] > 0).all()


def test_lines_are_where_classes_meet_and_nowhere_else():
    flat = torch.zeros(1, 8, 8, dtype=torch.uint8)
    assert (outlined(flat) == 255).all()
    flat[:, :, 4:] = 1  # they meet between columns 3 and 4, of 4 pixels the second and the third
    found = outlined(flat)
    assert found.shape == (1, 3, 4, 4)
    assert (found[..., [0, 3]] == 255).all()
    assert (found[..., [1, 2]] < 255).all()


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("kind", ["segmentation", "edges"])
def test_maps_are_given_beside_their_pictures(world, kind):
    plain = load(f"{world}?rows=20&size=16&cache=0")
    data = load(f"{world}?rows=20&size=16&cache=0&pairs={kind}")
    x, given = data.train.everything()
    assert torch.equal(x, plain.train.everything()[0])
    assert given.shape == x.shape
    if kind == "segmentation":
        assert len(given.permute(0, 2, 3, 1).reshape(-1, 3).unique(dim=0)) <= len(PARTS)
    else:
        assert torch.equal(given[:, 0], given[:, 1])
        assert (given == 1).double().mean() > 0.3
        assert (given < 0).flatten(1).any(1).all()


@pytest.mark.parametrize("classes", [portraits.classes, truth.objects])
def test_a_map_is_the_same_bits_in_any_company(classes):
    rows = (portraits if classes is portraits.classes else scenes).parameters(40, 5)
    whole, some = edges_of(classes)(rows, 16), torch.tensor([37, 3, 11])
    assert torch.equal(edges_of(classes)(taken(rows, some), 16), whole[some])
