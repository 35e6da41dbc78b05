"""Tables: headers, labels, and what is refused at which line and column."""

import pytest
import torch

from genus.core import Bits, Classes, Reals
from genus.data import load

ROWS = "".join(f"{i},{i * i / 7:.3f},-1e-{i}\n" for i in range(20))
LABELLED = "".join(f"{i},{'ab'[i % 2]},{i / 3:.4f}\n" for i in range(20))


def of(text, path, **options):
    (path / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path / "t.csv", **options)


def all_rows(data):
    return torch.cat([split.everything()[0] for split in data.splits.values()])


@pytest.mark.parametrize(
    "text",
    [
        ROWS,
        "one,two,three\n" + ROWS,
        ROWS.replace(",", ";"),
        "one\ttwo\tthree\n" + ROWS.replace(",", "\t"),
        ROWS.replace("\n", "\r\n") + "\r\n",
        b"\xef\xbb\xbf" + ROWS.encode(),
        "".join('"' + line.replace(",", '","') + '"\n' for line in ROWS.split()),
    ],
)
def test_numbers_are_rows(tmp_path, text):
    data = of(text, tmp_path)
    assert data.name == "t"
    assert data.space == Reals((3,))
    assert [len(s) for s in data.splits.values()] == [16, 2, 2]
    want = torch.tensor([[float(c) for c in line.split(",")] for line in ROWS.split()])
    rows = all_rows(data)
    torch.testing.assert_close(rows[rows[:, 0].argsort()], want)


def test_the_same_rows_are_cut_out_each_time(tmp_path):
    assert of(ROWS, tmp_path).fingerprint == of("a,b,c\n" + ROWS, tmp_path).fingerprint


def test_zeros_and_ones_are_bits(tmp_path):
    assert of("0,1\n1,1\n0,0\n1,0\n", tmp_path).space == Bits((2,))


@pytest.mark.parametrize(
    ("header", "label"), [("", "2"), ("", "-2"), ("n,kind,v\n", "kind"), ("n,kind,v\n", "2")]
)
def test_a_column_of_labels(tmp_path, header, label):
    data = of(header + LABELLED, tmp_path, label=label).labelled()
    assert data.space == Reals((2,))
    assert data.class_names == ("a", "b")
    assert data.context_space == Classes(2)
    x, given = data.train.everything()
    assert torch.equal(x[:, 0].long() % 2, given)


def test_labels_that_are_numbers_keep_their_order(tmp_path):
    text = "".join(f"{i}.5,{(i % 3) * 5}\n" for i in range(12))
    assert of(text, tmp_path, label="-1").class_names == ("0", "5", "10")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n3,\n5,6\n", r"line 3, column 2 \(b\): a value is missing"),
        ("1,2\n3,NaN\n5,6\n", "line 2, column 2: a value is missing"),
        ("1,2\n3,?\n5,6\n", "line 2, column 2: a value is missing"),
        ("1,2\n3,inf\n5,6\n", "line 2, column 2: inf is not finite"),
        ("1,2\n3,x\n5,6\n", "line 2, column 2: 'x' is not a number; .* say label=2"),
        ("1,2\n3\n5,6\n", "line 2 has 1 columns, the first has 2"),
        ("a,b\n", "has no rows"),
        ("a,b,c\n1,2\n3,4\n5,6\n", "the header has 3 columns, line 2 2"),
        ("", "has no rows"),
        ("1,2\n3,4\n", "rows to learn from: 2"),
        (b"\xff\xfe\x00\x00", "is not a table of text"),
    ],
)
def test_faulty_tables(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        of(text, tmp_path)


@pytest.mark.parametrize(
    ("text", "label", "words"),
    [
        ("n,kind,v\n" + LABELLED, "sort", "no one column 'sort' for labels; its columns are n, k"),
        (LABELLED, "4", "no one column '4' for labels; it has 3 columns"),
        (LABELLED, "0", "no one column '0'"),
        ("1,a\n2,\n3,b\n", "2", "line 2 has no label"),
        ("a\nb\na\n7\n", "1", "has no column but the label"),
    ],
)
def test_faulty_labels(tmp_path, text, label, words):
    with pytest.raises(ValueError, match=words):
        of(text, tmp_path, label=label)
