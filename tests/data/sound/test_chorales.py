"""Piano rolls: which keys sound when, how long a piece is, and the toy of chords."""

import gzip
import json
import os
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from genus.core import Bits, Classes
from genus.data import load
from genus.data.sound.chorales import CHORDS, FILE, NEXT

PIECES = {"train": [[[21, 60], [], [108]]], "valid": [[[60]]], "test": [[[60], [62, 64]]]}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    place = tmp_path / "jsb_chorales"
    place.mkdir()
    (place / FILE).write_text(json.dumps(PIECES))
    monkeypatch.setenv("GENUS_DATA", str(tmp_path))
    return place


def test_a_note_is_a_key_of_a_step(folder):
    data = load("chorales")
    assert (data.space, data.context_space) == (Bits((160, 88)), Classes(161))
    x, steps = data.train.everything()
    assert x.nonzero().tolist() == [[0, 0, 0], [0, 0, 39], [0, 2, 87]]
    assert steps.tolist() == [3]
    assert data.test.everything()[1].tolist() == [2]


def test_it_may_be_packed(folder):
    (folder / f"{FILE}.gz").write_bytes(gzip.compress((folder / FILE).read_bytes()))
    known = load("chorales").fingerprint
    (folder / FILE).unlink()
    assert load("chorales").fingerprint == known


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (json.dumps(PIECES | {"test": [[[20]]]}), "has note 20; a piano has 21 to 108"),
        (json.dumps(PIECES | {"test": [[[60]] * 161]}), "a piece has 161 steps; at most 160"),
        (json.dumps({"train": []}), "has no test, valid; train, valid and test are wanted"),
        ("{", "is damaged"),
    ],
)
def test_what_is_no_chorale_is_refused(folder, content, said):
    (folder / FILE).write_text(content)
    with pytest.raises(ValueError, match=said):
        load("chorales")


def test_toys_are_chords_that_may_follow_each_other():
    x, steps = load("chorale_toys").train.everything()
    assert set(steps.tolist()) == {4, 5, 6, 7, 8}
    chords = [{note % 12 for note in chord} for chord in CHORDS]
    for row, length in zip(x[:50], steps[:50].tolist(), strict=True):
        assert (row.sum(1) > 0).tolist() == [True] * length + [False] * (8 - length)
        sounding = [{(key + 21) % 12 for key in step.nonzero()[:, 0].tolist()} for step in row]
        path = [[k for k, chord in enumerate(chords) if notes <= chord] for notes in sounding]
        assert all(path[:length])
        for before, after in pairwise(path[:length]):
            assert any(b in NEXT[a] for a in before for b in after)


def test_toys_differ_between_splits_and_not_between_calls():
    one, other = load("chorale_toys"), load("chorale_toys")
    assert one.fingerprint == other.fingerprint
    assert not torch.equal(one.train.everything()[0][:100], one.validation.everything()[0])


def test_the_chorales_themselves():
    root = os.environ.get("GENUS_DATA")
    if not root or not (Path(root) / "jsb_chorales").is_dir():
        pytest.skip("GENUS_DATA is not set, or has no chorales")
    data = load("chorales")
    assert [len(split) for split in data.splits.values()] == [229, 76, 77]
    totals = [int(split.everything()[1].sum()) for split in data.splits.values()]
    assert totals == [13807, 4602, 4725]
    x, steps = data.test.everything()
    silent = torch.arange(160) >= steps[:, None]
    assert not x[silent].any()
    assert x.sum(2).max() == 4
