"""Tables in folds: which columns stay, who tests, and in what unit."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from genus.core import Reals
from genus.data import load
from genus.data.published.uci import features

SHAPES = {"red_wine": (1599, 11), "white_wine": (4898, 11), "housing": (506, 10)}
SHAPES["ionosphere"] = (351, 32)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A table of 53 rows: two numbers, a whole one, the first again, and a target."""
    noise = np.random.default_rng(0)
    x = noise.normal(3, 2, size=(53, 2))
    whole, target = noise.integers(0, 9, size=(2, 53))
    columns = [x[:, 0], whole, x[:, 1], 2 * x[:, 0] + 1e-3 * x[:, 1], target]
    (tmp_path / "uci").mkdir()
    np.savetxt(tmp_path / "uci/housing.csv", np.stack(columns, 1), delimiter=",", fmt="%.9g")
    monkeypatch.setenv("GENUS_DATA", str(tmp_path))
    return x


def test_features_that_have_no_density_are_left_out(folder):
    data = load("housing")
    assert data.space == Reals((2,))
    assert data.name == "housing"


def test_of_two_features_that_are_alike_the_second_is_left_out():
    x = np.random.default_rng(0).normal(size=(200, 3))
    near = np.stack([x[:, 0], -x[:, 0] + 0.1 * x[:, 1], x[:, 2], x[:, 0] + 0.3 * x[:, 1]], 1)
    assert features(near).tolist() == near[:, [0, 2, 3]].tolist()  # -0.995, 0, 0.96


def test_each_row_tests_in_one_fold_and_validates_in_the_next(folder):
    """Told by the first feature, whose unit is undone."""
    tests, validations = [], []
    for fold in range(10):
        data = load("housing", fold=fold)
        parts = {name: split.everything()[0].double() for name, split in data.splits.items()}
        assert sum(map(len, parts.values())) == 53
        torch.testing.assert_close(
            parts["train"].mean(0), torch.zeros(2).double(), atol=1e-6, rtol=0
        )
        std = parts["train"].std(0, correction=0)
        torch.testing.assert_close(std, torch.ones(2).double(), atol=1e-6, rtol=0)
        everything = torch.cat([*parts.values()])[:, 0]
        first = torch.from_numpy(np.sort(folder[:, 0]))
        torch.testing.assert_close(  # the same rows, in a unit of the fold's own
            (everything.sort().values - everything.mean()) / everything.std(),
            (first - first.mean()) / first.std(),
            rtol=0,
            atol=1e-5,
        )
        scale = first.std() / everything.std()
        back = {k: (v[:, 0] - everything.mean()) * scale + first.mean() for k, v in parts.items()}
        tests.append({round(v, 4) for v in back["test"].tolist()})
        validations.append({round(v, 4) for v in back["validation"].tolist()})
    assert [len(rows) for rows in tests] == [6, 6, 6] + [5] * 7
    assert len(set.union(*tests)) == 53
    assert validations == [*tests[1:], tests[0]]


def test_a_fold_can_stand_in_the_name(folder):
    one, other = load("housing?fold=3"), load("housing", fold=3)
    assert one.name == "housing?fold=3"
    assert one.fingerprint == other.fingerprint != load("housing").fingerprint
    assert load(one.name).fingerprint == one.fingerprint


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("housing?fold=10", "housing: fold is 10; 0 to 9 are wanted"),
        ("red_wine", "red_wine: there is no winequality-red.csv in"),
        ("housing?label=1", "housing takes no option label; it takes fold"),
        ("digits?fold=1", "digits takes no option fold"),
        ("housing?fold=first", "fold is 'first'; a whole number is wanted"),
    ],
)
def test_refusals(folder, source, words):
    with pytest.raises(ValueError, match=words):
        load(source)


@pytest.mark.parametrize("name", SHAPES)
def test_the_tables_themselves(name):
    root = os.environ.get("GENUS_DATA")
    if not root or not any((Path(root) / part).is_dir() for part in ("uci_small", "uci")):
        pytest.skip("GENUS_DATA is not set, or has no tables")
    data = load(name)
    assert data.space == Reals(SHAPES[name][1:])
    assert sum(len(split) for split in data.splits.values()) == SHAPES[name][0]
    assert len(data.test) == -(-SHAPES[name][0] // 10)
