"""Tables as data: labels, missing values, what is refused, and rows that come back."""

import datetime
import json
from decimal import Decimal

import pytest
import torch

from genus.core import Bits, Classes, Reals, Records
from genus.data import load
from genus.data.tables.columns import Columns
from genus.data.tables.sheets import sheet

ROWS = "".join(f"{i * i / 7:.3f},{(i * 37 % 20) / 3:.4f},-1e-{i}\n" for i in range(20))
LABELLED = "".join(f"{i * 37 % 20 + i * i},{'ab'[i % 2]},{i / 3:.4f}\n" for i in range(20))


def of(text, path, **options):
    (path / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path / "t.csv", **options)


def rows_of(data):
    """All rows as they stand in the file, as numbers."""
    x = torch.cat([split.everything()[0] for split in data.splits.values()])
    return [*zip(*data.columns.decode(x, as_numbers=True).columns, strict=True)]


@pytest.mark.filterwarnings("ignore")
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
    want = sorted(tuple(float(c) for c in line.split(",")) for line in ROWS.split())
    for got, wanted in zip(sorted(rows_of(data)), want, strict=True):
        assert got == pytest.approx(wanted, rel=1e-5, abs=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_training_rows_are_standardised(tmp_path):
    x = of(ROWS, tmp_path).train.everything()[0]
    assert x.mean(0).abs().max() < 1e-6
    assert (x.std(0, correction=0) - 1).abs().max() < 1e-5


@pytest.mark.filterwarnings("ignore")
def test_the_same_rows_are_cut_out_each_time(tmp_path):
    assert of(ROWS, tmp_path).fingerprint == of("a,b,c\n" + ROWS, tmp_path).fingerprint


@pytest.mark.filterwarnings("ignore")
def test_zeros_and_ones_are_bits(tmp_path):
    data = of("0,1\n1,1\n0,0\n1,0\n0,1\n1,1\n0,1\n0,0\n1,1\n0,0\n", tmp_path)
    assert data.space == Bits((2,))
    assert min(rows_of(data)) == (0, 0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("header", "label"), [("", "2"), ("", "-2"), ("n,kind,v\n", "kind"), ("n,kind,v\n", "2")]
)
def test_a_column_of_labels(tmp_path, header, label):
    data = of(header + LABELLED, tmp_path, label=label).labelled()
    assert data.columns.names == (["n", "v"] if header else ["column 1", "column 3"])
    assert data.class_names == ("a", "b")
    assert data.context_space == Classes(2)
    x, given = data.train.everything()
    thirds = torch.tensor(data.columns.decode(x, as_numbers=True).columns[1])
    assert torch.equal((thirds * 3).round().long() % 2, given)


@pytest.mark.filterwarnings("ignore")
def test_labels_that_are_numbers_keep_their_order(tmp_path):
    text = "".join(f"{i * i}.5,{(i % 3) * 5}\n" for i in range(12))
    assert of(text, tmp_path, label="-1").class_names == ("0", "5", "10")


@pytest.mark.filterwarnings("ignore")
def test_missing_values_are_kept_or_their_rows_dropped(tmp_path):
    text = "a,b\n" + "".join(f"{'' if i % 5 == 0 else i / 7:},{i * 3.7}\n" for i in range(50))
    kept = of(text, tmp_path)
    assert isinstance(kept.space, Records)
    assert sum(row[0] is None for row in rows_of(kept)) == 10
    with pytest.warns(UserWarning, match="missing values that were left out: 10"):
        dropped = of(text, tmp_path, missing="drop")
    assert dropped.space == Reals((2,))
    assert len(rows_of(dropped)) == 40


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,2\n3\n5,6\n", "line 2 has 1 columns, the first has 2"),
        ("a,b\n", "has no rows"),
        ("a,b,c\n1\n3\n5\n", "the header has 3 columns, line 2 1"),
        ("", "has no rows"),
        ("1,2\n3,4\n", "rows to learn from: 2"),
        (b"\xff\xfe\x00\x00", "is not a table of text"),
        ("a,b,a\n1,2,3\n4,5,6\n7,8,9\n", "two columns are called 'a'"),
        ('a,b\n1,"2\n3,4\n', "is not a table of text: line"),
        ("a\nfree text one\nanother text\nand a third\n", "no column is left to learn from"),
    ],
)
def test_faulty_tables(tmp_path, text, words):
    with pytest.raises(ValueError, match=words):
        of(text, tmp_path)


