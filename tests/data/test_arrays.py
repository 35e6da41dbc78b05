"""Array files: what the numbers are taken for, and what is refused."""

import pickle
import re

import numpy as np
import pytest
import torch

from genus.core import Bits, Classes, Pixels, Reals, Tokens
from genus.data import load
from genus.data.sources import Note

RANDOM = np.random.default_rng(0)
N = 30


def of(array, path, **options):
    np.save(path / "a.npy", array)
    return load(path / "a.npy", **options)


def all_rows(data):
    return torch.cat([split.everything()[0] for split in data.splits.values()])


@pytest.mark.parametrize(
    ("array", "space"),
    [
        (RANDOM.integers(0, 256, (N, 8, 9), np.uint8), Pixels((1, 8, 9))),
        (RANDOM.integers(0, 256, (N, 8, 9, 3), np.uint8), Pixels((3, 8, 9))),
        (RANDOM.integers(0, 256, (N, 3, 8, 9), np.uint8), Pixels((3, 8, 9))),
        (RANDOM.integers(0, 256, (N, 8, 9, 1), np.uint8), Pixels((1, 8, 9))),
        (RANDOM.integers(0, 256, (N, 7), np.uint8), Pixels((7,))),
        (RANDOM.integers(0, 2, (N, 7), np.uint8), Bits((7,))),
        (RANDOM.integers(0, 2, (N, 8, 9), np.uint8), Bits((1, 8, 9))),
        (RANDOM.integers(0, 2, (N, 8, 9)) > 0, Bits((1, 8, 9))),
        (RANDOM.integers(0, 2, (N, 7)).astype(np.float64), Bits((7,))),
        (np.stack([np.arange(7)] * N), Tokens(7, 7)),
        (np.stack([np.arange(7)] * N).astype(np.int16), Tokens(7, 7)),
        (RANDOM.normal(size=(N, 4)), Reals((4,))),
        (RANDOM.normal(size=N), Reals((1,))),
        (RANDOM.normal(size=(N, 4)).astype(">f8"), Reals((4,))),
        (RANDOM.integers(0, 9, (N, 7)).astype(">i4"), Tokens(9, 7)),
        (np.asfortranarray(RANDOM.integers(0, 256, (N, 8, 9), np.uint8)), Pixels((1, 8, 9))),
        (RANDOM.normal(size=(N, 2, 5)).astype(np.float16), Reals((2, 5))),
    ],
)
def test_the_type_says_what_the_numbers_are(tmp_path, array, space):
    data = of(array, tmp_path)
    assert data.space == space
    assert [len(s) for s in data.splits.values()] == [24, 3, 3]
    rows = all_rows(data)
    data.space.check(rows, "rows")
    total = data.meaning.in_units(rows).double()
    if isinstance(space, Pixels):
        total = space.indices(rows).double()
    assert total.sum().item() == pytest.approx(array.astype(np.float64).sum(), rel=1e-5, abs=1e-4)


def test_channels_move_to_the_front(tmp_path):
    array = RANDOM.integers(0, 256, (N, 5, 6, 3), np.uint8)
    data = of(array, tmp_path)
    found = {tuple(row) for row in data.space.indices(all_rows(data)).flatten(1).tolist()}
    assert found == {tuple(row) for row in array.transpose(0, 3, 1, 2).reshape(N, -1).tolist()}


def test_an_open_layout_is_asked_for(tmp_path):
    array = RANDOM.integers(0, 256, (N, 3, 9, 3), np.uint8)
    with pytest.raises(ValueError, match="may be first or last; say layout=first or layout=last"):
        of(array, tmp_path)
    assert of(array, tmp_path, layout="first").space == Pixels((3, 9, 3))
    assert load(f"{tmp_path}/a.npy?layout=last").space == Pixels((3, 3, 9))
    with pytest.raises(ValueError, match="layout is 'nhwc'; first or last"):
        of(array, tmp_path, layout="nhwc")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((0, 3)), r"has shape \(0, 3\)"),
        (np.float64(3), r"has shape \(\)"),
        (np.zeros((4, 2), complex), "holds complex128; numbers are wanted"),
        (np.array(["a", "b"]), "holds <U1; numbers are wanted"),
        (np.full((4, 2), -3), r"holds integers in -3 \.\. -3; tokens begin at 0"),
        (np.full((4, 2, 2), 7), r"holds integers of shape \(2, 2\)"),
        (np.full((2, 3), 0.5), "rows to learn from: 2; each of train, validation and test"),
        (np.full((4, 2), 1e300), "4 rows are NaN, infinite or beyond single precision"),
    ],
)
def test_what_cannot_be_understood_is_refused(tmp_path, array, words):
    with pytest.raises(ValueError, match=words):
        of(array, tmp_path)


