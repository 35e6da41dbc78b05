"""What holds of every world: rows by number, wishes in words, splits, and the file that keeps pictures."""

from pathlib import Path

import pytest
import torch

from genus.core import Attributes, Classes, Pixels, Reals, Tokens
from genus.data.worlds import canvas as canvases
from genus.data.worlds import shapes
from genus.data.worlds.chance import uniforms
from genus.data.worlds.parameters import Choice, Number
from genus.data.worlds.reading import read, source
from genus.data.worlds.wishes import recipe
from genus.data.worlds.world import World

PARAMETERS = (
    Choice("person", tuple(map(str, range(50))), "who it is", ordered=True, label=False),
    Choice("hat", ("none", "cap", "top"), "hat", (0.6, 0.3, 0.1)),
    Choice("age", ("child", "adult", "old"), "age", ordered=True),
    Choice("hair", ("red", "grey"), "hair", visible=lambda found: found["hat"] == 0),
    Number("x", -0.5, 0.5, "place", of="person"),
    Number("turn", -60.0, 60.0, "angle in degrees", usual=(-30.0, 30.0), gathered=True),
)
WORDS = ("red", "grey", "with", "hat")
calls = []


def draw(found, size):
    """Discs, in the colour of the hair, higher with a hat."""
    n = len(found["x"])
    calls.append(n)
    rows = canvases.padded(n)
    found = {name: torch.cat((v, v[:1].expand(rows - n))) for name, v in found.items()}
    canvas = canvases.Canvas(size, rows)
    window = canvas.window(found["x"] - 0.4, -0.9, found["x"] + 0.4, 0.9)
    distance = shapes.circle(window.x - found["x"], window.y, 0.3 + 0.1 * found["hat"].float())
    tone = torch.stack((found["hair"].float(), found["age"] / 2, found["turn"] / 120 + 0.5), 1)
    canvas.lay(window, shapes.coverage(distance, window.pixel), canvases.colour(tone))
    return canvases.levels(canvas.over(torch.zeros(3, 1, 1, 1)))[:n]


def say(found):
    return [
        f"{WORDS[h]}{' with hat' * (hat > 0)}"
        for h, hat in zip(found["hair"], found["hat"], strict=True)
    ]


DISCS = World("discs", PARAMETERS, draw, (Path(__file__).parent,), 1, say, WORDS, 3)


def load(**options):
    kinds = source(DISCS).checked(options, "discs")
    return read(DISCS, **{"rows": "300", "size": 16, "cache": 0, **kinds})


def parameters(data, split="train"):
    part = getattr(data, split)
    return part.rows.truth(torch.arange(len(part)))


def test_uniform_numbers_are_a_function_of_row_and_name():
    rows = torch.arange(10_000)
    u = uniforms(0, rows, "a")
    assert torch.equal(uniforms(0, rows[7:9], "a"), u[7:9])
    assert u.min() >= 0
    assert u.max() < 1
    bins = torch.bincount((u * 16).long(), minlength=16).double()
    assert ((bins - 625).abs() < 5 * (625 * 15 / 16) ** 0.5).all()
    for other in (uniforms(1, rows, "a"), uniforms(0, rows, "b"), u.roll(1)):
        assert abs(torch.corrcoef(torch.stack((u, other)))[0, 1]) < 5 / 100


def test_a_row_is_the_same_in_any_company():
    few, many = load(rows="40"), load(rows="300")
    assert torch.equal(few.train.everything()[0], many.train.first(40)[0])
    some = torch.tensor([33, 2, 7])
    assert torch.equal(few.train.take(some)[0], many.train.everything()[0][some])
    assert few.space == Pixels((3, 16, 16))
    assert len(many.validation) == 30
    assert not torch.equal(many.test.first(30)[0], many.train.first(30)[0])


def test_what_a_person_is_stays():
    found = parameters(load())
    again = parameters(load(seed="4"), "test")
    places = dict(zip(found["person"].tolist(), found["x"].tolist(), strict=True))
    for person, x in zip(again["person"].tolist(), again["x"].tolist(), strict=True):
        assert places.get(person, x) == x
    assert len({*found["x"].tolist()}) == len(places) > 40


