"""PartlyLabelled: which labels are shown, and that no other one is."""

import pytest
import torch

from genus.core import Bits, Pixels
from genus.data.labels.partly import UNKNOWN, PartlyLabelled, SomeRows
from genus.data.splits import Rows
from genus.data.views import binarised
from genus.errors import Refused


def rows(n: int = 60, classes: int = 3, labels: bool = True) -> Rows:
    """Rows whose first numbers tell which they are."""
    x = torch.arange(n)[:, None].expand(n, 4).to(torch.uint8)
    kinds = torch.arange(n) % classes if labels else None
    split = Rows(x, Pixels((4,), 256), labels=kinds, classes=classes if labels else 0)
    return split.labelled() if labels else split


def number(x: torch.Tensor) -> torch.Tensor:
    return Pixels((4,), 256).indices(x)[:, 0]


def test_as_many_labels_of_each_class_are_shown_and_they_are_right():
    split = PartlyLabelled(rows(), 12, seed=1)
    x, y = split.everything()
    assert len(split) == len(x) == 60
    assert torch.equal(number(x), torch.arange(60))
    assert (y == UNKNOWN).sum() == 48
    shown = y != UNKNOWN
    assert torch.equal(y[shown], number(x)[shown] % 3)
    assert torch.equal(y[shown].bincount(), torch.tensor([4, 4, 4]))
    some = torch.tensor([7, 3, 50])
    assert torch.equal(split.take(some)[1], y[some])
    assert split.labelled_share == 12 / 60


def test_a_batch_has_its_share_of_labels_and_no_row_is_in_both_parts():
    split = PartlyLabelled(rows(), 12, seed=1, share=0.25)
    known, hidden = [], []
    for k in range(12):
        x, y = split.batch(k, 16, seed=5)
        assert torch.equal(y[:4], number(x)[:4] % 3)
        assert (y[4:] == UNKNOWN).all()
        known.append(number(x)[:4])
        hidden.append(number(x)[4:])
    assert torch.equal(torch.cat(known[:3]).sort().values, split.known.rows)  # each once an epoch
    assert torch.equal(torch.cat(hidden[:4]).sort().values, split.hidden.rows)
    assert len({*split.known.rows.tolist()} & {*split.hidden.rows.tolist()}) == 0


def test_batches_follow_their_number_and_seed():
    split = PartlyLabelled(rows(), 12)
    again = PartlyLabelled(rows(), 12)
    for part, same in zip(split.batch(3, 8, 1), again.batch(3, 8, 1), strict=True):
        assert torch.equal(part, same)
    assert not torch.equal(split.batch(3, 8, 1)[0], split.batch(3, 8, 2)[0])


def test_a_seed_chooses_the_rows_and_the_fingerprint_knows():
    first, second = (PartlyLabelled(rows(), 12, seed) for seed in (0, 1))
    assert not torch.equal(first.known.rows, second.known.rows)
    prints = {first.fingerprint, second.fingerprint, PartlyLabelled(rows(), 15).fingerprint}
    assert len(prints) == 3
    assert first.fingerprint == PartlyLabelled(rows(), 12, 0).fingerprint
    assert first.labels is None  # nothing else may give the hidden ones away


def test_even_a_small_share_shows_one_row():
    y = PartlyLabelled(rows(), 3, share=0.01).batch(0, 8, 0)[1]
    assert (y != UNKNOWN).sum() == 1
    assert len(PartlyLabelled(rows(), 3, share=0.9).batch(0, 1, 0)[1]) == 1


def test_bits_are_drawn_behind_it():
    split = binarised(PartlyLabelled(rows(), 12))
    x, y = split.batch(0, 50, 0)
    assert split.space == Bits((4,))
    assert (y != UNKNOWN).sum() == 10
    split.space.check(x, "batch")
    again = [split.batch(6 * k, 50, 0)[0][:10] for k in range(4)]  # the labels in a new order
    assert not all(torch.equal(part, x[:10]) for part in again)


def test_some_rows_are_those_rows():
    some = SomeRows(rows(labels=False), torch.tensor([5, 2, 9]))
    assert torch.equal(number(some.everything()[0]), torch.tensor([5, 2, 9]))
    own = SomeRows(rows(), torch.tensor([5, 2, 9]))
    assert torch.equal(own.labels, torch.tensor([2, 2, 0]))
    assert torch.equal(own.labelled().first(2)[1], torch.tensor([2, 2]))


def test_refusals_say_what_is_wanted():
    with pytest.raises(Refused, match="gives None with each x; classes are wanted"):
        PartlyLabelled(rows(labels=False), 12)
    with pytest.raises(Refused, match="20 labels are asked for; a multiple of 3"):
        PartlyLabelled(rows(), 20)
    with pytest.raises(Refused, match="class 0 has 20 rows; more than 20 are wanted"):
        PartlyLabelled(rows(), 60)
    with pytest.raises(Refused, match="share is 1; a number in"):
        PartlyLabelled(rows(), 12, share=1)
    with pytest.raises(Refused, match="labels is 0; at least 1"):
        PartlyLabelled(rows(), 0)
    with pytest.raises(Refused, match="shows some labels already"):
        PartlyLabelled(rows(), 12).labelled()
    with pytest.raises(Refused, match="no rows are chosen"):
        SomeRows(rows(), torch.tensor([], dtype=torch.int64))
