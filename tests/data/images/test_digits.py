"""The embedded digits: what they are, and that they stay the same for ever."""

import torch
from sklearn.datasets import load_digits

from genus.core import Pixels, Reals
from genus.data import load


def test_digits_are_scikit_learns():
    data = load("digits")
    assert data.space == Pixels((1, 8, 8), 17)
    assert data.context_space is None
    assert [len(s) for s in data.splits.values()] == [1297, 200, 300]
    levels, target = load_digits(return_X_y=True)
    want = sorted((*row, y) for row, y in zip(levels.tolist(), target.tolist(), strict=True))
    found = []
    for split in data.splits.values():
        x, label = split.labelled().everything()
        rows = data.space.indices(x).flatten(1).tolist()
        found += [(*map(float, row), y) for row, y in zip(rows, label.tolist(), strict=True)]
    assert sorted(found) == want


def test_the_split_never_changes():
    want = "a573e6b67dbb617af5898b633bb04a359c82c4ecdda8f1b2ffd07763b53dc024"
    assert load("digits").fingerprint == want


def test_each_split_holds_each_class_in_the_same_share():
    for split in load("digits").splits.values():
        shares = torch.bincount(split.labels, minlength=10) / len(split)
        assert (shares - 0.1).abs().max() < 0.01


def test_pairs_are_digits_and_their_coarse_selves():
    data = load("digits_pairs")
    assert data.name == "digits_pairs"
    assert data.context_space == Reals((1, 8, 8))
    x, context = data.test.everything()
    assert torch.equal(x, load("digits").test.everything()[0])
    assert torch.equal(context[:, :, ::2, ::2], context[:, :, 1::2, 1::2])
    torch.testing.assert_close(context.mean((1, 2, 3)), x.mean((1, 2, 3)))


def test_stages_are_digits_above_their_coarse_selves():
    data = load("digits_stages")
    assert data.name == "digits_stages"
    assert data.space == Pixels((2, 8, 8), 17)
    x, context = data.test.everything()
    assert torch.equal(x[:, 1:], load("digits").test.everything()[0])
    pairs = load("digits_pairs").test.everything()[1]
    assert torch.equal(x[:, :1], Pixels((1, 8, 8), 17).quantise(pairs))
    assert context[0, 0].unique().numel() <= 4