@pytest.mark.parametrize(
    ("text", "label", "words"),
    [
        ("n,kind,v\n" + LABELLED, "sort", "no one column 'sort' for labels; its columns are n, k"),
        (LABELLED, "4", "no one column '4' for labels; its columns are column 1"),
        (LABELLED, "0", "no one column '0'"),
        ("1,a\n2,\n3,b\n", "2", "row 2 has no label"),
        ("a\nb\na\n7\n", "1", "has no column but the label"),
    ],
)
def test_faulty_labels(tmp_path, text, label, words):
    with pytest.raises(ValueError, match=words):
        of(text, tmp_path, label=label)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ("d=real", "there is no column 'd'"),
        ("a=colour", "a=colour; category, number"),
        ("a=1..x", "numbers are wanted"),
        ("a=0..1", "holds values from"),
        ("b=real", "'b' is declared a real, and holds 'x'"),
    ],
)
def test_faulty_declarations(tmp_path, columns, words):
    text = "a,b\n" + "".join(f"{i * 1.7},{'xy'[i % 2]}\n" for i in range(20))
    with pytest.raises(ValueError, match=words):
        of(text, tmp_path, columns=columns)


def test_a_packed_table_must_be_alone(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "t.zip", "w") as packed:
        packed.writestr("a.csv", ROWS)
        packed.writestr("b.csv", ROWS)
    with pytest.raises(ValueError, match=r"holds 2 files, a.csv, b.csv; one table is wanted"):
        load(tmp_path / "t.zip")


@pytest.mark.parametrize("name", ["wine", "breast_cancer", "diabetes", "iris"])
def test_built_in_tables(name):
    data = load(name)
    assert data.columns.names[-1] == "target"
    assert len(data.train) > 100


def test_frames_of_both_libraries_are_the_same_table():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    columns = {
        "x": [i * i / 7 for i in range(30)],
        "kind": ["ab"[i % 2] for i in range(30)],
        "many": [i % 13 + 7 * (i % 2) for i in range(30)],
    }
    data = load(pandas.DataFrame(columns))
    assert data.fingerprint == load(polars.DataFrame(columns)).fingerprint
    got = [(x, kind, many) for x, kind, many in rows_of(data)]
    want = [*zip(*columns.values(), strict=True)]
    for one, other in zip(sorted(got), sorted(want), strict=True):
        assert one[0] == pytest.approx(other[0], abs=2e-5)  # x is in single precision
        assert one[1:] == other[1:]


# --- what users' frames and options brought to light ------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("word", "rows"), [("false", 20), ("true", 19)])
def test_a_header_can_be_declared_by_a_word(tmp_path, word, rows):
    """A word of an option that may be left out is still yes or no: "false" is not true."""
    data = of(ROWS, tmp_path, header=word)
    assert sum(len(split) for split in data.splits.values()) == rows


@pytest.mark.filterwarnings("ignore")
def test_typed_cells_of_frames_come_back_as_they_were():
    pandas = pytest.importorskip("pandas")
    times = pandas.date_range("2020-01-01", periods=60, freq="7919ms").tolist()
    frame = pandas.DataFrame(
        {
            "time": [*times[:-1], pandas.NaT],
            "yes": [i % 3 == 0 for i in range(60)],
            "day": [datetime.date(2020, 1, 1)] * 60,
            "price": [Decimal(f"{i * i % 97}.25") for i in range(60)],
            "few": [i % 4 for i in range(60)],
        }
    )
    data = load(frame)
    assert Columns.from_json(json.loads(json.dumps(data.columns.to_json()))) == data.columns
    rows = rows_of(data)
    assert {type(cell) for row in rows for cell in row[1:2]} == {bool}
    assert {row[2] for row in rows} == {datetime.date(2020, 1, 1)}
    assert {type(row[4]) for row in rows} == {int}
    assert sum(row[0] is None for row in rows) == 1
    got = sorted(row[0] for row in rows if row[0] is not None)
    for one, other in zip(got, times[:-1], strict=True):
        assert abs(one - other) < datetime.timedelta(milliseconds=1)


@pytest.mark.filterwarnings("ignore")
def test_endless_numbers_are_refused():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="'x' holds inf; leave its rows out"):
        load(pandas.DataFrame({"x": [i / 7 for i in range(30)] + [float("inf")]}))


@pytest.mark.filterwarnings("ignore")
def test_numbers_between_whole_ones_are_told_however_large(tmp_path):
    text = "t\n" + "".join(f"{1_700_000_000 + 7919 * (i * 37 % 50)}\n" for i in range(50))
    columns = of(text, tmp_path).columns
    (tmp_path / "u.csv").write_text("t\n1700000000\n1700000000.5\n")
    _, reasons = columns.encode(sheet(tmp_path / "u.csv"))
    assert reasons[0] is None
    assert "is a multiple of 1 in the training table" in reasons[1]


def test_a_cell_without_an_end_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is not a table of text: field larger than"):
        of('a,b\n"' + "x" * 200_000 + '",1\n2,3\n4,5\n', tmp_path)
