"""Files are read in their order, as a run has read its data; what cannot be read keeps its place."""

import numpy as np
import pytest
import torch
from PIL import Image

from genus.core import Bits, Classes, Pixels, Reals, Refused, Tokens
from genus.data import load
from genus.data.in_order.listing import in_order
from genus.data.in_order.rows import of_picture
from genus.data.meaning import Meaning
from genus.data.tables.columns import Columns


def all_of(listing, rows=3):
    """All rows at once, though they are read a few at a time."""
    names, x, reasons, context = [], [], [], []
    for some, found in listing.blocks(rows):
        names += some
        x.append(found.x)
        reasons += found.reasons
        context += [] if found.context is None else found.context.tolist()
    return names, torch.cat(x), reasons, context


# --- pictures ---------------------------------------------------------------------------------


@pytest.fixture
def photos(tmp_path):
    noise = np.random.default_rng(0)
    folder = tmp_path / "photos"
    for kind in ("cat", "dog"):
        (folder / kind).mkdir(parents=True)
        levels = noise.integers(256, size=(8, 8), dtype=np.uint8)
        Image.fromarray(levels).save(folder / kind / "a.png")
    (folder / "cat/broken.png").write_bytes((folder / "cat/a.png").read_bytes()[:60])
    Image.fromarray(noise.integers(256, size=(8, 9), dtype=np.uint8)).save(folder / "dog/wide.png")
    colour = noise.integers(256, size=(8, 8, 3), dtype=np.uint8)
    Image.fromarray(colour).save(folder / "dog/colour.png")
    (folder / "dog/noted.txt").write_text("no picture")
    (folder / ".hidden.png").write_text("")
    return folder


def test_each_picture_keeps_its_place(photos):
    space = Pixels((1, 8, 8))
    names, x, reasons, _ = all_of(in_order(str(photos), Meaning("m", space)), 2)
    assert names == ["cat/a.png", "cat/broken.png", "dog/a.png", "dog/colour.png", "dog/wide.png"]
    assert reasons[0] is reasons[2] is None
    assert reasons[1].startswith("damaged")
    assert reasons[3:] == ["is in colour; grey is wanted", "is 9x8; 8x8 is wanted"]
    for one, name in zip(x, ("cat/a.png", "dog/a.png"), strict=True):
        assert torch.equal(one[0], space.values(torch.tensor(np.array(Image.open(photos / name)))))


def test_pictures_are_converted_as_the_run_has_done(photos):
    options = {"resize": "crop", "background": "white", "size": "4x4", "colour": "RGB"}
    meaning = Meaning("m", Pixels((3, 4, 4)), options=options)
    _, x, reasons, _ = all_of(in_order(str(photos), meaning))
    assert [reason is None for reason in reasons] == [True, False, True, True, True]
    assert x.shape == (4, 3, 4, 4)
    read = load(f"{photos}?size=4&colour=RGB&kind=pictures&cache=0")
    kept = torch.cat([split.everything()[0] for split in read.splits.values()])
    assert all((one == kept).flatten(1).all(1).any() for one in x)
    wide = Meaning("m", Pixels((3, 4, 6)), options=options)
    assert all_of(in_order(f"{photos}?size=4x6", wide))[1].shape == (4, 3, 4, 6)
    one = all_of(in_order(str(photos / "dog/wide.png"), meaning))
    assert one[0] == ["wide.png"]
    assert torch.equal(one[1][0], x[3])


def test_labels_are_folders_if_they_are_wanted(photos):
    meaning = Meaning(
        "m", Pixels((1, 8, 8)), Classes(2), class_names=("bird", "dog"), shares=(0.5, 0.5)
    )
    *_, reasons, context = all_of(in_order(str(photos), meaning, labels=True))
    assert reasons[0] == "its label is 'cat', which the run does not know"
    assert context == [1]
    assert all_of(in_order(str(photos), meaning))[3] == []


def test_levels_and_bits_come_back_from_the_pictures_that_are_written():
    for levels in (2, 17, 256):
        space = Pixels((1, 4, 4), levels)
        x = space.values(torch.randint(levels, (1, 4, 4)))
        written = ((x + 1) * 127.5).round().numpy().astype(np.uint8)
        assert torch.allclose(of_picture(written, space), x, atol=1e-6)
    odd = np.full((1, 4, 4), 3, np.uint8)
    assert of_picture(odd, Pixels((1, 4, 4), 17)) == "has more than the 17 levels that are wanted"
    bits = np.array([[[0, 255], [255, 0]]], np.uint8)
    assert of_picture(bits, Bits((1, 2, 2))).tolist() == [[[0, 1], [1, 0]]]
    grey = np.full((1, 50, 50), 64, np.uint8)
    drawn = of_picture(grey, Bits((1, 50, 50)))
    assert torch.equal(of_picture(grey, Bits((1, 50, 50))), drawn)  # noise of its content
    assert abs(drawn.mean() - 64 / 255) < 5 * 0.5 / 50


# --- arrays, tables, texts, sets --------------------------------------------------------------