def test_labels_say_what_cannot_be_seen():
    data = load()
    assert data.attributes == {
        "hat": ("none", "cap", "top"),
        "age": ("child", "adult", "old"),
        "hair": ("red", "grey", "not visible"),
    }
    _, context = data.labelled().train.everything()
    assert data.labelled().context_space == Attributes((3, 3, 3))
    assert ((context[:, 2] == 2) == (context[:, 0] > 0)).all()


@pytest.mark.parametrize(
    ("wish", "law"),
    [
        ({"hat": "cap"}, lambda p: (p["hat"] == 1).all()),
        ({"hat": "cap+top"}, lambda p: (p["hat"] > 0).all() and (p["hat"] == 2).any()),
        ({"age": "adult..old"}, lambda p: (p["age"] > 0).all() and (p["age"] == 1).any()),
        ({"person": "17"}, lambda p: (p["person"] == 17).all() and len(p["x"].unique()) == 1),
        ({"turn": "-5..5"}, lambda p: (p["turn"].abs() <= 5).all() and p["turn"].std() > 2),
        ({"turn": "12"}, lambda p: (p["turn"] == 12).all()),
        ({"x": "0.25"}, lambda p: (p["x"] == 0.25).all()),
        ({"hat": "none:0+cap:1"}, lambda p: (p["hat"] == 1).all()),
        ({"hat|hair:red": "1.0", "hat": "0"}, lambda p: ((p["hat"] > 0) == (p["hair"] == 0)).all()),
    ],
)
def test_wishes(wish, law):
    assert law(parameters(load(**wish)))
    free = parameters(load())
    for name, value in parameters(load(**wish)).items():  # a wish moves no other parameter
        moved = {word.partition("|")[0] for word in wish} | ({"x"} if "person" in wish else set())
        assert name in moved or torch.equal(value, free[name])


def test_probabilities_come_out_within_five_standard_errors():
    laws = recipe("discs", PARAMETERS, {"hat": "0.3", "age|hat": "old:0.9+child:0.1"})
    found = laws.drawn(0, torch.arange(10_000))
    hats, old = found["hat"] > 0, found["age"] == 2

    def near(share, rows, p):
        return abs(share.double().mean() - p) < 5 * (p * (1 - p) / rows) ** 0.5

    assert near(hats, 10_000, 0.3)
    assert near(found["hat"] == 2, 10_000, 0.075)  # a quarter of the hats, as in the own law
    assert near(old[hats], hats.sum(), 0.9)
    assert near(old[~hats], (~hats).sum(), 1 / 3)
    assert not near(old, 10_000, 0.9)  # the liar: as if it held everywhere


def test_what_is_held_out_makes_up_the_test():
    data = load(hold="hat:cap+age:old,hat:top+age:child")
    held = {split: _held(parameters(data, split)) for split in data.splits}
    assert not held["train"].any()
    assert not held["validation"].any()
    assert held["test"].all()
    assert _held(parameters(load())).any()
    with pytest.raises(ValueError, match="what is held out occurs in nearly every row"):
        load(hat="cap", hold="hat:cap")


def _held(p):
    one = (p["hat"] == 1) & (p["age"] == 2)
    return one | ((p["hat"] == 2) & (p["age"] == 0))


def test_views():
    label = load(label="hair").labelled()
    assert (label.context_space, label.class_names[2]) == (Classes(3), "not visible")
    assert load(context="hat,age").context_space == Attributes((3, 3))
    assert load(context="hat").attributes.keys() == {"hat"}
    turn = load(context="turn,x").train
    assert turn.context_space == Reals((2,))
    assert torch.equal(turn.everything()[1][:, 0], parameters(load())["turn"])
    said = load(context="captions")
    assert said.context_space == Tokens(5, 3, 4)
    assert said.parse_context("grey with hat").tolist() == [1, 2, 3]


