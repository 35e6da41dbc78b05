"""Twelve kinds of table as they lie on people's disks: rows in, rows out, in the same columns."""

import datetime as dt
import gzip
import json
import math
from functools import cache

import numpy as np
import pytest
import torch

from genus.core import Category, Grid, Reals, Records
from genus.data import load
from genus.data.tables.columns import Columns
from genus.data.tables.loose import Loose
from genus.data.tables.sheets import sheet
from genus.data.tables.writing import table_bytes

N = 120
RANDOM = np.random.default_rng(0)
CITY = RANDOM.choice(["Köln", "Berlin", "São Paulo"], N).tolist()
INCOME = np.exp(RANDOM.normal(9, 1, N)).round(2).tolist()
AGE = RANDOM.integers(18, 90, N).tolist()
NORMAL = RANDOM.normal(size=(N, 3)).round(6).tolist()
DAYS = [dt.date(2020, 1, 1) + dt.timedelta(int(k)) for k in RANDOM.integers(0, 900, N)]


def comma(value):
    return f"{value:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")


def lines(header, rows, delimiter=","):
    text = "\n".join(delimiter.join(map(str, row)) for row in rows) + "\n"
    return (f"{header}\n" if header else "") + text


TABLES = {
    "mixed.csv": lines(
        "id,income,age,city,gain,day,member,comment",
        [
            [
                i,
                "" if i % 9 == 0 else f"{INCOME[i]:.2f}",
                AGE[i],
                CITY[i],
                "0.00" if i % 2 else f"{INCOME[i] / 7:.2f}",
                DAYS[i],
                "yes" if i % 3 else "no",
                f"number {i} says {INCOME[i]}",
            ]
            for i in range(N)
        ],
    ).encode("utf-8-sig"),
    "german.csv": lines(
        "Stadt;Preis;Anteil",
        [[CITY[i], comma(INCOME[i]), f"{AGE[i] / 7:.1f} %".replace(".", ",")] for i in range(N)],
        ";",
    ).encode("cp1252"),
    "index.csv": lines(",a,b", [[i, *NORMAL[i][:2]] for i in range(N)]),
    "array.csv": lines("0,1,2", NORMAL),
    "headless.csv": lines("", NORMAL),
    "spaces.csv": "# x y\n" + "".join(f"  {a: .4e}   {b: .4e}\n" for a, b, _ in NORMAL),
    "epoch.csv": lines("t,v", [[1_700_000_000 + 7919 * AGE[i], NORMAL[i][0]] for i in range(N)]),
    "thousands.tsv": lines(
        "city\tpeople\trate",
        [[CITY[i], f"{int(INCOME[i] * 9):,}", f"${INCOME[i]:,.2f}"] for i in range(N)],
        "\t",
    ),
    "one.csv": lines("x", [[row[0]] for row in NORMAL]),
    "bars.csv": lines("a|b", [[CITY[i], AGE[i] > 40] for i in range(N)], "|"),
    "rows.jsonl": "".join(
        json.dumps({"a": NORMAL[i][0], "b": [True, False, None][i % 3], "c": CITY[i]}) + "\n"
        for i in range(N)
    ),
    "codes.csv": lines(
        "dose,state", [["error" if i % 17 == 0 else AGE[i] / 4, CITY[i]] for i in range(N)]
    ),
}
UNUSED = {"mixed.csv": {"comment"}, "index.csv": set()}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    for name, content in TABLES.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "packed.csv.gz").write_bytes(gzip.compress(TABLES["mixed.csv"]))
    return folder


@cache
def data_of(path):
    return load(path)


def everything(data):
    return torch.cat([split.everything()[0] for split in data.splits.values()])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*TABLES, "packed.csv.gz"])
def test_rows_come_back_in_the_same_columns(place, name):
    data, cells = data_of(place / name), sheet(place / name)
    back = data.columns.decode(everything(data))
    assert back.names == cells.names
    used = [i for i, column in enumerate(data.columns.columns) if column.kind != "left out"]
    x, reasons = data.columns.encode(cells)
    assert reasons == [None] * N
    again, reasons = data.columns.encode(data.columns.decode(x))
    assert reasons == [None] * N
    torch.testing.assert_close(again, x, rtol=0, atol=2e-5)
    for i in used:
        column = data.columns.columns[i]
        was, now = cells.columns[i], data.columns.decode(x).columns[i]
        for one, other in zip(was, now, strict=True):
            if column.kind == "category" or column.number(one) is None:
                assert column.key(one) == column.key(other)
            else:
                spread = (
                    column.scale.deviation
                    if column.scale.bend == "none"
                    else abs(column.number(one))
                )
                assert column.number(other) == pytest.approx(column.number(one), abs=2e-6 * spread)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TABLES)
def test_columns_survive_json(place, name):
    columns = data_of(place / name).columns
    assert Columns.from_json(json.loads(json.dumps(columns.to_json()))) == columns


def test_damaged_columns_are_refused():
    with pytest.raises(ValueError, match="the description of the columns is damaged"):
        Columns.from_json([{"name": "a", "kind": "category", "colour": 1}])


@pytest.mark.filterwarnings("ignore")
def test_what_columns_are(place):
    data = data_of(place / "mixed.csv")
    kinds = {column.name: column.kind for column in data.columns.columns}
    assert kinds["id"] == kinds["comment"] == "left out"
    assert (kinds["city"], kinds["age"], kinds["day"]) == ("category", "number", "date")
    known = {column.name: column for column in data.columns.columns}
    assert known["income"].states == (None,)
    assert known["gain"].states == (0.0,)
    assert known["age"].step == 1
    assert known["day"].step == 86_400
    assert data_of(place / "codes.csv").columns.columns[0].states == ("error",)
    assert data_of(place / "array.csv").space == Reals((3,))


