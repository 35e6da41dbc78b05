"""The reader by a network: what it learns from, what it reads, and what it refuses."""

import pytest
import torch

from genus.core import Bits, Pixels
from genus.data import load
from genus.data.faces.people import PARTS
from genus.data.worlds.portraits import PORTRAITS, draw, parameters
from genus.errors import Refused
from genus.measure import Reader, reader
from genus.measure.readers.net import Net, squares
from genus.measure.readers.reader import SIZES, nearest_size, reader_for, worn
from genus.measure.readers.truth import (
    labels_of,
    numbers_of,
    places_of,
    right,
    truth_of,
)
from genus.recipes.measure.reader import NewRows
from genus.train.artifact import load as loaded
from genus.train.artifact import save

SPACE = Pixels((3, 32, 32))
NAMES = [one.name for one in (*labels_of(PORTRAITS), *numbers_of(PORTRAITS))]


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return Reader(SPACE, width=5, features=8).eval()


@pytest.fixture(scope="module")
def faces():
    found = parameters(40, seed=3)
    return found, draw(found, 32) / 127.5 - 1


def test_what_does_not_show_has_no_truth():
    found = parameters(400, seed=5)
    truth = truth_of(PORTRAITS, found)
    assert truth.shape == (400, len(NAMES))
    hidden = {
        "hair_colour": (found["hair"] == 0) | (found["age"] == 5),
        "eye_colour": (found["eyes"] == 2) | (found["glasses"] == 3),
        "gaze": (found["eyes"] == 2) | (found["glasses"] == 3),
        "mouth_open": found["mouth"] == 0,
        "hat": torch.zeros(400, dtype=torch.bool),
    }
    for name, rows in hidden.items():
        assert truth[rows, NAMES.index(name)].isnan().all()
    under = (found["hat"] > 0) & (found["hair"] < 5)
    assert truth[under, NAMES.index("hair_colour")].isnan().all()
    alike = torch.isin(found["hair"], torch.tensor([1, 2, 3, 4, 10]))  # short ones, and a bun
    covered = truth[:, NAMES.index("hair")].isnan()
    assert torch.equal(covered, alike & (found["hat"] > 0))
    assert covered.any()
    assert not truth[:, NAMES.index("skin")].isnan().any()
    assert truth[:, NAMES.index("yaw")].abs().max() <= 1


def test_what_does_not_show_takes_no_part_in_the_loss(tiny, faces):
    found, _ = faces
    x, truth = torch.randn(40, 3, 64, 64), truth_of(PORTRAITS, found)
    places = places_of(PORTRAITS, found)
    which = NAMES.index("eye_colour")
    start = sum(len(one.values) for one in labels_of(PORTRAITS)[:which])
    own = slice(start, start + 4)

    def pull(truth):
        torch.manual_seed(0)
        tiny.zero_grad()
        torch.stack([*tiny.loss(x, truth, places).values()]).sum().backward()
        return tiny.net.heads.weight.grad[own].clone()

    assert pull(truth).abs().max() > 0
    hidden = truth.clone()
    hidden[:, which] = torch.nan
    assert pull(hidden).abs().max() == 0
    tiny.zero_grad()


def test_a_hidden_label_that_is_wrong_is_no_mistake():
    truth = torch.tensor([[1.0], [torch.nan], [0.0]])
    found = right({"hat": torch.tensor([1, 3, 2])}, truth)
    assert found["hat"].tolist() == [True, False]


def test_places_are_where_eyes_and_mouth_are_drawn():
    plain = {"eyes": "open", "glasses": "none", "smile": "no", "yaw": "-20..20"}
    found = parameters(64, seed=4, wishes=plain)
    parts = draw(found, 64, everything=True).segmentation
    column, line = ((places_of(PORTRAITS, found) + 1) * 32).long().unbind(-1)
    seen = parts[torch.arange(64)[:, None], line, column]
    assert (seen[:, :2] == PARTS.index("eyes")).double().mean() > 0.95
    covered = torch.tensor([PARTS.index(name) for name in ("mouth", "beard")])
    assert torch.isin(seen[:, 2], covered).double().mean() > 0.9


def test_squares_are_cut_around_places():
    x = torch.zeros(2, 3, 64, 64)
    x[0, :, 10, 40] = 1
    places = torch.zeros(2, 2, 2)
    places[0, 1] = (torch.tensor([40.5, 10.5]) * 2 - 64) / 64
    cut = squares(x, places)
    assert cut.shape == (2, 2, 3, 20, 20)
    assert cut[0, 0].abs().max() == 0
    assert cut[1].abs().max() == 0
    torch.testing.assert_close(cut[0, 1].sum(), torch.tensor(3.0))
    torch.testing.assert_close(cut[0, 1, :, 9:11, 9:11].sum(), torch.tensor(3.0))


def test_a_network_without_places_sees_the_whole():
    net = Net(5, 8, 0, 3).eval()
    out, places = net(torch.zeros(2, 3, 64, 64))
    assert out.shape == (2, 3)
    assert places.shape == (2, 0, 2)


