"""Portraits: what is said of a picture is what the picture shows."""

from functools import cache

import pytest
import torch
from torch.nn.functional import grid_sample

from genus.core import Attributes, Tokens
from genus.data import load
from genus.data.faces.captions import fits, understood
from genus.data.faces.people import FACTORS, IDENTITIES, PARTS, SHAPES
from genus.data.faces.points import NAMES, PARTS_OF
from genus.data.worlds import portraits
from genus.data.worlds.parameters import taken

PART = {name: number for number, name in enumerate(PARTS)}


@cache
def people(n=64, seed=1, **wishes):
    return portraits.parameters(n, seed, wishes)


@cache
def everything(n=64, size=64):
    return portraits.draw(people(n), size, everything=True)


def test_parameters_are_those_of_the_training_rows():
    wishes = {"glasses": "round+sun", "yaw": "-20..20"}
    data = load("portraits?size=16&rows=20&seed=4&cache=0&glasses=round+sun&yaw=-20..20")
    drawn = portraits.draw(portraits.parameters(20, 4, wishes), 16)
    assert torch.equal(data.space.indices(data.train.everything()[0]), drawn.long())


@pytest.mark.parametrize("size", [16, 32, 53])
def test_a_row_is_the_same_bits_in_any_company(size):
    rows = people(70)
    whole = portraits.draw(rows, size)
    some = torch.tensor([69, 3, 41])
    assert torch.equal(portraits.draw(taken(rows, some), size), whole[some])
    assert whole.shape == (70, 3, size, size)
    assert whole.dtype == torch.uint8


def test_the_picture_is_its_layers():
    q = everything()
    mixed = 255 * (q.alpha * q.foreground + (1 - q.alpha) * q.background)
    assert (mixed - q.picture).abs().max() <= 0.501
    assert torch.equal(q.picture, portraits.draw(people(), 64))
    hard = (q.alpha > 0.5).float()  # the liar: an alpha without soft edges
    mixed = 255 * (hard * q.foreground + (1 - hard) * q.background)
    assert (mixed - q.picture).abs().max() > 20


def test_shares_sum_to_one_and_make_the_segmentation():
    q = everything()
    assert torch.allclose(q.shares.sum(1), torch.ones(64, 64, 64), atol=1e-5)
    assert torch.allclose(q.shares[:, 0], 1 - q.alpha[:, 0], atol=1e-5)
    assert torch.equal(q.shares.argmax(1), q.segmentation.long())
    for name in PARTS:
        assert (q.segmentation == PART[name]).any(), name


def test_strands_of_hair_are_in_the_alpha():
    rows = people(64, hair="short", hat="none", yaw="0")
    with_hair = portraits.draw(rows, 64, everything=True)
    thin = (with_hair.alpha[:, 0] > 0.05) & (with_hair.alpha[:, 0] < 0.6)
    hair = with_hair.shares[:, PART["hair"]] > 0.5 * with_hair.alpha[:, 0]
    assert (thin & hair).flatten(1).sum(1).float().mean() > 20


OWN = {  # the segments that a parameter may change, and what it changes to
    "glasses": ("glasses",),
    "beard": ("beard", "skin"),
    "gaze": ("eyes",),
    "eye_colour": ("eyes",),
    "mouth_width": ("mouth", "skin", "beard"),
    "brow_lift": ("brows",),
    "hair_colour": ("hair", "brows", "beard", "eyes", "glasses"),
    "cloth": ("clothes",),
    "ground": ("background",),
}


@pytest.mark.parametrize("name", OWN)
def test_a_parameter_moves_only_its_own_segments(name):
    kind = {one.name: one for one in portraits.PARAMETERS}[name]
    start = people(48) | ({"beard": people(48)["beard"] * 0} if name == "mouth_width" else {})
    ends = (0, len(kind.values) - 1) if hasattr(kind, "values") else (kind.low, kind.high)
    pair = []
    for end in ends:
        value = torch.full_like(start[name], end)
        pair.append(portraits.draw(start | {name: value}, 48, everything=True))
    changed = (pair[0].picture != pair[1].picture).any(1)
    own = sum(one.shares[:, [PART[part] for part in OWN[name]]].sum(1) for one in pair) > 0
    assert changed.any()
    assert not (changed & ~own).any()
    assert (changed & ~own.roll(6, 2)).any()  # the liar: segments that lie elsewhere


