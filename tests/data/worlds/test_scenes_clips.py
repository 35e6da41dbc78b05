"""What holds of clips of scenes: energy, momentum, flow, and clips that stay together."""

import pytest
import torch

from genus.core import Pixels
from genus.data.solids.camera import DEPTH, MARGIN, RADII, RATE
from genus.data.solids.motion import motion
from genus.data.worlds.parameters import taken
from genus.data.worlds.reading import read, source
from genus.data.worlds.scenes import SCENES, clips
from genus.data.worlds.wishes import recipe

assert SCENES.moving is not None
CLIPS = SCENES.moving(8)
SIZE = 48


@pytest.fixture(scope="module")
def found():
    laws = recipe("scenes", CLIPS.parameters, {**CLIPS.fixed})
    return laws.drawn(0, torch.arange(600))


@pytest.fixture(scope="module")
def moved(found):
    return motion(found, 16)


def energy(moved):
    return (moved.speeds.square().sum(3) * moved.masses[:, None]).sum(2)


def change(moved, power=1):
    """By how much the sum of masses to a power times speeds changes from frame to frame, (n, frames - 1)."""
    whole = (moved.speeds * moved.masses[:, None, :, None] ** power).sum(2)
    return whole.diff(dim=1).abs().amax(2)


def test_energy_is_kept(moved):
    whole = energy(moved)
    assert ((whole - whole[:, :1]).abs() <= 1e-12 * whole[:, :1]).all()
    assert moved.collisions.sum() > 300
    assert moved.bounces.sum() > 1000


def test_momentum_is_kept_unless_something_bounces_off_an_edge(moved):
    free = moved.bounces[:, 1:] == 0
    met = moved.collisions[:, 1:] > 0
    assert change(moved)[free].max() < 1e-14
    assert change(moved)[~free].max() > 1e-3
    assert change(moved, 0.5)[free & met].max() > 1e-3  # the liar: other masses


def test_between_events_everything_moves_straight(moved):
    quiet = (moved.bounces + moved.collisions)[:, 1:] == 0
    step = moved.places.diff(dim=1) - moved.speeds[:, :-1]
    assert step[quiet].abs().max() < 1e-12
    assert step[~quiet].abs().max() > 1e-2


def test_nothing_leaves_the_ground_or_enters_another(found, moved):
    there = moved.masses > 0
    x, z = moved.places.movedim(1, 2)[there].unbind(2)
    assert z.min() > -1e-9
    assert z.max() < DEPTH + 1e-9
    assert (x.abs() - (1 - MARGIN + RATE / DEPTH * z)).max() < 1e-9
    radii = torch.tensor(RADII, dtype=torch.float64)
    size = torch.stack([radii[found[f"size{k}"]] for k in (1, 2, 3, 4)], 1)
    apart = (moved.places[:, :, :, None] - moved.places[:, :, None]).square().sum(4).sqrt()
    room = apart - size[:, None, :, None] - size[:, None, None, :]
    pair = there[:, :, None] & there[:, None, :] & ~torch.eye(4, dtype=torch.bool)
    assert room.movedim(1, 3)[pair].min() > -1e-9


def test_a_clip_is_the_same_in_any_company(found, moved):
    some = torch.tensor([40, 3])
    again = motion(taken(found, some), 16)
    assert torch.equal(again.places, moved.places[some])


def carried(clip, wrong=0.0):
    """How far the next frame, carried back by the flow, is from this one: mean, of what moves and shows."""
    x = clip.picture.float() / 255
    steps = (torch.arange(SIZE) + 0.5) * (2 / SIZE) - 1
    flow = (clip.flow + wrong) * (2 / SIZE)
    grid = torch.stack((steps + flow[:, :, 0], steps[:, None] + flow[:, :, 1]), 4)
    back = torch.nn.functional.grid_sample(
        x[:, 1:].flatten(0, 1), grid.flatten(0, 1), align_corners=False
    ).view_as(x[:, 1:])
    seen = torch.cat((clip.masks, 1 - clip.masks.sum(2, keepdim=True)), 2).amax(2)
    sure = (seen[:, :-1] > 0.99) & ~clip.occluded
    lit = clip.shadow.diff(dim=1).abs() < 0.004
    error = (back - x[:, :-1]).abs().mean(2)
    moves = clip.masks[:, :-1].sum(2) > 0.99
    return error[sure & moves].mean().item(), error[sure & lit & ~moves]


def test_flow_carries_a_frame_to_the_next_outside_occlusions(found):
    wishes = {f"material{k}": torch.zeros(40, dtype=torch.int64) for k in (1, 2, 3, 4)}
    clip = clips(taken(found, slice(0, 40)) | wishes, SIZE, 4)
    mine, still = carried(clip)
    liar, _ = carried(clip, 1.0)
    assert mine < 0.02
    assert liar > 2 * mine
    assert still.mean() < 0.004
    assert 0.003 < clip.occluded.float().mean() < 0.2
    assert clip.flow.abs().max() > 3
    hidden = clip.occluded & (clip.flow.abs().sum(2) == 0)
    assert hidden.any()  # what stands still is hidden by what comes


def test_clips_are_rows_of_data():
    def load(**options):
        return read(SCENES, **{"size": 16, "cache": 0, **source(SCENES).checked(options, "scenes")})

    data = load(rows="12", clips="3", vx1="0.2")
    assert data.space == Pixels((3, 3, 16, 16))
    assert torch.equal(
        load(rows="5", clips="3", vx1="0.2").train.everything()[0], data.train.first(5)[0]
    )
    found = data.train.rows.truth(torch.arange(12))
    assert (found["vx1"] == torch.tensor(0.2)).all()
    assert (found["on_top"] == 0).all()
    with pytest.raises(ValueError, match="scenes: clips is 1; at least 2 frames are wanted"):
        load(clips="1")
