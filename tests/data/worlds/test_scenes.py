"""What holds of scenes: rows by number, masks, boxes, captions, relations, what is swept and held out."""

import pytest
import torch

from benchmarks.scenes import captioned, known
from genus.core import Attributes, Pixels, Reals, Tokens
from genus.data.solids import drawing
from genus.data.solids.camera import placed
from genus.data.solids.grammar import LENGTH, WORDS
from genus.data.solids.relations import chosen
from genus.data.worlds.parameters import Choice, taken
from genus.data.worlds.reading import read, source
from genus.data.worlds.scenes import (
    CLASSES,
    RELATIONS,
    SCENES,
    SIX,
    captions,
    clips,
    layouts,
    parameters,
    parse,
    relations,
    scenes,
)
from genus.data.worlds.wishes import recipe

SIZE = 32
PARAMETERS = {one.name: one for one in SCENES.parameters}


def drawn(rows=48, key=0, **words):
    """Parameters of scenes."""
    return recipe("scenes", SCENES.parameters, words).drawn(key, torch.arange(rows))


def load(world=SCENES, **options):
    kinds = source(world).checked(options, world.name)
    return read(world, **{"rows": "40", "size": 16, "cache": 0, **kinds})


@pytest.fixture(scope="module")
def found():
    return drawn(400)


@pytest.fixture(scope="module")
def truth(found):
    return scenes(taken(found, slice(0, 48)), SIZE)


# --- rows ---------------------------------------------------------------------------------------


def test_a_row_is_the_same_in_any_company(found):
    whole = drawing.draw(taken(found, slice(0, 48)), SIZE)
    for rows in ([7], [41, 3, 22], [*range(40, 5, -3)]):
        some = torch.tensor(rows)
        assert torch.equal(drawing.draw(taken(found, some), SIZE), whole[some])
        for name, value in taken(found, some).items():
            assert torch.equal(drawn(48)[name][some], value)
    assert len({*map(bytes, whole.flatten(1).numpy())}) == 48


def test_scenes_are_data_like_any_other():
    data = load(size=24)
    assert data.space == Pixels((3, 24, 24))
    assert torch.equal(load(size=24, rows="12").train.everything()[0], data.train.first(12)[0])
    assert data.attributes["shape2"][-1] == "not visible"
    labels = data.labelled().train.everything()[1]
    alone = labels[:, 0] == 0
    column = [*data.attributes].index("shape2")
    assert ((labels[:, column] == 6) == alone).all()
    assert load(rows="endless").train.batch(0, 8, 0)[0].shape == (8, 3, 16, 16)


def test_contexts():
    data = load(context="captions")
    space = data.context_space
    assert isinstance(space, Tokens)
    assert (space.vocabulary, space.length) == (len(WORDS) + 1, LENGTH)
    x, context = data.train.everything()
    rows = data.train.rows.truth(torch.arange(40))
    for sentence, tokens in zip(captions(rows), context, strict=True):
        assert torch.equal(data.parse_context(sentence), tokens)
    data = load(context="layouts")
    assert data.context_space == Reals((4, 10))
    assert torch.equal(data.train.everything()[1], layouts(rows))
    data = load(pairs="segmentation")
    assert torch.equal(data.train.everything()[0], x)
    assert len(data.train.everything()[1].permute(0, 2, 3, 1).reshape(-1, 3).unique(dim=0)) <= 8
    data = load(context="shape1,colour1")
    assert data.context_space == Attributes((6, 8))
    with pytest.raises(ValueError, match="scenes_six: clips is 4; it does not move"):
        load(SIX, clips="4")


def test_the_truth_of_training_rows():
    rows = load(seed="3", **{"colour|shape:ball": "red", "x1": "0.5"}).train
    found = parameters(40, 3, {"colour|shape:ball": "red", "x1": "0.5"})
    assert torch.equal(rows.space.values(scenes(found, 16).picture), rows.everything()[0])
    assert (found["colour3"][found["shape3"] == 0] == 0).all()
    with pytest.raises(
        ValueError, match=r"scenes: vx1 is missing; scenes.parameters\(n, frames=8\)"
    ):
        clips(found, 16)
    with pytest.raises(ValueError, match=r"x1 has values from 0\.5 to 2; they must be in -1"):
        scenes(found | {"x1": torch.tensor([0.5, 2.0])}, 16)


# --- masks --------------------------------------------------------------------------------------


def test_masks_agree_with_boxes(truth):
    for whole, box in zip(truth.whole.flatten(0, 1), truth.boxes.flatten(0, 1), strict=True):
        there = whole > 0.2
        assert bool(there.any()) == bool((box > 0).any())
        if there.any():
            y, x = there.nonzero().unbind(1)
            seen = torch.stack((x.min(), y.min(), x.max() + 1, y.max() + 1))
            assert (seen - box * SIZE).abs().max() < 1.5


