"""Figures: poses, garments and maps are what is said of them."""

import pytest
import torch

from genus.core import Reals
from genus.data import load
from genus.data.bodies.body import FOREARM, JOINTS, SHIN, SOLE, THIGH, UPPER_ARM, body_of, pose
from genus.data.bodies.settings import PARAMETERS, PARTS, TABLES
from genus.data.worlds import figures
from genus.data.worlds.parameters import taken

PART = {name: number for number, name in enumerate(PARTS)}
LIMBS = {"elbow": ("shoulder", UPPER_ARM), "hand": ("elbow", FOREARM)}
LIMBS |= {"knee": ("hip", THIGH), "foot": ("knee", SHIN)}


def someone(n=8, **wishes):
    return figures.parameters(n, 3, {"style": "flat", "pattern": "plain", **wishes})


@pytest.fixture(scope="module")
def found():
    return figures.parameters(64, 1)


@pytest.fixture(scope="module")
def truth(found):
    return figures.figures(found, 64)


@pytest.mark.parametrize("of", [figures.draw, figures.classes, figures.poses, figures.outfits])
def test_a_row_is_the_same_bits_in_any_company(of, found):
    whole, some = of(found, 16), torch.tensor([61, 3, 40])
    assert torch.equal(of(taken(found, some), 16), whole[some])
    assert whole.dtype == torch.uint8
    assert len(of(taken(found, torch.tensor([], dtype=torch.int64)), 16)) == 0


def test_figures_are_data_like_any_other():
    data = load("figures?size=16&rows=30&cache=0&top=shirt&lean=0")
    drawn = figures.draw(figures.parameters(30, 0, {"top": "shirt", "lean": "0"}), 16)
    assert torch.equal(data.space.indices(data.train.everything()[0]), drawn.long())
    labels = data.labelled().train.everything()[1]
    assert (labels[:, [*data.attributes].index("top")] == 2).all()
    dressed = load("figures?size=16&rows=30&cache=0&top=dress")
    column = [*dressed.attributes].index("bottom")
    assert dressed.attributes["bottom"][-1] == "not visible"
    assert (dressed.labelled().train.everything()[1][:, column] == 3).all()


def test_limbs_keep_their_lengths_and_the_lower_foot_stands(found):
    joints = body_of(found).joints
    for side in ("left", "right"):
        for end, (start, length) in LIMBS.items():
            a, b = (joints[f"{side}_{name}"] for name in (start, end))
            distance = ((a[0] - b[0]).square() + (a[1] - b[1]).square()).sqrt()
            assert torch.allclose(distance, torch.full_like(distance, length), atol=1e-5)
    low = torch.maximum(joints["left_foot"][1], joints["right_foot"][1])
    assert torch.allclose(low, torch.full_like(low, SOLE), atol=1e-5)


def test_angles_are_those_of_the_limbs():
    level = {
        f"{side}_{name}": "0" for side in ("left", "right") for name in ("elbow", "hip", "knee")
    }
    rows = someone(4, left_shoulder="90", right_shoulder="0", **level)
    joints = body_of(rows).joints
    assert torch.allclose(joints["left_hand"][1], joints["left_shoulder"][1], atol=1e-5)
    assert (joints["left_hand"][0] < joints["left_shoulder"][0]).all()
    assert torch.allclose(joints["right_hand"][0], joints["right_shoulder"][0], atol=1e-5)
    assert (joints["right_hand"][1] > joints["right_shoulder"][1]).all()


def test_joints_are_given_as_contexts():
    data = load("figures?size=16&rows=20&cache=0&context=joints")
    assert data.context_space == Reals((2 * len(JOINTS),))
    rows = data.train.rows.truth(torch.arange(20))
    assert torch.equal(data.train.everything()[1], pose(rows))
    assert (pose(rows).abs() < 1.1).all()


def test_parts_add_up_to_the_pixel_and_all_of_them_occur(truth):
    assert torch.allclose(truth.shares.sum(1), torch.ones(64, 64, 64), atol=1e-4)
    assert len(truth.segmentation.unique()) == len(PARTS)
    pixels = (truth.joints.clamp(-0.99, 0.99) + 1) * 32
    for name in ("head", "left_hand", "right_foot"):
        x, y = pixels[:, JOINTS.index(name)].long().unbind(1)
        there = truth.segmentation[torch.arange(64), y, x]
        assert (there != PART["background"]).all()