def test_rows_do_not_meet(tiny, faces):
    x = faces[1][:6]
    together, alone = tiny.read(x), tiny.read(x[2:3])
    torch.testing.assert_close(together.confidence[2:3], alone.confidence)
    for name, value in together.numbers.items():
        torch.testing.assert_close(value[2:3], alone.numbers[name])


def test_pictures_of_any_size_are_read(tiny):
    for side in (16, 48, 128):
        x = torch.rand(3, 3, side, side) * 2 - 1
        reading = tiny.read(x, Pixels((3, side, side)))
        assert reading.labels["hat"].shape == (3,)
        assert set(reading.shows) == set(NAMES)
        assert all((spread > 0).all() for spread in reading.spreads.values())
    assert [SIZES[nearest_size(side)] for side in (16, 40, 50, 128)] == [32, 32, 64, 64]


def test_others_are_refused(tiny):
    for space in (Pixels((1, 32, 32)), Bits((3, 32, 32)), Pixels((3072,))):
        with pytest.raises(Refused, match="pictures in three colours"):
            tiny.read(torch.zeros(1, *space.shape), space)
    with pytest.raises(Refused, match="no world 'moons'"):
        Reader(SPACE, "moons")
    with pytest.raises(Refused, match="none for 'nothing'"):
        reader("nothing")


def test_one_in_a_hundred_of_clean_pictures_is_refused(faces):
    torch.manual_seed(0)
    net = Reader(SPACE, width=5, features=8).eval()
    found = parameters(200, seed=3)
    clean = [draw(found, side) / 127.5 - 1 for side in SIZES]
    assert not net.read(clean[0], SPACE).refused.any()  # nothing is, before the limits are set
    net.settle(clean, truth_of(PORTRAITS, found))
    for side, x in zip(SIZES, clean, strict=True):
        reading = net.read(x, Pixels((3, side, side)))
        assert reading.refused.sum() == 2
        assert (
            reading.confidence[reading.refused].max() < reading.confidence[~reading.refused].min()
        )
    assert net.trusted(64) == []  # it has learnt nothing
    net.shares[1, 0] = 0.98
    assert [one.name for one in net.trusted(64)] == ["skin"]
    assert net.trusted(32) == []


def test_what_is_saved_reads_the_same(tiny, faces, tmp_path):
    save(tiny, tmp_path / "tiny")
    again = reader(tmp_path / "tiny")
    assert again.account() == tiny.account()
    assert torch.equal(again.read(faces[1]).confidence, tiny.read(faces[1]).confidence)
    assert isinstance(loaded(tmp_path / "tiny"), Reader)


def test_worn_pictures_keep_their_rows():
    torch.manual_seed(0)
    x = torch.rand(9, 3, 64, 64) * 2 - 1
    y = worn(x)
    assert y.shape == x.shape
    assert y.abs().max() <= 1 + 1e-5
    away = torch.cdist(y.flatten(1), x.flatten(1))
    assert torch.equal(away.argmin(1), torch.arange(9))


def test_batches_are_functions_of_their_number():
    data = load("portraits?size=64&rows=20")
    one, other = NewRows(data), NewRows(data)
    x, truth, places = one.batch(2, 4, 0)
    one.batch(40, 4, 0)
    for again in (one.batch(2, 4, 0), other.batch(2, 4, 0), one.batch(14, 4, 0)):
        assert torch.equal(again[0], x)
        torch.testing.assert_close(again[1], truth, equal_nan=True)
        assert torch.equal(again[2], places)
    assert x.shape == (4, 3, 64, 64)
    assert not torch.equal(one.batch(36, 4, 0)[0], x)
    test = data.test.everything()[0]
    assert torch.cdist(x.flatten(1), test.flatten(1)).min() > 1


def test_the_shipped_reader_reads_portraits():
    net = reader("portraits")
    assert sum(p.numel() * 4 for p in net.parameters()) < 3e6
    assert not any(p.requires_grad for p in net.parameters())
    found = parameters(300, seed=11)
    reading = net.read(draw(found, 64) / 127.5 - 1, Pixels((3, 64, 64)))
    rights = right(reading.labels, truth_of(PORTRAITS, found))
    for name in ("glasses", "hat", "light", "backdrop", "ground", "cloth"):
        assert rights[name].double().mean() > 0.97, name
    away = (reading.numbers["yaw"] - found["yaw"]).abs()
    assert away[~reading.refused].mean() < 4
    assert reading.refused.double().mean() < 0.04


def test_the_shipped_reader_refuses_what_is_no_portrait():
    net, space = reader("portraits"), Pixels((3, 64, 64))
    torch.manual_seed(0)
    assert net.read(torch.rand(50, 3, 64, 64) * 2 - 1, space).refused.double().mean() > 0.9
    scenes = load("scenes?size=64&rows=50").train.everything()[0]
    assert net.read(scenes, space).refused.double().mean() > 0.9


def test_which_data_have_a_reader():
    assert reader_for(load("portraits?size=16&rows=10")) is not None
    assert reader_for(load("portraits_six?size=16&rows=10")) is not None
    assert reader_for(load("portraits?size=16&rows=10").labelled()) is not None
    assert reader_for(load("portraits?size=16&rows=10&domains=glasses")) is None
    assert reader_for(load("digits")) is None
