"""Stacked digits: channels are real digits, batches functions of their number, all modes alike."""

import pytest
import torch
from laws import within

from genus.core import Classes, Pixels, Reals
from genus.data import Rows, load
from genus.data.images.stacked import Stacked, number_of, stacked


@pytest.fixture(scope="module")
def data():
    return load("stacked_digits")


def test_it_is_a_data_set_of_a_thousand_classes(data):
    assert data.space == Pixels((3, 8, 8), 17)
    assert data.classes == 1000
    for split in data.splits.values():
        (x,) = split.batch(0, 5, 0)
        data.space.check(x, split.name)
        assert len(split.everything()[0]) == len(split) == len(split.labels)


def test_each_channel_is_a_digit_of_its_own_split_with_its_label(data):
    digits = load("digits")
    for name, split in data.splits.items():
        x, number = split.labelled().batch(3, 40, 1)
        (rows,), labels = digits.splits[name].everything(), digits.splits[name].labels
        for image, one in zip(x, number.tolist(), strict=True):
            for channel, label in zip(image, (one // 100, one // 10 % 10, one % 10), strict=True):
                same = (rows[:, 0] == channel).flatten(1).all(1)
                assert label in labels[same].tolist()


def test_a_batch_is_a_function_of_its_number_its_seed_and_its_split(data):
    def batch(split="train", number=2, seed=0):
        return data.splits[split].batch(number, 6, seed)[0]

    assert torch.equal(batch(), load("stacked_digits").train.batch(2, 6, 0)[0])
    for other in (batch(number=3), batch(seed=1), batch("test")):
        assert not torch.equal(batch(), other)
    fixed = data.test.everything()[0]
    assert torch.equal(fixed, load("stacked_digits").test.everything()[0])


def test_channels_are_drawn_on_their_own(data):
    """Shares of the digits' own classes in each channel, and of pairs their product."""
    number = data.train.labelled().batch(0, 60_000, 0)[1]
    shares = load("digits").train.labels.bincount().double() / len(load("digits").train)
    hundreds, tens, ones = number // 100, number // 10 % 10, number % 10
    for column in (hundreds, tens, ones):
        for label in range(10):
            within((column == label).double(), shares[label].item())
    within(((hundreds == 3) & (ones == 7)).double(), (shares[3] * shares[7]).item())
    assert len(number.unique()) == 1000


def test_the_first_channel_is_the_hundreds():
    assert number_of(torch.tensor([[1, 2, 3], [9, 0, 9]]), 10).tolist() == [123, 909]


def test_the_context_is_the_number(data):
    view = data.labelled()
    assert view.context_space == Classes(1000)
    x, number = view.test.everything()
    assert torch.equal(x, data.test.everything()[0])
    assert torch.equal(number, data.test.labels)
    assert data.context_space is None


def test_the_fingerprint_is_the_digits_and_the_splits(data):
    prints = {split.fingerprint for split in data.splits.values()}
    assert len(prints) == 3
    assert stacked(load("digits"), "other").train.fingerprint not in prints


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (Rows(torch.zeros(4, 1, 2, 2), Pixels((1, 2, 2), 3)), "labelled rows of one channel"),
        (
            Rows(torch.ones(4, 3, 2, 2), Pixels((3, 2, 2), 3), labels=torch.arange(4), classes=4),
            "labelled rows of one channel",
        ),
        (
            Rows(torch.ones(4, 1, 2, 2), Reals((1, 2, 2)), labels=torch.arange(4), classes=4),
            "Pixels are wanted",
        ),
    ],
)
def test_refuses(rows, message):
    with pytest.raises(ValueError, match=message):
        Stacked(rows, "mine")