def test_nan_is_counted_and_located(tmp_path):
    array = RANDOM.normal(size=(20, 3))
    array[7, 1] = array[7, 2] = array[11, 0] = np.nan
    with pytest.raises(ValueError, match=r"3 values in 2 of 20 rows .* the first in row 7"):
        of(array, tmp_path)


def test_pickles_are_refused_unopened(tmp_path):
    touched = tmp_path / "touched"

    class Evil:
        def __reduce__(self):
            return (open, (str(touched), "w"))

    np.save(tmp_path / "a.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Evil()))
    np.savez(tmp_path / "c.npz", x=np.array([Evil()], dtype=object))
    for name in ("a.npy", "b.npy", "c.npz"):
        with pytest.raises(ValueError, match=f"{name}: holds pickled objects, which can run code"):
            load(tmp_path / name)
    assert not touched.exists()


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_truncated_files(tmp_path, name):
    array = RANDOM.normal(size=(50, 3))
    np.save(tmp_path / name, array) if name == "a.npy" else np.savez(tmp_path / name, x=array)
    content = (tmp_path / name).read_bytes()
    for length in (0, 5, len(content) // 2, len(content) - 1):
        (tmp_path / name).write_bytes(content[:length])
        with pytest.raises(ValueError, match=rf"{name}: (is damaged|holds pickled)"):
            load(tmp_path / name)


# --- npz --------------------------------------------------------------------------------------


def test_x_and_y(tmp_path):
    x = np.arange(40)[:, None] + 0.5
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(40) % 4 * 10)
    data = load(tmp_path / "a.npz")
    assert data.name == "a"
    assert data.class_names == ("0", "10", "20", "30")
    assert data.labelled().context_space == Classes(4)
    for split in data.labelled().splits.values():
        values, label = split.everything()
        assert torch.equal(data.meaning.in_units(values)[:, 0].long() % 4, label)
    assert data.validation.labels.sort().values.tolist() == [0, 1, 2, 3]


def test_named_splits(tmp_path):
    parts = {"train": (0, 6), "val": (6, 9), "test": (9, 11)}
    arrays = {f"x_{k}": np.arange(a, b) + 0.5 for k, (a, b) in parts.items()}
    arrays |= {f"y_{k}": np.array(["a", "b"])[np.arange(a, b) % 2] for k, (a, b) in parts.items()}
    np.savez(tmp_path / "a.npz", **arrays)
    data = load(tmp_path / "a.npz").labelled()
    for split, (a, b) in zip(data.splits.values(), parts.values(), strict=True):
        x, label = split.everything()
        assert data.meaning.in_units(x).flatten().tolist() == pytest.approx(
            [i + 0.5 for i in range(a, b)], abs=1e-5
        )
        assert label.tolist() == [i % 2 for i in range(a, b)]


def test_vectors_are_standard_among_training_rows_and_come_back_exactly(tmp_path):
    """Columns that are large and hardly differ keep their digits: they are scaled in double precision."""
    x = RANDOM.normal(size=(200, 3)) * [1e3, 1e-4, 2.0] + [1.6e9, 5.0, 0.0]
    np.save(tmp_path / "a.npy", x)
    data = load(tmp_path / "a.npy")
    z = data.train.everything()[0]
    assert torch.allclose(z.mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(z.std(0, correction=0), torch.ones(3), atol=1e-5)
    back = torch.cat([data.meaning.in_units(s.everything()[0]) for s in data.splits.values()])
    found = np.sort(back.numpy(), axis=0)
    assert np.abs(found - np.sort(x, axis=0)).max(0) == pytest.approx(0, abs=2e-3)
    assert np.abs(found - np.sort(x, axis=0))[:, 1].max() < 1e-9
    own = data.train.log_jacobian(z)
    deviations = x.std(0)
    assert own.tolist() == pytest.approx([-np.log(deviations).sum()] * len(z), abs=0.5)
    assert "meaning.in_units(x) are numbers of the file" in repr(data)
    raw = load(tmp_path / "a.npy", standardise=False)
    assert raw.columns is None
    assert raw.train.everything()[0].mean() > 1e8


def test_what_is_no_vector_of_real_numbers_is_not_scaled(tmp_path):
    for array in (RANDOM.normal(size=(N, 6, 7)), RANDOM.integers(0, 9, (N, 4))):
        np.save(tmp_path / "a.npy", array)
        assert load(tmp_path / "a.npy").columns is None


def test_one_array_of_any_name(tmp_path):
    np.savez(tmp_path / "a.npz", faces=RANDOM.integers(0, 256, (N, 4, 5), np.uint8))
    assert load(tmp_path / "a.npz").space == Pixels((1, 4, 5))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.ones((5, 2)), "z": np.ones(5)}, "holds the arrays x, z; wanted are x and y"),
        ({"x": np.ones((5, 2)), "y": np.ones(4, int)}, r"labels of train are \(4,\); \(5,\)"),
        (
            {"x": np.ones((5, 2)), "y": np.full(5, 0.5)},
            "labels are float64; whole numbers or words",
        ),
        ({"x_test": np.ones(5), "y_test": np.ones(5)}, "x or x_train is missing"),
        ({"x_train": np.ones(5), "data": np.ones(5)}, "holds the arrays x_train, data; wanted"),
        (
            {"x_train": np.full((5, 2), 0.5), "x_test": np.full((5, 3), 0.5)},
            r"test holds float64 rows of shape \(3,\), the rows before are float64 of \(2,\)",
        ),
        (
            {"x_train": np.full(5, 0.5), "x_test": np.array([0.5, np.nan])},
            "a.npz: test: 1 values in 1 of 2 rows",
        ),
    ],
)
def test_faulty_npz(tmp_path, arrays, words):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=words):
        load(tmp_path / "a.npz")