@pytest.mark.parametrize("name", ["top", "bottom"])
def test_garments_have_the_colour_that_is_said(name):
    rows = someone(40, top="shirt", bottom="trousers")
    one = figures.figures(rows, 64)
    inside = one.shares[:, PART[name]] > 0.999
    paint = TABLES[f"{name}_colour"].rgb(rows) * 255
    for picture, own, tone in zip(one.picture.float(), inside, paint, strict=True):
        nearest = (picture[:, own] - tone[:, None]).abs().amax(0)
        assert (nearest < 3).any()
        assert nearest.median() < 45  # darker towards the edge


def test_cuts_show_as_much_skin_as_they_should():
    level = {f"{side}_elbow": "0" for side in ("left", "right")}
    seen = {}
    for cut in ("tank", "tee", "shirt"):
        one = figures.figures(someone(32, top=cut, bottom="trousers", **level), 64)
        seen[cut] = one.shares[:, PART["skin"]].sum((1, 2))
    assert (seen["tank"] > seen["tee"]).all()
    assert (seen["tee"] > 1.5 * seen["shirt"]).all()
    legs = {}
    for cut in ("trousers", "shorts", "skirt"):
        one = figures.figures(someone(32, top="shirt", bottom=cut), 64)
        legs[cut] = one.shares[:, PART["skin"]].sum((1, 2))
    assert (legs["shorts"] > legs["trousers"]).all()
    assert (legs["skirt"] > legs["trousers"]).all()


def test_a_pose_is_the_same_whatever_is_worn():
    plain, other = someone(16), someone(16)
    other |= {"top": (plain["top"] + 1) % 4, "skin": (plain["skin"] + 1) % 5}
    assert torch.equal(figures.poses(plain, 32), figures.poses(other, 32))
    assert not torch.equal(figures.outfits(plain, 32), figures.outfits(other, 32))


def test_garments_that_are_laid_flat_do_not_depend_on_the_pose():
    rows = someone(16, top="shirt", top_colour="red")
    still = rows | {
        name: torch.zeros_like(value)
        for name, value in rows.items()
        if "_" in name and value.is_floating_point()
    }
    away = [
        figures.outfits(one, 32).float() - figures.poses(one, 32).float() for one in (rows, still)
    ]
    corner = (slice(None), slice(None), slice(0, 6), slice(0, 6))
    free = (figures.poses(rows, 32)[corner].amax(1) == 0) & (
        figures.poses(still, 32)[corner].amax(1) == 0
    )
    same = (away[0][corner] - away[1][corner]).abs().amax(1) == 0
    assert free.double().mean() > 0.8
    assert same[free].all()


def test_what_cannot_be_drawn_is_refused():
    rows = someone(4)
    with pytest.raises(ValueError, match=r"figures: lean is missing; figures\.parameters"):
        figures.figures({name: value for name, value in rows.items() if name != "lean"}, 16)
    with pytest.raises(
        ValueError, match=r"left_knee has values in \[99, 99\]; they must be in 0 \.\. 60"
    ):
        figures.figures(rows | {"left_knee": torch.full((4,), 99.0)}, 16)
    with pytest.raises(ValueError, match="there is no top 'teee'; did you mean tee"):
        load("figures?top=teee")


def test_every_parameter_changes_the_picture():
    rows = figures.parameters(64, 7, {"top": "tee", "bottom": "skirt", "pattern": "stripes"})
    before = figures.draw(rows, 32)
    for one in PARAMETERS:
        value = rows[one.name]
        if one.name in ("top_colour", "bottom_colour"):
            change = (value + 1) % 8
        elif value.is_floating_point():
            change = torch.where(value > (one.low + one.high) / 2, one.low, one.high).float()
        else:
            change = (value + 1) % len(one.values)
        after = figures.draw(rows | {one.name: change}, 32)
        assert (after != before).flatten(1).any(1).double().mean() > 0.9, one.name
