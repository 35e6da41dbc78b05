"""The readers of portraits: what the network and the templates read right, on rows of the test.

Each label counts where it shows. Errors of numbers are mean absolute differences: yaw in degrees, age in
steps of six, widths in units in which a face goes from -1 to 1. What a reader refuses is left out of its
figures, and its share said; limits were set on validation rows.
"""

from argparse import Namespace
from collections.abc import Iterator
from functools import cache, partial
from statistics import mean
from typing import Any

import torch
from torch import Tensor

from genus.core import Pixels
from genus.data.splits import unpack
from genus.data.worlds.parameters import Parameters
from genus.data.worlds.portraits import PORTRAITS
from genus.data.worlds.wishes import recipe
from genus.measure.readers.reader import Readings, reader, worn
from genus.measure.readers.template import TemplateReader
from genus.measure.readers.truth import labels_of, numbers_of, right, shown, truth_of

from ..bench import Bench, Cell, Cells, Table

SETTLED = 100  # validation pictures by which the templates settle what they refuse
READERS = ("network", "templates")
NUMBERS = ("yaw", "age", "face_width", "jaw", "nose_width", "mouth_width")

BENCH = Bench(
    __file__,
    "Readers of portraits: labels that are right, errors of numbers, what is refused",
    "of | network 64 | network 32 | damaged 64 | templates 64 | templates 32",
    lambda options: {
        "data": "portraits, test",
        "rows": f"network {options.rows:,}, templates {options.few}",
        "reader": reader("portraits").account()["hash"],
        "templates": "4,000, three starts, two attempts",
        "damaged": "blur to 1.2 pixels, noise to 0.15, blocks, half the pixels: a quarter of rows each",
        "seed": 0,
    },
    """
    In percent, of the rows in which the label shows, with the standard error where it is above 0.1; refused
    rows left out. A star: below 97, so that it is no judge at this size. Then the mean errors: yaw in degrees,
    age in steps, widths in units of -1 to 1.
    """,
    options={"rows": (2000, "test rows of the network"), "few": (100, "those of the templates")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name, side, kind in COLUMNS:
        n = options.rows if name == "network" else options.few
        yield Cell(
            f"{name}/{side}/{kind}/{n}",
            partial(measured, name, side, kind, n),
            partial(first, name, side),
        )


COLUMNS = (
    ("network", 64, "clean"),
    ("network", 32, "clean"),
    ("network", 64, "damaged"),
    ("templates", 64, "clean"),
    ("templates", 32, "clean"),
)


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    columns = []
    for name, side, kind in COLUMNS:
        n = options.rows if name == "network" else options.few
        columns.append(found.get(f"{name}/{side}/{kind}/{n}"))
    table = [
        [one.name, *(_percent(column, one.name) for column in columns)]
        for one in labels_of(PORTRAITS)
    ]
    table.append(["refused", *(_refused(column) for column in columns)])
    for name in NUMBERS:
        errors = [f"{column['errors'][name]:.3g}" if column else "" for column in columns]
        table.append([f"error of {name}", *errors])
    return table


def _percent(column: dict[str, Any] | None, name: str) -> str:
    if column is None:
        return ""
    share, count = column["right"][name], column["counts"][name]
    error = (share * (1 - share) / count) ** 0.5
    mark = "*" if share < 0.97 else ""
    return f"{100 * share:.1f}{mark}" + (f" ± {100 * error:.1f}" if error > 0.001 else "")


def _refused(column: dict[str, Any] | None) -> str:
    return f"{100 * column['refused']:.1f}" if column else ""


# --- pictures and readings ---------------------------------------------------------------------


def people(split: str, n: int) -> Parameters:
    """The parameters of the first rows of a split of `portraits`."""
    laws = recipe("portraits", PORTRAITS.parameters, {})
    return laws.drawn(("portraits", 0, split), torch.arange(n))


def pictures(found: Parameters, side: int, kind: str = "clean") -> tuple[Tensor, Pixels]:
    """Their pictures, and the space of these."""
    space = Pixels((3, side, side))
    x = unpack(PORTRAITS.draw(found, side), space)
    if kind == "damaged":
        with torch.random.fork_rng():
            torch.manual_seed(0)
            mixed = torch.randperm(len(x))
            x[mixed] = torch.cat([worn(part) for part in x[mixed].split(500)])
    return x, space


@cache
def templates(side: int) -> TemplateReader:
    """The reader by templates, settled by validation pictures of this size."""
    found = TemplateReader()
    found.settle(found.read(*pictures(people("validation", SETTLED), side)))
    return found


def read(name: str, found: Parameters, side: int, kind: str) -> Readings:
    """What a reader reads."""
    x, space = pictures(found, side, kind)
    return (
        reader("portraits").read(x, space) if name == "network" else templates(side).read(x, space)
    )


def measured(name: str, side: int, kind: str, n: int) -> dict[str, Any]:
    """The shares that are right and the errors, of rows that are not refused."""
    found = people("test", n)
    reading = read(name, found, side, kind)
    truth = truth_of(PORTRAITS, found)
    truth[reading.refused] = torch.nan
    rights = right(reading.labels, truth)
    errors = {}
    for one in numbers_of(PORTRAITS):
        there = shown(one, found) & ~reading.refused
        errors[one.name] = (reading.numbers[one.name] - found[one.name])[there].abs().mean().item()
    steps = (reading.labels["age"] - found["age"])[~reading.refused].abs().double()
    return {
        "right": {key: mean(value.tolist()) for key, value in rights.items()},
        "counts": {key: len(value) for key, value in rights.items()},
        "errors": errors | {"age": steps.mean().item()},
        "refused": reading.refused.double().mean().item(),
    }


def first(name: str, side: int) -> list[float]:
    """The readings of a few pictures, for the fingerprint."""
    found = people("test", 8)
    if name == "network":
        return read(name, found, side, "clean").numbers["yaw"].tolist()
    few = TemplateReader(templates=100, starts=1, attempts=1, steps=(0.1,))
    return few.read(*pictures(found, 16)).numbers["yaw"].tolist()


if __name__ == "__main__":
    BENCH.main()