def test_masks_share_each_pixel(found, truth):
    assert truth.masks.min() >= 0
    assert truth.masks.sum(1).max() <= 1 + 1e-6
    assert (truth.masks <= truth.whole + 1e-6).all()
    nearest = truth.order.argmax(1)
    rows = torch.arange(48)
    assert torch.equal(truth.masks[rows, nearest], truth.whole[rows, nearest])
    shapes = torch.stack([found[f"shape{k}"][:48] for k in (1, 2, 3, 4)], 1)
    most, which = truth.masks.max(1)
    classes = truth.segmentation.long()
    sure = most > 0.6
    expected = shapes.gather(1, which.flatten(1)).view(which.shape) + 2
    assert torch.equal(classes[sure], expected[sure])
    assert (classes[truth.masks.sum(1) < 0.4] < 2).all()
    assert CLASSES[2:] == PARAMETERS["shape1"].values


def outside(before, after, masks):
    """The largest change of a picture outside the masks and the shadows, in levels."""
    a, b = before, after
    near = (masks > 1e-4) | (a.shadow > 1e-4) | (b.shadow > 1e-4)
    return ((a.picture.int() - b.picture.int()).abs().amax(1) * ~near).max().item()


def test_an_object_that_moves_changes_only_its_pixels_and_its_shadows():
    first = drawn(24, objects="3+4", on_top="no")
    second = first | {"x3": (first["x3"] + 0.1).clamp(-1, 1)}
    a, b = scenes(first, SIZE), scenes(second, SIZE)
    mine = a.whole[:, 2] + b.whole[:, 2]
    assert outside(a, b, mine) == 0
    assert outside(a, b, a.whole[:, 0]) > 10  # the liar: as if another had moved
    assert torch.equal(a.whole[:, :2], b.whole[:, :2])


def test_the_picture_shows_the_colours_of_its_objects():
    scene = drawn(60, objects="1", time="day", material1="matte", style="solid")
    truth = scenes(scene, 64)
    inside = (truth.masks[:, 0] > 0.99)[:, None]
    mean = (truth.picture / 255 * inside).sum((2, 3)) / inside.sum((2, 3))
    table = PARAMETERS["colour1"].rgb({"colour1": torch.arange(8)})
    hue = torch.nn.functional.normalize(mean - mean.mean(1, keepdim=True), dim=1)
    known = torch.nn.functional.normalize(table - table.mean(1, keepdim=True), dim=1)
    assert ((hue @ known.T).argmax(1) == scene["colour1"]).float().mean() > 0.95


# --- captions and relations ---------------------------------------------------------------------


def test_a_caption_parses_back(found):
    said = chosen(found)
    for row, sentence in enumerate(captions(found)):
        wishes, given = parse(sentence)
        assert len(sentence.split()) <= LENGTH
        for name, word in wishes.items():
            one = PARAMETERS[name]
            assert isinstance(one, Choice)
            assert one.values[found[name][row]] == word
        count = int(wishes["objects"])
        assert given == tuple(RELATIONS[r] for r in said[row, : count - 1])
        assert len(wishes) == 3 + 4 * count
    liar = captions(found | {"colour1": (found["colour1"] + 1) % 8})
    assert not any(a == b for a, b in zip(liar, captions(found), strict=True))


def test_what_a_caption_says_is_so(found):
    holds, said = relations(found), chosen(found)
    rows = torch.arange(len(said))
    for k in range(1, 4):
        there = found["objects"] >= k
        assert holds[rows, said[:, k - 1], 0, k][there].float().mean() > 0.995


@pytest.mark.parametrize(
    ("caption", "message"),
    [
        ("a small red", "it ends where a shape is wanted"),
        ("a red ball is near a box on sand", "'near' came where a relation is wanted"),
        ("a red ball on sand today", "'today' came where its end is wanted"),
        ("red ball on sand", "'red' came where an object"),
    ],
)
def test_captions_that_are_none(caption, message):
    with pytest.raises(ValueError, match=message):
        parse(caption)


def test_a_caption_is_a_wish():
    sentence = "a small red ball is on top of a large striped blue box on sand at night"
    wishes, (relation,) = parse(sentence)
    assert relation == "on top of"
    found = load(**wishes, on_top="yes").train.rows.truth(torch.arange(40))
    assert {*captions(found)} == {sentence}


def test_relations_are_opposite(found):
    holds = relations(found)
    for one, other in ((0, 1), (2, 3)):
        assert torch.equal(holds[:, one], holds[:, other].transpose(1, 2))
    assert not holds[:, :4].logical_and(holds[:, 4:5]).any()
    where = placed(found)
    left = holds[:, 0, 0, 1]
    assert (where.x[left, 0] < where.x[left, 1]).all()
    on_top = holds[:, 4, 0, 1]
    assert on_top.any()
    assert (where.y[on_top, 0] < where.y[on_top, 1]).all()
    assert not holds[found["objects"] == 0].any()