def test_key_points_lie_in_their_parts():
    q = everything(96, 128)
    column, line = q.points.places.floor().long().clamp(0, 127).unbind(-1)
    own = torch.tensor([PART[part] for part in PARTS_OF])

    def share(segmentation):
        shown = segmentation[torch.arange(96)[:, None], line, column]
        right = (shown == own) & q.points.seen
        return right.sum(0) / q.points.seen.sum(0)

    found = share(q.segmentation)
    assert q.points.seen.sum(0).min() > 10
    assert (found > 0.97).all(), dict(zip(NAMES, found.tolist(), strict=True))
    assert share(q.segmentation.flip(2)).mean() < 0.8  # the liar: pictures in a mirror


def test_captions_say_what_there_is():
    rows = people(300)
    said = portraits.captions(rows)
    meant = [understood(one) for one in said]
    for row, one in enumerate(meant):
        assert fits(taken(rows, slice(row, row + 1)), one).all(), said[row]
    assert not fits(taken(rows, slice(1, 2)), meant[0]).any()  # the liar: another's caption
    for row in range(5):
        drawn = portraits.parameters(3, 7, meant[row])
        assert fits(drawn, meant[row]).all()
    with pytest.raises(ValueError, match=r"captions: .a wig. is not said of portraits"):
        understood(f"{said[0]} , a wig")
    with pytest.raises(ValueError, match=r"there is no hair .shirt.; did you mean short\?"):
        understood("a young person with tan skin and shirt black hair")


def test_captions_as_contexts():
    data = load("portraits?rows=50&context=captions")
    space = data.context_space
    assert isinstance(space, Tokens)
    space.check(data.train.everything()[1], "captions")
    said = portraits.captions(data.train.rows.truth(torch.arange(2)))
    assert torch.equal(data.parse_context(said[1]), data.train.everything()[1][1])


@pytest.mark.parametrize(("kind", "part"), [("turn", None), ("talk", "mouth"), ("blink", "eyes")])
def test_flow_carries_a_frame_to_the_next(kind, part):
    start = people(12, 2, yaw="-10..10", glasses="none", beard="none", eyes="open", blink="0")
    clip = portraits.clip(start, 80, kind, 5)
    frames = clip.frames.float()
    now, later = frames[:, :-1].flatten(0, 1), frames[:, 1:].flatten(0, 1)
    flow, holds = clip.flow.flatten(0, 1), clip.holds.flatten(0, 1)
    moves = holds & (flow.abs().amax(1) > 0.2)
    assert moves.sum() > 40

    def wrong(flow):
        error = (carried(later, flow) - now).abs().mean(1)
        return error[moves].mean()

    right = wrong(flow)
    for liar in (flow * 0, -flow, flow * 2):
        assert wrong(liar) > 1.6 * right
    still = holds & ~moves
    assert ((later - now).abs().mean(1)[still]).mean() < 2
    if part is not None:  # nothing else moves
        assert moves.float().mean() < 0.02


def carried(later, flow):
    """What the flow finds in the later frame, for each pixel of the earlier one."""
    grid = (torch.arange(flow.shape[-1]) + 0.5) * 2 / flow.shape[-1] - 1
    place = torch.stack(torch.meshgrid(grid, grid, indexing="xy"), -1)
    place = place + flow.permute(0, 2, 3, 1) * (2 / flow.shape[-1])
    return grid_sample(later, place, padding_mode="border", align_corners=False)


def test_people_are_fixed_sets_of_parameters():
    rows = portraits.parameters(IDENTITIES, 0) | {}
    everyone = portraits.PORTRAITS
    shapes = torch.stack([rows[name] for name in SHAPES], 1)
    first = dict(zip(rows["identity"].tolist(), shapes, strict=True))
    again = portraits.parameters(200, 5)
    for who, shape in zip(
        again["identity"].tolist(), torch.stack([again[n] for n in SHAPES], 1), strict=True
    ):
        assert torch.equal(first.get(who, shape), shape)
    assert len(shapes.unique(dim=0)) == len(first)
    assert len(next(one for one in everyone.parameters if one.name == "identity").values) >= 2000
    one = portraits.parameters(20, 3, {"identity": "17"})
    assert all(len(one[name].unique()) == 1 for name in (*SHAPES, "skin", "hair_colour"))
    assert len(one["yaw"].unique()) == 20


