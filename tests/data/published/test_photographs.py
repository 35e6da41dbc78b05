"""CIFAR-10's first pictures and the Frey faces, as files that a test writes, and as they are."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genus.core import Pixels
from genus.data import load
from genus.errors import Refused

ROOT = os.environ.get("GENUS_DATA")


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Four files of a thousand pictures: the first pixel of each tells its number."""
    monkeypatch.setenv("GENUS_DATA", str(tmp_path))
    folder = tmp_path / "cifar10"
    folder.mkdir()
    for i in range(4):
        rows = np.zeros((1000, 1024, 3), np.uint8)
        rows[:, 0, 0] = np.arange(1000) % 256
        rows[:, 0, 1] = np.arange(1000) // 256 + 4 * i
        Image.fromarray(rows).save(folder / f"cifar10_batch_{i}.png")
    (folder / "labels_first4000.txt").write_text("\n".join(str(i % 10) for i in range(4000)))
    return folder


def test_pictures_stay_in_their_order(small):
    data = load("cifar10")
    assert data.space == Pixels((3, 32, 32))
    assert [len(split) for split in data.splits.values()] == [3400, 300, 300]
    x = data.test.everything()[0]
    levels = ((x[:, :2, 0, 0] + 1) * 127.5).round().int()
    first = levels[:, 0] + 256 * (levels[:, 1] % 4) + 1000 * (levels[:, 1] // 4)
    assert first.tolist() == list(range(3700, 4000))
    assert data.test.labels is not None
    assert data.test.labels.tolist() == [i % 10 for i in range(3700, 4000)]
    assert data.class_names[6] == "frog"


def test_a_missing_or_damaged_file_is_named(small):
    (small / "labels_first4000.txt").write_text("six")
    with pytest.raises(Refused, match=r"labels_first4000.txt: whole numbers are wanted"):
        load("cifar10")
    Image.new("RGB", (32, 32)).save(small / "cifar10_batch_2.png")
    with pytest.raises(Refused, match=r"cifar10_batch_2.png: is 32 x 32 pixels; 1024 x 1000"):
        load("cifar10")
    (small / "cifar10_batch_1.png").unlink()
    with pytest.raises(Refused, match="cifar10 is not in"):
        load("cifar10")


def test_frey_faces_are_divided_at_random(tmp_path, monkeypatch):
    monkeypatch.setenv("GENUS_DATA", str(tmp_path))
    (tmp_path / "frey_faces").mkdir()
    faces = np.zeros((1965, 28, 20), np.uint8)
    faces[:, 0, 0], faces[:, 0, 1] = np.arange(1965) % 256, np.arange(1965) // 256
    np.savez(tmp_path / "frey_faces" / "frey_faces.npz", images=faces)
    data = load("frey_faces")
    parts = []
    for split in data.splits.values():
        levels = ((split.everything()[0][:, 0, 0, :2] + 1) * 127.5).round().int()
        parts.append((levels[:, 0] + 256 * levels[:, 1]).tolist())
    assert [len(part) for part in parts] == [1565, 200, 200]
    assert sorted([*parts[0], *parts[1], *parts[2]]) == list(range(1965))
    assert parts[2] != sorted(parts[2])
    np.savez(tmp_path / "frey_faces" / "frey_faces.npz", images=faces[:5])
    with pytest.raises(Refused, match="holds no array images of"):
        load("frey_faces")


@pytest.mark.parametrize(("name", "rows"), [("cifar10", 3400), ("frey_faces", 1565)])
def test_as_they_are(name, rows):
    if not ROOT or not (Path(ROOT) / name).is_dir():
        pytest.skip(f"GENUS_DATA holds no {name}/")
    data = load(name)
    assert len(data.train) == rows
    assert data.train.everything()[0].unique().numel() > 200