def test_pairs_differ_in_one_parameter():
    data = load(pairs="hat:none..cap")
    x, context = data.train.everything()
    assert data.context_space == data.space
    a, b = data.train.context.truth(torch.arange(300)), data.train.rows.truth(torch.arange(300))
    assert {name for name in a if not torch.equal(a[name], b[name])} == {"hat"}
    assert not torch.equal(x, context)
    assert (parameters(load(pairs="hat"))["hat"] > 0).all()
    turn = load(pairs="turn").train
    a, b = turn.context.truth(torch.arange(300)), turn.rows.truth(torch.arange(300))
    assert (a["turn"] != b["turn"]).float().mean() > 0.9


def test_domains_are_independent():
    data = load(domains="hat")
    assert data.unpaired
    a, b = data.train.a.rows.truth, data.train.b.rows.truth
    rows = torch.arange(300)
    assert (a(rows)["hat"] == 0).all()
    assert (b(rows)["hat"] > 0).all()
    assert not torch.equal(a(rows)["turn"], b(rows)["turn"])
    x, context = data.train.batch(0, 8, 0)
    assert x.shape == context.shape == (8, 3, 16, 16)


def test_sweeps():
    found = parameters(load(sweep="turn:5"))
    assert found["turn"][:5].tolist() == [-60, -30, 0, 30, 60]
    assert torch.equal(found["x"][::5], found["x"][4::5])
    assert parameters(load(sweep="hat"))["hat"][:6].tolist() == [0, 1, 2, 0, 1, 2]


def test_endless_rows_are_a_function_of_the_number_of_the_batch():
    data = load(rows="endless")
    x = data.train.batch(3, 8, 0)[0]
    assert torch.equal(data.train.batch(3, 8, 0)[0], x)
    assert not torch.equal(data.train.batch(4, 8, 0)[0], x)
    assert data.labelled().train.batch(0, 8, 0)[1].shape == (8, 3)
    assert load(rows="endless", context="turn").train.batch(0, 8, 0)[1].shape == (8, 1)


def test_pictures_are_drawn_once(tmp_path, monkeypatch):
    monkeypatch.setenv("GENUS_CACHE", str(tmp_path))
    first = load(cache=2**30).train.first(50)[0]
    calls.clear()
    again = load(cache=2**30).train
    assert torch.equal(again.first(50)[0], first)
    assert calls == []
    again.first(60)
    assert calls == [10]
    assert len([*tmp_path.glob("*.rows")]) == 1
    load(cache=2**30, hat="cap").train.first(1)
    assert len([*tmp_path.glob("*.rows")]) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hat": "cup"}, "discs: there is no hat 'cup'; did you mean cap?"),
        ({"hat": "1.5"}, "hat is 1.5; a probability from 0 to 1 is wanted"),
        ({"turn": "80"}, "turn is '80'; a number from -60 to 60, or an interval"),
        ({"hat|hare": "1"}, "there is no parameter 'hare'; did you mean hair?"),
        ({"hat|age": "1"}, "'age' is no condition; age:child would be one"),
        ({"hat|age:old": "1", "age|hat": "old"}, "the wishes for hat, age.* in a circle"),
        ({"size": 200}, "size is 200; 16 to 128 pixels are wanted"),
        ({"rows": "many"}, "rows is 'many'; a number of at least 1, or endless"),
        ({"context": "hat,turn"}, "either labels or numbers are wanted"),
        ({"context": "hat", "pairs": "age"}, "only one can be given"),
        ({"label": "turn"}, "turn is a number; one of person, hat, age, hair is wanted"),
        ({"sweep": "turn:x"}, "turn:STEPS, 2 or more, is wanted"),
        ({"pairs": "hat:cap"}, "'hat:cap' names one side; hat:FROM..TO is wanted"),
        ({"ht": "cap"}, "there is no option 'ht'"),
    ],
)
def test_refusals(options, words):
    with pytest.raises(ValueError, match=words):
        load(**options)
