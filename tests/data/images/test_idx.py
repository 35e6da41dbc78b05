"""idx files written by hand, the binarised MNIST, and the real MNIST where it is."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import savemat

from genus.core import Bits, Classes, Pixels
from genus.data import load
from genus.data.images.idx import read_idx

RANDOM = np.random.default_rng(0)
CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}
ROOT = os.environ.get("GENUS_DATA")
needs_data = pytest.mark.skipif(
    not (ROOT and (Path(ROOT) / "mnist").is_dir()),
    reason="GENUS_DATA names no folder that holds mnist/, so MNIST itself is not tested",
)


def idx_bytes(array):
    head = struct.pack(">BBBB", 0, 0, CODES[array.dtype.str.lstrip("|")], array.ndim)
    return head + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write(path, array, zipped=False):
    content = idx_bytes(array)
    path.write_bytes(gzip.compress(content) if zipped else content)


@pytest.fixture
def small(tmp_path):
    """A little MNIST: 24 images to learn from, 5 to test; the label is in the first pixel."""
    folder = tmp_path / "little"
    folder.mkdir()
    for name, n in (("train", 24), ("t10k", 5)):
        images = RANDOM.integers(0, 256, (n, 4, 5)).astype("u1")
        images[:, 0, 0] = np.arange(n) % 3
        write(folder / f"{name}-images-idx3-ubyte", images)
        write(folder / f"{name}-labels-idx1-ubyte.gz", images[:, 0, 0].copy(), zipped=True)
    return folder


@pytest.mark.parametrize("kind", list(CODES))
@pytest.mark.parametrize("zipped", [False, True])
def test_all_types_are_read(tmp_path, kind, zipped):
    array = RANDOM.integers(0, 100, (3, 2, 4)).astype(kind)
    path = tmp_path / ("a-idx3-ubyte" + (".gz" if zipped else ""))
    write(path, array, zipped)
    found = read_idx(path)
    assert np.array_equal(found, array)
    assert found.dtype.isnative


def test_a_folder_of_idx_files(small):
    data = load(small)
    assert data.name == "little"
    assert data.space == Pixels((1, 4, 5))
    assert [len(s) for s in data.splits.values()] == [20, 4, 5]
    assert data.labelled().context_space == Classes(3)
    whole = read_idx(small / "train-images-idx3-ubyte")
    for split, want in ((data.train, whole[:20]), (data.validation, whole[20:])):
        x, label = split.labelled().everything()
        assert np.array_equal(data.space.indices(x)[:, 0].numpy(), want)
        assert torch.equal(data.space.indices(x)[:, 0, 0, 0], label)


def test_without_labels_and_without_test(small):
    for path in small.glob("*labels*"):
        path.unlink()
    (small / "t10k-images-idx3-ubyte").unlink()
    data = load(small)
    assert data.classes == 0
    assert [len(s) for s in data.splits.values()] == [18, 4, 2]


def test_one_idx_file(small):
    assert [len(s) for s in load(small / "train-images-idx3-ubyte").splits.values()] == [20, 2, 2]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b[:-1], "its header says 480 bytes of 24 x 4 x 5, 479 follow"),
        (lambda b: b + b"\0", "480 bytes of 24 x 4 x 5, 481 follow"),
        (lambda b: b[:9], "is damaged"),
        (lambda b: b"GIF89a" + b, "is not an idx file: it begins with 47 49 46 38"),
        (lambda b: b"", "is not an idx file"),
    ],
)
def test_damaged_idx_files(small, change, words):
    path = small / "train-images-idx3-ubyte"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=words):
        load(small)


def test_damaged_gzip(small):
    path = small / "train-labels-idx1-ubyte.gz"
    content = path.read_bytes()
    for broken in (content[:-9], b"nothing", content[:12] + b"\xff" * 9 + content[21:]):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"train-labels-idx1-ubyte.gz: is damaged"):
            load(small)


def test_incomplete_folders(small):
    write(small / "train-labels-idx1-ubyte", np.zeros(23, "u1"))
    (small / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(ValueError, match="train has 24 images and 23 labels"):
        load(small)
    (small / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(ValueError, match="labels of test only; all or none"):
        load(small)
    (small / "train-images-idx3-ubyte").unlink()
    with pytest.raises(ValueError, match="there is no train-images-idx3-ubyte"):
        load(small)


def test_plain_and_zipped_side_by_side_are_one(small):
    plain = small / "train-images-idx3-ubyte"
    want = load(small).fingerprint
    (small / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(plain.read_bytes()))
    assert load(small).fingerprint == want
    write(small / "train-images.idx3-ubyte", np.zeros((1, 4, 5), "u1"))
    with pytest.raises(ValueError, match="holds both train-images"):
        load(small)


# --- binarised MNIST --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mat", "mat as amat", "amat", "npy"])
def test_binarised_files(tmp_path, kind):
    want = {}
    for split, n in (("train", 6), ("valid", 3), ("test", 2)):
        bits = RANDOM.integers(0, 2, (n, 784)).astype(np.uint8)
        want[split] = bits
        path = tmp_path / f"binarized_mnist_{split}.{kind.split()[-1]}"
        if kind.startswith("mat"):
            savemat(tmp_path / "draft.mat", {"X": bits})
            (tmp_path / "draft.mat").rename(path)
        elif kind == "amat":
            path.write_text("\n".join(" ".join(map(str, row)) for row in bits) + "\n")
        else:
            np.save(path, bits)
    data = load(tmp_path)
    assert data.space == Bits((1, 28, 28))
    assert data.binarised() is not None
    for split, bits in zip(data.splits.values(), want.values(), strict=True):
        assert np.array_equal(split.everything()[0].flatten(1).numpy(), bits)
        assert torch.equal(data.binarised().train.everything()[0], data.train.everything()[0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"0 1 2", "neither MATLAB v5 nor zeros and ones in text"),
        (b"0 1 1", "holds 3 bits; a multiple of 784"),
        (b"MATLAB 5.0 MAT-file" + bytes(200), "is not a MATLAB file of version 5"),
    ],
)
def test_faulty_binarised_files(tmp_path, content, words):
    for split in ("train", "valid", "test"):
        (tmp_path / f"binarized_mnist_{split}.amat").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        load(tmp_path)
    (tmp_path / "binarized_mnist_valid.amat").unlink()
    with pytest.raises(ValueError, match="incomplete: validation missing"):
        load(tmp_path)


# --- where the named sets are -----------------------------------------------------------------


def test_names_are_found_in_the_folder_of_the_variable(small, monkeypatch):
    monkeypatch.delenv("GENUS_DATA", raising=False)
    with pytest.raises(ValueError, match=r"mnist is read from the folder .*GENUS_DATA.* not set"):
        load("mnist")
    monkeypatch.setenv("GENUS_DATA", str(small.parent))
    with pytest.raises(ValueError, match=r"mnist is not in .*looked for are the folders mnist"):
        load("mnist")
    assert load("little").name == "little"
    (small.parent / "MNIST").mkdir()
    small.rename(small.parent / "MNIST" / "raw")
    assert load("mnist").name == "mnist"
    with pytest.raises(ValueError, match="binarized_mnist is not in"):
        load("binarized_mnist")


@needs_data
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_real_sets(name):
    if not (Path(str(ROOT)) / name).is_dir():
        pytest.skip(f"GENUS_DATA holds no {name}/")
    data = load(name).labelled()
    assert [len(s) for s in data.splits.values()] == [50_000, 10_000, 10_000]
    assert data.space == Pixels((1, 28, 28))
    if name == "mnist":  # as everybody knows them
        assert data.train.everything()[1][:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
        assert data.test.everything()[1][:5].tolist() == [7, 2, 1, 0, 4]
        assert ((data.train.everything()[0] + 1) / 2).mean().item() == pytest.approx(
            0.1307, abs=1e-3
        )


@needs_data
def test_the_real_binarised_set():
    if not (Path(str(ROOT)) / "binarized_mnist").is_dir():
        pytest.skip("GENUS_DATA holds no binarized_mnist/")
    data = load("binarized_mnist")
    assert [len(s) for s in data.splits.values()] == [50_000, 10_000, 10_000]
    assert data.train.everything()[0].mean().item() == pytest.approx(0.13, abs=0.01)
