"""Tables that `measure.tables` measures on: where their cells come from, and how they are cut in folds.

    wine, breast_cancer, diabetes    ship inside scikit-learn
    penguins                         penguins-raw.csv of the package palmerpenguins (CC0): words, dates,
                                     missing values
    ratings                          MovieLens 100K, as the package recbole brings it, ml-100k.inter, .user
                                     and .item: one rating of each user, with its second since 1970
    law, large_law                   4,000 and 8,000 rows that are drawn from a known law

Packages are no dependencies: `pip download --no-deps palmerpenguins recbole`, and the files lie in the
archives. Licences of MovieLens let nobody hand it on.

The law, of a shop's customers:

    plan      basic, plus or pro
    region    north, east, south or west, given plan
    visits    Poisson, its mean given plan and region
    spend     log-normal, its median rising with log(1 + visits), its width given plan
    minutes   normal, its mean bent in log(spend) and falling with visits, its width given region
    late      yes or no: logistic in minutes, given plan
"""

import json
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, poisson
from sklearn import datasets
from torch import Tensor

from genus.data import Data, load
from genus.data.dividing import stratified
from genus.data.tables.columns import Columns
from genus.data.tables.sheets import Sheet, sheet
from genus.data.tables.writing import table_bytes

from .bench import Skipped

LAWS = {
    "law": 4_000,
    "large_law": 8_000,
}  # rows of the law to learn from, and to choose and test by
FRESH = 10_000  # further rows of the law, on which densities are tested
PLANS, REGIONS = ("basic", "plus", "pro"), ("north", "east", "south", "west")
PLAN = np.array([0.5, 0.3, 0.2])
REGION = np.array([[0.4, 0.3, 0.2, 0.1], [0.25, 0.25, 0.25, 0.25], [0.1, 0.1, 0.3, 0.5]])
VISITS = np.array([2.0, 6.0, 15.0])[:, None] * np.array([1.0, 1.3, 0.7, 1.1])
SPEND = np.array([0.3, 0.4, 0.6])  # widths of log(spend)
MINUTES = np.array([1.0, 1.5, 2.0, 2.5])  # widths of minutes
LATE = np.array([-1.0, 0.0, 1.5])

Law = tuple[NDArray, ...]  # plan, region, visits, spend, minutes, late, each (n,)


@dataclass(frozen=True)
class Source:
    """A table.

    Args:
        read: gives its cells; a folder may hold them.
        folds: tenths of its rows that are tested in turn.
    """

    read: Callable[[Path | None], Sheet]
    folds: int


def built_in(name: str, folder: Path | None) -> Sheet:
    """A table of scikit-learn, its target as the last column."""
    options = {"scaled": False} if name == "diabetes" else {}
    found = getattr(datasets, f"load_{name}")(**options)
    columns = [_numbers(column) for column in found.data.T]
    names = getattr(found, "target_names", None)
    target = _numbers(found.target) if names is None else [str(names[k]) for k in found.target]
    return Sheet([*map(str, found.feature_names), "target"], [*columns, target])


def _numbers(column: NDArray) -> list[float]:
    """Whole numbers stay whole."""
    return [int(v) if (column == np.floor(column)).all() else float(v) for v in column]


def penguins(folder: Path | None) -> Sheet:
    """Nests of penguins, as they stand in the field book."""
    return sheet(_file(folder, "penguins-raw.csv"))


def ratings(folder: Path | None) -> Sheet:
    """One rating of each user, chosen by chance: no two rows are of one person."""
    inter, user, item = (_by_tabs(_file(folder, f"ml-100k.{end}")) for end in _ENDS)
    users, items = ({row[0]: row for row in rows} for rows in (user, item))
    given: dict[str, list[list[str]]] = {}
    for row in inter:
        given.setdefault(row[0], []).append(row)
    draw, rows = random.Random(0), []
    for number in sorted(given, key=int):
        _, film, rating, seconds = draw.choice(given[number])
        _, age, gender, occupation, _ = users[number]
        _, _, year, kinds = items[film]
        rows.append([int(seconds), int(rating), int(age), gender, occupation, year, kinds])
    for row in rows:
        row[-1] = row[-1].partition(" ")[0]  # the first of a film's kinds
    names = ["seconds", "rating", "age", "gender", "occupation", "year", "kind"]
    return Sheet(names, [list(column) for column in zip(*rows, strict=True)])


_ENDS = ("inter", "user", "item")


def _by_tabs(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text("utf-8").splitlines()[1:]]


def _file(folder: Path | None, name: str) -> Path:
    if folder is None or not (folder / name).exists():
        raise Skipped(f"{name} is wanted in the folder that --tables names")
    return folder / name


# --- the law ----------------------------------------------------------------------------------


def drawn(n: int, seed: int) -> Law:
    """Columns of n rows of the law: plan, region, visits, spend, minutes, late."""
    noise = np.random.default_rng(seed)
    plan = noise.choice(3, n, p=PLAN)
    region = (noise.random((n, 1)) > REGION[plan].cumsum(1)[:, :-1]).sum(1)
    visits = noise.poisson(VISITS[plan, region])
    spend = np.exp(noise.normal(_log_spend(visits), SPEND[plan]))
    minutes = noise.normal(_minutes(visits, spend), MINUTES[region])
    late = (noise.random(n) < _late(plan, minutes)).astype(int)
    return plan, region, visits, spend, minutes, late