def test_splits_may_be_named_first_and_labels_be_a_column(tmp_path):
    """As the files of MedMNIST are."""
    x = RANDOM.integers(0, 256, (N, 8, 8), dtype=np.uint8)
    y = RANDOM.integers(0, 3, (N, 1), dtype=np.uint8)
    ends = {"train": slice(0, 20), "val": slice(20, 25), "test": slice(25, N)}
    whole = {f"{k}_images": x[i] for k, i in ends.items()}
    whole |= {f"{k}_labels": y[i] for k, i in ends.items()}
    np.savez(tmp_path / "a.npz", **whole)
    data = load(tmp_path / "a.npz")
    assert data.space == Pixels((1, 8, 8))
    assert [len(split) for split in data.splits.values()] == [20, 5, 5]
    assert data.validation.labels.tolist() == y[20:25, 0].tolist()
    np.savez(tmp_path / "b.npz", x=x, y=y[:, 0].astype(float))
    assert load(tmp_path / "b.npz").class_names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("scale", "shape", "words"),
    [
        (1.0, (8, 9), "save (255 * x).round().astype('uint8')"),
        (1.0, (8, 9, 3), "save (255 * x).round()"),
        (255.0, (3, 8, 9), "save x.round().astype('uint8')"),
    ],
)
def test_real_numbers_that_seem_to_be_pictures_are_told(tmp_path, scale, shape, words):
    with pytest.warns(Note, match=re.escape(words)):
        data = of(scale * RANDOM.random((N, *shape)), tmp_path)
    assert data.space == Reals(shape)
    with pytest.warns(Note, match=re.escape("save (127.5 * (x + 1)).round()")):
        of(2 * RANDOM.random((N, *shape)) - 1, tmp_path)


@pytest.mark.parametrize("shape", [(8,), (30, 3), (2, 3), (8, 9, 10)])
def test_other_real_numbers_are_no_pictures(tmp_path, shape):
    assert of(RANDOM.random((N, *shape)), tmp_path).notes == ()


def test_four_channels_stand_on_white(tmp_path):
    x = RANDOM.integers(0, 256, (N, 8, 9, 4), dtype=np.uint8)
    x[:, 0, 0, 3], x[:, 1, 1, 3] = 0, 255
    with pytest.warns(
        Note, match="images of 4 channels are read as red, green, blue and how opaque"
    ):
        data = of(x, tmp_path)
    assert data.space == Pixels((3, 8, 9))
    rows = all_rows(data)
    assert (rows[:, :, 0, 0] == 1).all()
    seen = ((rows[:, :, 1, 1] + 1) * 127.5).round().to(torch.uint8)
    assert sorted(seen.tolist()) == sorted(x[:, 1, 1, :3].tolist())
    with pytest.warns(Note):
        assert of(x.transpose(0, 3, 1, 2), tmp_path).space == Pixels((3, 8, 9))
    assert of(x, tmp_path, layout="last").space == Pixels((4, 8, 9))