def test_what_was_decided_is_said(place):
    known = "left out: id, for it numbers the rows; comment, for it is free text"
    with pytest.warns(UserWarning, match=known):
        load(place / "mixed.csv")
    with pytest.warns(UserWarning, match="read as Windows-1252"):
        load(place / "german.csv")


@pytest.mark.filterwarnings("ignore")
def test_rows_that_cannot_be_read_say_why(place):
    columns, cells = data_of(place / "mixed.csv").columns, sheet(place / "mixed.csv").some(0, 6)
    at = {name: cells.columns[i] for i, name in enumerate(cells.names)}
    at["city"][1], at["age"][2], at["age"][3] = "Paris", "old", "-3"
    at["age"][4], at["member"][5] = "20.5", ""
    x, reasons = columns.encode(cells)
    assert reasons == [
        None,
        "city is 'Paris', which is not in the training table",
        "age is 'old', which is no number",
        "age is -3, outside 0 .. ",
        "age is 20.5, and is a multiple of 1 in the training table",
        "member is missing, as it is in no row of the training table",
    ]
    assert x[1:].abs().sum() == 0
    with pytest.raises(ValueError, match="the table lacks 'age'"):
        columns.encode(cells.without(2))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_samples_are_written_as_tables(place, tmp_path, kind):
    if kind == ".parquet":
        pytest.importorskip("polars")
    data = data_of(place / "mixed.csv")
    x = data.test.everything()[0]
    rows = data.columns.decode(x, as_numbers=kind not in (".csv", ".tsv"))
    (tmp_path / f"t{kind}").write_bytes(table_bytes(rows, kind))
    again, reasons = data.columns.encode(sheet(tmp_path / f"t{kind}"))
    assert reasons == [None] * len(x)
    torch.testing.assert_close(again, x, rtol=0, atol=2e-5)


# --- the looser view --------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in TABLES if name not in ("array.csv", "one.csv")])
def test_loosening_is_undone(place, name):
    data = data_of(place / name)
    columns, x = data.columns, everything(data)
    if not columns.dequantises:
        return
    z = Loose(columns).draw(x.double(), torch.Generator().manual_seed(0))
    torch.testing.assert_close(Loose(columns).undo(z), columns.records.quantise(x.double()))
    assert z.isfinite().all()
    assert data.loosened().space == Reals(data.space.shape)


def test_independent_normals_give_categories_their_shares():
    """Under N(0, 1) in the place of each field, the bound is exact for each category, draw by draw."""
    column = {"name": "a", "kind": "category", "words": ["x", "y", "z"], "shares": [0.2, 0.5, 0.3]}
    columns = Columns.from_json([column, {**column, "name": "b"}])
    x = torch.tensor([[0.0, 1.0], [2.0, 0.0]], dtype=torch.float64)
    z = Loose(columns).draw(x, torch.Generator().manual_seed(1))
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    bound = normal + Loose(columns).log_jacobian(z)
    want = torch.tensor([0.2 * 0.5, 0.3 * 0.2], dtype=torch.float64).log()
    torch.testing.assert_close(bound, want, rtol=0, atol=1e-9)


@pytest.mark.filterwarnings("ignore")
def test_draws_of_the_bound_have_the_probability_as_mean(place):
    """E[ p(z) exp(log jacobian) ] is the mass of a bin times the share of its state, in closed form."""
    columns = data_of(place / "mixed.csv").columns
    records = columns.records
    x = data_of(place / "mixed.csv").test.everything()[0][:1].double()
    many = x.expand(20_000, -1)
    z = Loose(columns).draw(many, torch.Generator().manual_seed(2))
    wide = torch.distributions.Normal(0.1, 1.2)
    weights = (wide.log_prob(z).sum(1) + Loose(columns).log_jacobian(z)).exp()
    want = 1.0
    for i, field in enumerate(records.fields):
        if isinstance(field, Category):
            ends = torch.special.ndtri(Loose(columns).edges[i])
            low, high = (
                wide.cdf(e) if e.isfinite() else (e > 0).double()
                for e in ends[[int(x[0, i]), int(x[0, i]) + 1]]
            )
            want *= float(high - low)
        elif not records.present(x, i):
            continue
        elif isinstance(field, Grid):
            centre, half, *_ = field.edges(x[:, i])
            want *= float(wide.cdf(centre + half) - wide.cdf(centre - half))
        else:
            want *= math.exp(wide.log_prob(x[0, i]) + columns.slope(i, x)[0])
    error = float(weights.std() / math.sqrt(len(weights)))
    assert abs(float(weights.mean()) - want) < 5 * error
    assert error < 0.05 * want


@pytest.mark.filterwarnings("ignore")
def test_declared_bounds_are_kept(tmp_path):
    values = RANDOM.beta(2, 5, 400)
    (tmp_path / "t.csv").write_text(lines("u", [[f"{v:.6f}"] for v in values]))
    columns = load(tmp_path / "t.csv", columns="u=0..1").columns
    z = torch.linspace(-9, 9, 50)[:, None]
    u = torch.tensor(columns.decode(z, as_numbers=True).columns[0])
    assert ((u >= 0) & (u <= 1)).all()
    above = load(tmp_path / "t.csv", columns="u=..1").columns
    u = torch.tensor(above.decode(z, as_numbers=True).columns[0])
    assert (u <= 1).all()
    assert u.diff().min() >= 0


def test_records_are_categories_grids_and_numbers():
    assert isinstance(load("wine").space, Records)
    assert str(load("wine").space).startswith("Records of ")