# --- wishes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["colour1", "material1", "shape1", "turn1", "light", "time"])
def test_a_swept_parameter_changes_only_what_is_its_own(name):
    data = load(
        size=SIZE, sweep=name, objects="2", on_top="no", style="solid", rows="36", shape1="box"
    )
    found = data.train.rows.truth(torch.arange(36))
    one = PARAMETERS[name]
    steps = len(one.values) if isinstance(one, Choice) else 9
    n = 36 // steps
    for other, value in found.items():
        same = (value[: n * steps].view(n, steps) == value[: n * steps : steps, None]).all()
        assert same == (other != name)
    truth = scenes(taken(found, slice(0, n * steps)), SIZE)
    groups = truth.picture.view(n, steps, 3, SIZE, SIZE).int()
    change = (groups - groups[:, :1]).abs().amax(2)
    first = truth.whole[:, 0].view(n, steps, SIZE, SIZE)
    shadow = truth.shadow.view(n, steps, SIZE, SIZE)
    own = first.amax(1, keepdim=True) > 0
    if name in ("shape1", "turn1"):
        own = own | (shadow.amax(1, keepdim=True) > 0)
    assert change.max() > 30
    if name in ("light", "time"):
        assert torch.equal(
            truth.masks.view(n, steps, -1)[:, 0], truth.masks.view(n, steps, -1)[:, 1]
        )
    else:
        assert (change * ~own).max() == 0
        assert (change * ~(first[:, :1] > 2)).max() > 0  # the liar: as if nothing were its own


def test_correlations_come_out_within_five_standard_errors():
    laws = recipe(
        "scenes", SCENES.parameters, SCENES.spread({"colour|shape:box": "red:0.9+blue:0.1"})
    )
    found = laws.drawn(3, torch.arange(4000))
    for k in (1, 4):
        red, box = found[f"colour{k}"] == 0, found[f"shape{k}"] == 1
        for part, p in ((red[box], 0.9), (red[~box], 1 / 8)):
            error = (p * (1 - p) / len(part)) ** 0.5
            assert abs(part.double().mean() - p) < 5 * error
        assert abs(red[box].double().mean() - 1 / 8) > 0.5  # the liar: as if nothing were wished
    shares = torch.tensor(PARAMETERS["objects"].shares, dtype=torch.float64)
    counts = torch.bincount(found["objects"]) / 4000
    assert ((counts - shares).abs() < 5 * (shares * (1 - shares) / 4000).sqrt()).all()


def red_boxes(found):
    """In which rows a red box is there."""
    some = [
        (found[f"colour{k}"] == 0) & (found[f"shape{k}"] == 1) & (found["objects"] >= k - 1)
        for k in (1, 2, 3, 4)
    ]
    return torch.stack(some).any(0)


def test_what_is_held_out_is_never_in_training():
    data = load(hold="colour:red+shape:box", rows="2000")
    rows = {name: split.rows.truth(torch.arange(len(split))) for name, split in data.splits.items()}
    assert not red_boxes(rows["train"]).any()
    assert not red_boxes(rows["validation"]).any()
    assert red_boxes(rows["test"]).all()
    free = load(rows="2000").train.rows.truth(torch.arange(2000))
    assert red_boxes(free).any()  # the liar: nothing held out


def test_objects_keep_apart(found):
    where = placed(found)
    count = (where.there.sum(1) == 4) & (found["on_top"] == 0)
    x, y, r = (value[count] for value in (where.x, where.y, where.radius))
    apart = (x[:, :, None] - x[:, None]).square() + ((y[:, :, None] - y[:, None]) / 0.2).square()
    apart = apart + torch.eye(4) * 9
    assert (apart.sqrt() / (r[:, :, None] + r[:, None])).min() > 0.8


def test_six_factors_are_independent_and_alone():
    rows = load(SIX, rows="3000").train.rows.truth(torch.arange(3000))
    seen = [name for name in rows if name[-1] not in "234" and len(rows[name].unique()) > 1]
    assert {*seen} == {"shape1", "colour1", "size1", "x1", "ground", "light", "place1"}
    del seen[seen.index("place1")]
    assert [*load(SIX).attributes] == ["ground", "light", "shape1", "colour1", "size1"]
    table = torch.corrcoef(torch.stack([rows[name].double() for name in seen]))
    assert (table - torch.eye(6)).abs().max() < 5 / 3000**0.5


def test_pages_of_the_docs():
    assert captioned(2, 16, 2, 2).size == (2 * 32 + 3 * 8, 32 + 62 + 2 * 8)
    assert known(2, 16).size == (2 * 40 + 8, 4 * 40 + 8)
