"""Tables of bits: rows stay in the split that their source gave them."""

import gzip
import os
from pathlib import Path

import pytest
import torch

from genus.core import Bits
from genus.data import load

SHAPES = {
    "accidents": (111, 12758, 1700, 2551),
    "dna": (180, 1600, 400, 1186),
    "mushrooms": (112, 2000, 500, 5624),
    "nltcs": (16, 16181, 2157, 3236),
    "plants": (69, 17412, 2321, 3482),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """dna of three bits: one file packed, two as they are."""
    place = tmp_path / "debd/dna"
    place.mkdir(parents=True)
    (place / "dna.train.data.gz").write_bytes(gzip.compress(b"0,1,1\n1,0,0\n"))
    (place / "dna.valid.data").write_bytes(b"1,1,1\n")
    (place / "dna.test.data").write_bytes(b"0,0,0\n0,0,1\n0,1,0\n")
    monkeypatch.setenv("GENUS_DATA", str(tmp_path))
    return place


def test_rows_stay_in_their_split(folder):
    data = load("dna")
    assert (data.name, data.space, data.context_space) == ("dna", Bits((3,)), None)
    assert torch.equal(data.train.everything()[0], torch.tensor([[0.0, 1, 1], [1, 0, 0]]))
    assert data.validation.everything()[0].tolist() == [[1, 1, 1]]
    assert data.test.everything()[0].tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0]]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("dna.valid.data", None, "there is no dna.valid.data or dna.valid.data.gz in"),
        ("dna.valid.data", b"0,1,2\n", "must hold rows of as many zeros and ones"),
        ("dna.valid.data", b"0,1,1\n0,1\n", "must hold rows of as many zeros and ones"),
        ("dna.valid.data", b"", "must hold rows of as many zeros and ones"),
        ("dna.valid.data", b"0,1\n", r"its splits have \[2, 3\] columns"),
        ("dna.train.data.gz", b"0,1,1\n", "is damaged"),
    ],
)
def test_what_is_no_table_is_refused(folder, file, content, said):
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(ValueError, match=said):
        load("dna")


@pytest.mark.parametrize("name", SHAPES)
def test_the_tables_themselves(name):
    root = os.environ.get("GENUS_DATA")
    if not root or not (Path(root) / "debd" / name).is_dir():
        pytest.skip("GENUS_DATA is not set, or has no such table")
    data = load(name)
    d, *rows = SHAPES[name]
    assert data.space == Bits((d,))
    assert [len(split) for split in data.splits.values()] == rows
    if name == "dna":  # three bits a base, of which at most one is set
        assert data.train.everything()[0].unflatten(1, (60, 3)).sum(2).max() == 1
