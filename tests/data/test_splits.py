"""Rows: epochs, batches as functions of their number, and what a split refuses."""

import hashlib

import pytest
import torch

from genus.core import Bits, Classes, Pixels, Reals, Tokens
from genus.data import Rows
from genus.data.splits import digest, stream


def numbers(n, **options):
    return Rows(torch.arange(n)[:, None].float(), Reals((1,)), **options)


@pytest.mark.parametrize(("n", "size"), [(10, 5), (10, 3), (7, 7), (5, 12), (1, 4)])
def test_each_epoch_sees_each_row_exactly_once(n, size):
    rows = numbers(n)
    epochs = 6
    count = epochs * n // size + 1
    seen = torch.cat([rows.batch(i, size, 3)[0] for i in range(count)]).flatten().long()
    for epoch in seen[: epochs * n].split(n):
        assert sorted(epoch.tolist()) == list(range(n))


def test_epochs_and_seeds_come_in_different_orders():
    rows = numbers(50)
    first, second = rows.batch(0, 50, 0)[0], rows.batch(1, 50, 0)[0]
    assert not torch.equal(first, second)
    assert not torch.equal(first, rows.batch(0, 50, 1)[0])
    assert not torch.equal(first.flatten(), torch.arange(50.0))


def test_orders_are_fair():
    """Over many epochs each row comes first equally often: chi-square, 9 degrees of freedom."""
    rows = numbers(10)
    first = torch.stack([rows.batch(i, 10, 0)[0][0, 0] for i in range(2000)]).long()
    counts = torch.bincount(first, minlength=10).double()
    assert ((counts - 200) ** 2 / 200).sum() < 40  # p < 1e-5


def test_a_batch_is_a_function_of_its_number():
    rows, other = numbers(23), numbers(23)
    forwards = [rows.batch(i, 4, 7)[0] for i in range(40)]
    backwards = [other.batch(i, 4, 7)[0] for i in reversed(range(40))][::-1]
    assert all(torch.equal(a, b) for a, b in zip(forwards, backwards, strict=True))
    torch.manual_seed(1)
    assert torch.equal(rows.batch(5, 4, 7)[0], forwards[5])


def test_batches_leave_the_global_stream_alone():
    torch.manual_seed(5)
    want = torch.rand(3)
    torch.manual_seed(5)
    numbers(9).batch(2, 4, 0)
    assert torch.equal(torch.rand(3), want)


def test_everything_is_in_order():
    rows = numbers(9)
    assert rows.everything()[0].flatten().tolist() == list(range(9))
    assert len(rows) == 9


def test_labels_and_rows_stay_together():
    rows = numbers(30, labels=torch.arange(30) % 4, classes=4).labelled()
    assert rows.context_space == Classes(4)
    for i in range(20):
        x, label = rows.batch(i, 7, 0)
        assert torch.equal(x.flatten().long() % 4, label)
    assert torch.equal(rows.labelled().batch(3, 7, 0)[1], rows.batch(3, 7, 0)[1])


@pytest.mark.parametrize(
    ("x", "space", "kept"),
    [
        (torch.tensor([[-1.0, 0.0, 1.0]]), Pixels((3,), 17), torch.uint8),
        (torch.tensor([[0.0, 1.0, 1.0]]), Bits((3,)), torch.uint8),
        (torch.tensor([[3, 0, 4]]), Tokens(5, 3), torch.int64),
        (torch.tensor([[0.25, -7.0, 1.0]]), Reals((3,)), torch.float32),
        (2 * torch.arange(0, 999, 333.0)[None] / 999 - 1, Pixels((3,), 1000), torch.float32),
    ],
)
def test_values_come_back_as_they_went_in(x, space, kept):
    rows = Rows(x, space)
    assert rows.rows.dtype == kept
    torch.testing.assert_close(rows.everything()[0], x)
    space.check(rows.everything()[0], "rows")


def test_bytes_are_levels():
    x = Rows(torch.tensor([[0, 8, 16]], dtype=torch.uint8), Pixels((3,), 17)).everything()[0]
    assert x.tolist() == [[-1, 0, 1]]
    with pytest.raises(ValueError, match="level of 17"):
        Rows(torch.tensor([[0, 8, 17]], dtype=torch.uint8), Pixels((3,), 17))
    with pytest.raises(ValueError, match=r"shape \(1, 3\); it must be \(n, \*\(2,\)\)"):
        Rows(torch.tensor([[0, 8, 16]], dtype=torch.uint8), Pixels((2,), 17))


def test_fingerprint_changes_with_content_only():
    x, labels = torch.rand(6, 2), torch.tensor([0, 1, 1, 0, 1, 0])
    rows = Rows(x, Reals((2,)), labels=labels, classes=2)
    same = Rows(x.clone(), Reals((2,)), labels=labels.clone(), classes=2, name="other")
    assert rows.fingerprint == same.fingerprint != rows.labelled().fingerprint
    moved = x.clone()
    moved[3, 1] += 1e-6
    others = [
        Rows(moved, Reals((2,)), labels=labels, classes=2),
        Rows(x.flip(0), Reals((2,)), labels=labels, classes=2),
        Rows(x, Reals((2,)), labels=1 - labels, classes=2),
        Rows(x, Reals((2,))),
        Rows(x.reshape(6, 1, 2), Reals((1, 2)), labels=labels, classes=2),
    ]
    assert len({rows.fingerprint, *(other.fingerprint for other in others)}) == 6


def test_digest_is_sha256():
    x = torch.tensor([[1, 2], [3, 4]], dtype=torch.uint8)
    assert digest(x) == hashlib.sha256(b"torch.uint8 (2, 2)\1\2\3\4").hexdigest()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: numbers(0), "there are no rows"),
        (lambda: numbers(3, labels=torch.zeros(2).long(), classes=1), "3 rows and 2 labels"),
        (lambda: numbers(2, labels=torch.tensor([0, 2]), classes=2), r"outside 0 \.\. 1"),
        (lambda: numbers(2).labelled(), "has no labels, and a conditional model wants them"),
        (lambda: Rows(torch.tensor([[torch.nan]]), Reals((1,))), "not finite"),
    ],
)
def test_rows_refuse(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_streams_of_different_keys_differ():
    draws = [
        torch.rand(4, generator=stream(*key)).tolist()
        for key in [("a", 0, 1), ("a", 1, 0), ("a", 0, 11), ("a", 0, "1"), ("b", 0, 1), ("a0", 1)]
    ]
    assert len({tuple(d) for d in draws}) == 6
    assert torch.rand(4, generator=stream("a", 0, 1)).tolist() == draws[0]


def test_a_view_has_a_fingerprint_of_its_own_whenever_it_is_asked():
    rows = Rows(torch.rand(6, 2), Reals((2,)), labels=torch.arange(6) % 3, classes=3)
    before = rows.labelled().fingerprint
    own = rows.fingerprint  # what was found for the rows is not taken along
    assert rows.labelled().fingerprint == before != own