def log_law(columns: Law) -> NDArray[np.float64]:
    """log p of rows, (n,): of their categories and whole numbers a probability, of their reals a density."""
    plan, region, visits, spend, minutes, late = columns
    yes = _late(plan, minutes)
    return (
        np.log(PLAN[plan])
        + np.log(REGION[plan, region])
        + poisson.logpmf(visits, VISITS[plan, region])
        + norm.logpdf(np.log(spend), _log_spend(visits), SPEND[plan])
        - np.log(spend)
        + norm.logpdf(minutes, _minutes(visits, spend), MINUTES[region])
        + np.log(np.where(late == 1, yes, 1 - yes))
    )


def _log_spend(visits: NDArray) -> NDArray:
    return 2 + 0.8 * np.log1p(visits)


def _minutes(visits: NDArray, spend: NDArray) -> NDArray:
    return 20 + 3 * np.sin(np.log(spend)) - 0.5 * visits


def _late(plan: NDArray, minutes: NDArray) -> NDArray:
    return 1 / (1 + np.exp(-(LATE[plan] + 0.5 * (minutes - 16))))


def as_sheet(columns: Law) -> Sheet:
    """Rows of the law as the cells of a table."""
    plan, region, visits, spend, minutes, late = columns
    cells = [
        [PLANS[k] for k in plan],
        [REGIONS[k] for k in region],
        visits.tolist(),
        spend.tolist(),
        minutes.tolist(),
        [("no", "yes")[k] for k in late],
    ]
    return Sheet(["plan", "region", "visits", "spend", "minutes", "late"], cells)


@cache
def fresh() -> Law:
    """The rows of the law on which densities are tested."""
    return drawn(FRESH, seed=1)


def law(n: int, folder: Path | None) -> Sheet:
    """So many rows of the law."""
    return as_sheet(drawn(n, seed=0))


SOURCES: Mapping[str, Source] = {
    "wine": Source(partial(built_in, "wine"), 5),
    "breast_cancer": Source(partial(built_in, "breast_cancer"), 3),
    "diabetes": Source(partial(built_in, "diabetes"), 3),
    "penguins": Source(penguins, 3),
    "ratings": Source(ratings, 3),
    **{name: Source(partial(law, n), 1) for name, n in LAWS.items()},
}


# --- folds ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fold:
    """A division of a table.

    Args:
        name: of the table.
        path: file of which `load` tests this fold.
        spare: folder of the file, which goes away with it.
    """

    name: str
    path: Path
    spare: Any = field(compare=False)

    @cached_property
    def data(self) -> Data:
        return load(self.path)

    @property
    def columns(self) -> Columns:
        assert self.data.columns is not None
        return self.data.columns

    @cached_property
    def tested(self) -> Tensor:
        """x of the rows on which densities are tested, (n, k)."""
        if self.name not in LAWS:
            return self.data.test.everything()[0]
        x, reasons = self.columns.encode(as_sheet(fresh()))
        assert not any(reasons), reasons
        return x


@cache
def folds_of(name: str, tables: Path | None) -> list[Fold]:
    """The divisions of a table that are tested; a folder may hold it."""
    cells, spare = SOURCES[name].read(tables), tempfile.TemporaryDirectory()
    many = range(SOURCES[name].folds)
    return [Fold(name, in_folder(name, cells, k, Path(spare.name)), spare) for k in many]


def in_folder(name: str, cells: Sheet, fold: int, folder: Path) -> Path:
    """A file of the table, its rows in such an order that `load` tests this tenth of them.

    `load` tests the first tenth of an order that hangs on the name of the file alone, validates on the next
    one and learns from the rest: here each row moves on by so many tenths.
    """
    n = cells.rows
    order = stratified([0] * n, [f"{name} {i}" for i in range(n)])
    ahead = fold * max(1, n // 10)
    comes = dict(zip(order, order[ahead:] + order[:ahead], strict=True))
    columns = [[column[comes[i]] for i in range(n)] for column in cells.columns]
    path = folder / str(fold) / f"{name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(table_bytes(replace(cells, columns=columns), ".csv"))
    return path


def hand_over(folds: Sequence[Fold], folder: Path) -> None:
    """Writes what `table_peers` learns from, without the columns that are left out."""
    kinds: dict[str, dict[str, str]] = {}
    columns = folds[0].columns
    for i in sorted({i for i, _ in columns.order}):
        column = columns.columns[i]
        words = {"category": "categorical", "number": "numerical", "date": "datetime"}
        kinds[column.name] = {"sdtype": words[column.kind]}
        if column.kind == "date":
            kinds[column.name]["datetime_format"] = column.form
    known = {"columns": kinds, "rows": [len(fold.data.test) for fold in folds]}
    (folder / "columns.json").write_text(json.dumps(known), "utf-8")
    for k, fold in enumerate(folds):
        cells = fold.columns.decode(fold.data.train.everything()[0])
        own = [
            column for name, column in zip(cells.names, cells.columns, strict=True) if name in kinds
        ]
        (folder / f"train-{k}.csv").write_bytes(table_bytes(Sheet([*kinds], own), ".csv"))
