"""The faces of two hands, as folders that a test writes, and as they are where GENUS_DATA has them."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from genus.core import Attributes, Classes, Pixels
from genus.data import load
from genus.data.published import avatars
from genus.errors import Refused

ROOT = os.environ.get("GENUS_DATA")


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Twelve faces of one hand and six of the other, whose colour tells their number."""
    monkeypatch.setenv("GENUS_DATA", str(tmp_path))
    monkeypatch.setenv("GENUS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(avatars, "TEST", {"micah": 3, "toonhead": 1})
    for hand, count in (("micah", 12), ("toonhead", 6)):
        folder = tmp_path / "avatars" / hand
        folder.mkdir(parents=True)
        lines = ["file_name,glasses,hair"]
        for i in range(count):
            Image.fromarray(np.full((8, 8, 3), 10 * i, np.uint8)).save(folder / f"{i:05}.png")
            lines.append(f"{i:05}.png,{('none', 'round')[i % 2]},{('full', 'bun')[i // 2 % 2]}")
        (folder / "metadata.csv").write_text("\n".join(lines))
    return tmp_path / "avatars"


def numbers(split):
    """The numbers of the faces of a split."""
    x = split.everything()[0]
    return (((x[:, 0, 0, 0] + 1) * 127.5) / 10).round().int().tolist()


def test_the_last_faces_are_the_test_split(small):
    data = load("micah?size=8")
    assert data.space == Pixels((3, 8, 8))
    assert numbers(data.train) == [0, 1, 2, 3, 4, 5]
    assert numbers(data.validation) == [6, 7, 8]
    assert numbers(data.test) == [9, 10, 11]


def test_attributes_are_the_context(small):
    data = load("micah").labelled()
    assert data.context_space == Attributes((2, 2))
    assert data.attributes == {"glasses": ("none", "round"), "hair": ("bun", "full")}
    assert data.train.everything()[1].tolist()[:3] == [[0, 1], [1, 1], [0, 0]]


def test_one_attribute_is_the_label(small):
    data = load("micah?label=glasses")
    assert data.class_names == ("none", "round")
    assert data.labelled().context_space == Classes(2)
    assert data.test.labels is not None
    assert data.test.labels.tolist() == [1, 0, 1]
    with pytest.raises(Refused, match=r"metadata.csv: line 2 has no beard; it has file_name, gl"):
        load("micah?label=beard")


def test_both_hands_are_classes_or_domains(small):
    data = load("avatars?size=8")
    assert data.class_names == ("micah", "toonhead")
    assert data.train.labels is not None
    assert data.train.labels.tolist() == [0] * 6 + [1] * 4
    assert numbers(data.train) == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3]
    domains = load("avatars?kind=domains")
    assert domains.unpaired
    assert domains.class_names == ("micah", "toonhead")
    x, context = domains.train.batch(0, 64, 0)
    assert set(((x[:, 0, 0, 0] + 1) * 12.75).round().int().tolist()) == {0, 1, 2, 3}
    assert set(((context[:, 0, 0, 0] + 1) * 12.75).round().int().tolist()) == {0, 1, 2, 3, 4, 5}


def test_a_part_of_the_faces_is_refused(small):
    for path in list((small / "micah").glob("*.png"))[5:]:
        path.unlink()
    with pytest.raises(Refused, match="5 usable pictures of 5; micah has 24; get it whole"):
        load("micah")
    with pytest.raises(Refused, match="size is 0"):
        load("toonhead?size=0")


@pytest.mark.skipif(
    not ROOT or not os.path.isdir(os.path.join(ROOT, "avatars")),
    reason="GENUS_DATA names no folder that holds avatars/, so the avatars are not tested",
)
def test_the_faces_themselves(tmp_path, monkeypatch):
    monkeypatch.setenv("GENUS_CACHE", str(tmp_path))
    data = load("toonhead?size=16")
    assert [len(split) for split in data.splits.values()] == [3000, 500, 500]
    assert len(data.attributes) == 11
    assert data.train.batch(0, 4, 0)[0].shape == (4, 3, 16, 16)
    assert torch.unique(data.train.everything()[0]).numel() > 200