def test_labels_leave_out_what_cannot_be_seen():
    data = load("portraits?rows=500&cache=0").labelled()
    names = list(data.attributes)
    assert data.context_space == Attributes(tuple(map(len, data.attributes.values())))
    rows = data.train.rows.truth(torch.arange(500))
    labels = data.train.attributes
    colour, eyes = (labels[:, names.index(name)] for name in ("hair_colour", "eye_colour"))
    bald, shut, dark = rows["hair"] == 0, rows["eyes"] == 2, rows["glasses"] == 3
    assert data.attributes["hair_colour"][6] == "not visible"
    assert (colour[bald] == 6).all()
    assert (eyes[shut | dark] == 4).all()
    assert (colour[~bald & (rows["hat"] == 0) & (rows["age"] < 5)] < 6).all()


def test_planted_correlations_come_out():
    rows = portraits.parameters(5000, 0, {"smile|glasses": "0.9", "smile": "0.3"})
    glasses, smile = rows["glasses"] > 0, rows["smile"].double()
    for some, p in ((glasses, 0.9), (~glasses, 0.3)):
        assert abs(smile[some].mean() - p) < 5 * (p * (1 - p) / some.sum()) ** 0.5
    assert (rows["beard"][rows["age"] == 0] == 0).all()


def test_what_is_held_out_never_occurs_in_training():
    data = load("portraits?rows=2000&cache=0&hold=beard:full+smile:yes,hat:cap+glasses:round")

    def held(split):
        rows = split.rows.truth(torch.arange(len(split)))
        bearded = (rows["beard"] == 4) & (rows["smile"] == 1)
        return bearded | ((rows["hat"] == 1) & (rows["glasses"] == 1))

    assert not held(data.train).any()
    assert not held(data.validation).any()
    assert held(data.test).all()
    assert held(load("portraits?rows=2000&cache=0").train).any()


def test_six_independent_factors():
    data = load("portraits_six?rows=400&cache=0")
    rows = data.train.rows.truth(torch.arange(400))
    assert {name for name, value in rows.items() if len(value.unique()) > 1} == {*FACTORS}
    assert {*data.attributes} == {*FACTORS} - {"yaw"}
    table = torch.stack([rows[name].double() for name in FACTORS])
    assert (torch.corrcoef(table) - torch.eye(6)).abs().max() < 5 / 400**0.5


@pytest.mark.parametrize("pair", ["glasses", "style:flat..ink", "yaw:0..30", "age", "light"])
def test_pairs_are_the_same_person(pair):
    data = load(f"portraits?rows=20&size=16&cache=0&pairs={pair}")
    x, context = data.train.everything()
    name = pair.partition(":")[0]
    a, b = (part.truth(torch.arange(20)) for part in (data.train.context, data.train.rows))
    assert {one for one in a if not torch.equal(a[one], b[one])} == {name}
    assert (x != context).flatten(1).any(1).all()


def test_parameters_are_options():
    data = load("portraits?size=16&rows=30&cache=0&glasses=round&yaw=-5..5")
    assert (data.train.attributes[:, list(data.attributes).index("glasses")] == 1).all()
    with pytest.raises(ValueError, match="portraits: there is no glasses 'rond'; did you mean rou"):
        load("portraits?glasses=rond")
    with pytest.raises(ValueError, match="there is no option 'glases' of data; did you mean gla"):
        load("portraits?glases=round")
    with pytest.raises(ValueError, match="moons takes no option glasses"):
        load("moons?glasses=round")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.pop("yaw"), "portraits: yaw is missing"),
        (lambda rows: rows.update(yaw=rows["yaw"] + 90), r"must be in -60 \.\. 60"),
        (lambda rows: rows.update(hair=rows["hair"] + 90), r"must be in 0 \.\. 10"),
    ],
)
def test_refusals(change, words):
    rows = dict(people(4))
    change(rows)
    with pytest.raises(ValueError, match=words):
        portraits.draw(rows, 16)
    with pytest.raises(ValueError, match="kind is 'fly'; one of turn, talk, blink is wanted"):
        portraits.clip(people(4), 16, "fly")