def test_rows_of_arrays_are_in_the_order_of_the_file(tmp_path):
    images = np.random.default_rng(0).integers(256, size=(7, 5, 4, 3), dtype=np.uint8)
    np.savez(
        tmp_path / "x.npz", x_train=images[:4], x_test=images[4:], y_test=[1, 0, 2], y_train=[0] * 4
    )
    space = Pixels((3, 5, 4))
    names, x, reasons, _ = all_of(in_order(f"{tmp_path}/x.npz", Meaning("m", space)))
    assert names == [str(i) for i in range(7)]
    assert reasons == [None] * 7
    assert torch.equal(space.indices(x), torch.tensor(images).permute(0, 3, 1, 2).long())
    labelled = Meaning("m", space, Classes(2), class_names=("0", "1"), shares=(0.5, 0.5))
    with pytest.raises(Refused, match=r"has shape \(7, 5, 4, 3\); \(n, 2\) is wanted"):
        in_order(f"{tmp_path}/x.npz", Meaning("m", Reals((2,))))
    *_, reasons, context = all_of(in_order(f"{tmp_path}/x.npz", labelled, labels=True))
    assert context == [0, 0, 0, 0, 1, 0]
    assert reasons[6] == "its label is '2', which the run does not know"


def test_a_row_that_is_not_finite_keeps_its_place(tmp_path):
    np.save(tmp_path / "x.npy", np.array([[0, 1], [np.nan, 0], [1, 1e300], [2, 3]]))
    _, x, reasons, _ = all_of(in_order(f"{tmp_path}/x.npy", Meaning("m", Reals((2,)))), 2)
    assert x.tolist() == [[0, 1], [2, 3]]
    assert reasons == [
        None,
        "has values that are not finite",
        "has values that are not finite",
        None,
    ]


def test_cells_that_are_no_numbers_are_told(tmp_path):
    (tmp_path / "x.csv").write_text("a,b,kind\n1,2,u\n3,?,v\n4,five,u\n6,7\n8,9,w\n")
    meaning = Meaning("m", Reals((2,)), options={"label": "kind"})
    _, x, reasons, _ = all_of(in_order(f"{tmp_path}/x.csv", meaning))
    assert x.tolist() == [[1, 2], [8, 9]]
    assert reasons == [
        None,
        "column 2 (b): a value is missing",
        "column 2 (b): 'five' is no number",
        "line 5 has 2 columns, the first has 3",
        None,
    ]
    (tmp_path / "y.csv").write_text("a,b\n1,2\n1,2,3\n")
    *_, reasons, _ = all_of(in_order(f"{tmp_path}/y.csv", meaning))  # no label is needed
    assert reasons == [None, "line 3 has 3 columns, the first has 2"]


@pytest.mark.parametrize("header", ["b,a\n", ""])
def test_columns_encode_the_rows_of_their_table(tmp_path, header):
    scale = {"mean": 1.0, "deviation": 2.0}
    known = [{"name": "b", "kind": "number", "scale": scale}]
    known.append({"name": "a", "kind": "category", "words": ["x", "z"], "shares": [0.5, 0.5]})
    columns = Columns.from_json(known)
    (tmp_path / "x.csv").write_text(f"{header}1,x\n2\n3,z\n5,q\n")
    meaning = Meaning("m", columns.space, columns=columns)
    _, x, reasons, _ = all_of(in_order(f"{tmp_path}/x.csv", meaning))
    assert x.tolist() == [[0, 0], [1, 1]]
    line = 3 if header else 2
    assert reasons == [
        None,
        f"line {line} has 1 columns, the first has 2",
        None,
        "a is 'q', which is not in the training table",
    ]


def test_texts_are_windows_end_to_end_or_lines(tmp_path):
    (tmp_path / "x.txt").write_text("abcabXabcab")
    symbols = tuple("abc")
    listing = in_order(f"{tmp_path}/x.txt", Meaning("m", Tokens(3, 3), symbols=symbols))
    _, x, reasons, _ = all_of(listing, 2)
    assert x.tolist() == [[0, 1, 2], [0, 1, 2]]
    assert "'X'" in reasons[1]
    assert reasons[3] == "has 2 tokens; 3 are wanted"
    (tmp_path / "y.txt").write_text("ab\nabca\nb\n")
    ending = Meaning("m", Tokens(4, 3, end=3), symbols=symbols)
    _, x, reasons, _ = all_of(in_order(f"{tmp_path}/y.txt", ending))
    assert x.tolist() == [[0, 1, 3], [1, 3, 3]]
    assert reasons[1] == "has 4 tokens; at most 3 are wanted"


def test_rows_of_a_set_are_those_of_a_split():
    data = load("digits")
    meaning = data.labelled().recorded()
    for split in ("test", "train"):
        _, x, reasons, context = all_of(in_order("digits", meaning, split), 100)
        assert torch.equal(x, data.splits[split].everything()[0])
        assert context == []
        assert {*reasons} == {None}
    *_, context = all_of(in_order("digits", meaning, labels=True), 100)
    assert context == data.test.labels.tolist()
    with pytest.raises(Refused, match="split is 'all'; train, validation, test are wanted"):
        in_order("digits", meaning, "all")


def test_a_split_of_a_file_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 2)))
    with pytest.raises(Refused, match="all rows of which are read; leave split out"):
        in_order(f"{tmp_path}/x.npy", Meaning("m", Reals((2,))), "test")
