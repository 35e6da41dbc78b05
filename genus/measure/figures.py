"""Figures: numbers that record how they were measured, and refuse comparison if that differs.

A figure is described twice. Its protocol says *what* was measured, on which data: two figures may
be compared only if their protocols agree. Its estimator says *how* the value was found, and its
sign whether the value is exact, a bound or an estimate, so an exact likelihood may stand beside a
bound. But two values of one estimator must have the same settings, or more effort would look like a
better model.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from html import escape
from typing import Any, Literal

from ..core import html
from ..errors import Refused

RECORDED = ("seed",)  # parts of a protocol that are recorded, but need not agree


@dataclass(frozen=True)
class Figure:
    """One number about one model.

    Args:
        name: name of the measure.
        value: value of the figure.
        unit: unit, such as "nats", "bits/dim" or "share"; "" for a pure number.
        protocol: description of the measurement, as plain JSON: data, split, fingerprint, rows,
            space, ...
        sign: sign of the value: "=" if exact; "<=" or ">=" if a bound on the truth, in expectation;
            "~" if an estimate that may err on both sides.
        error: standard error of the value, if it is known.
        floor: value of real data against real data, in the same way; None without one.
        better: direction that is better: "lower", "higher" or near the "floor"; None for neither.
        estimator: method of estimation, as plain JSON: a "name" and its settings.
    """

    name: str
    value: float
    unit: str
    protocol: Mapping[str, Any]
    sign: Literal["=", "<=", ">=", "~"] = "="
    error: float | None = None
    floor: float | None = None
    better: Literal["lower", "higher", "floor"] | None = None
    estimator: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        error = "" if self.error is None else f" ± {number(self.error)}"
        unit = self.unit and f" {self.unit}"
        return f"{self.name} {self.sign} {number(self.value)}{error}{unit}"

    def __repr__(self) -> str:
        known = [str(self.protocol[key]) for key in ("data", "split") if key in self.protocol]
        rows = [f"{self.protocol['rows']:,} rows"] if "rows" in self.protocol else []
        return f"<{'; '.join(filter(None, [str(self), ', '.join(known + rows)]))}>"


class Figures(list[Figure]):
    """A list of one model's figures, which prints as a table."""

    def __repr__(self) -> str:
        return render(self) if self else "[]"

    def _repr_html_(self) -> str:
        below = f"<div>protocol: {escape(_shared(self))}</div>"
        return html.table(_rows(self), right={2, 5}) + below if self else "[]"


class Comparison(dict[str, dict[str, Figure]]):
    """Figures by name, then by report: the columns of a table with a line for each report.

    Args:
        titles: names of the reports.
    """

    def __init__(self, titles: Sequence[str]):
        super().__init__()
        self.titles = titles

    @property
    def rows(self) -> list[list[str]]:
        """The texts of the table, with real data in the last line where a figure has its own."""
        firsts = [next(iter(column.values())) for column in self.values()]
        rows = [["", *self], ["", *(first.unit and f"[{first.unit}]" for first in firsts)]]
        for title in self.titles:
            rows.append([title, *(_cell(column.get(title)) for column in self.values())])
        floors = ["" if first.floor is None else number(first.floor) for first in firsts]
        return [*rows, ["real data", *floors]] if any(floors) else rows

    def __repr__(self) -> str:
        return _aligned(self.rows, right=set(range(1, len(self) + 1)))

    def _repr_html_(self) -> str:
        lines = [*zip(*self.rows, strict=True)]  # figures below each other: a page is narrow
        return html.table(lines, right=set(range(2, len(lines[0]))))


def differences(a: Figure, b: Figure) -> dict[str, tuple[Any, Any]]:
    """The differences of two figures' protocols, with both values; empty if they are comparable."""
    apart = {k: (getattr(a, k), getattr(b, k)) for k in ("name", "unit")}
    for key in sorted({*a.protocol, *b.protocol} - {*RECORDED}):
        apart[key] = (a.protocol.get(key), b.protocol.get(key))
    if a.estimator.get("name") == b.estimator.get("name"):
        settings_a, settings_b = (f.estimator.get("settings", {}) for f in (a, b))
        for key in sorted({*settings_a, *settings_b}):
            apart[f"estimator's {key}"] = (settings_a.get(key), settings_b.get(key))
    return {key: (one, two) for key, (one, two) in apart.items() if one != two}


def comparable(a: Figure, b: Figure) -> None:
    """Returns if the two may stand side by side.

    Raises:
        Refused: they were not measured alike; names what differs.
    """
    if apart := differences(a, b):
        parts = "; ".join(f"{key}: {one} and {two}" for key, (one, two) in apart.items())
        raise Refused(
            f"comparable: {a.name} and {b.name} were not measured alike ({parts}); measure both "
            f"under one protocol"
        )


def side_by_side(reports: Mapping[str, Sequence[Figure]]) -> Comparison:
    """Figures by name, then by report; a report without a figure is left out of that figure.

    Raises:
        Refused: figures of one name have different protocols.
    """
    columns = Comparison([*reports])
    for title, figures in reports.items():
        for figure in figures:
            column = columns.setdefault(figure.name, {})
            for other in column.values():
                comparable(other, figure)
            column[title] = figure
    return columns


# --- as text ----------------------------------------------------------------------------------


def number(value: float) -> str:
    """A number with at most four digits after rounding."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def render(figures: Sequence[Figure]) -> str:
    """One model's figures as plain text, with the common part of their protocols."""
    return f"{_aligned(_rows(figures), right={2, 5})}\n\nprotocol: {_shared(figures)}"


def _rows(figures: Sequence[Figure]) -> list[list[str]]:
    rows = [["figure", "", "value", "error", "unit", "real data", "better", "estimator"]]
    for f in figures:
        error = "" if f.error is None else f"± {number(f.error)}"
        floor = "" if f.floor is None else number(f.floor)
        settings = [f"{key}={value}" for key, value in f.estimator.get("settings", {}).items()]
        how = " ".join([f.estimator.get("name", ""), *settings])
        rows.append([f.name, f.sign, number(f.value), error, f.unit, floor, f.better or "", how])
    return rows


def _shared(figures: Sequence[Figure]) -> str:
    """The part of the protocols that is the same in all that have it."""
    entries: dict[str, list[Any]] = {}
    for f in figures:
        for key, value in f.protocol.items():
            entries.setdefault(key, []).append(value)
    shared = [_words(key, v[0]) for key, v in entries.items() if all(one == v[0] for one in v)]
    return ", ".join(shared)


def table(reports: Mapping[str, Sequence[Figure]]) -> str:
    """Several models side by side as plain text: a line each, and one for real data at the end.

    Raises:
        Refused: figures of one name have different protocols.
    """
    return repr(side_by_side(reports))


def _words(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        value = f"({', '.join(_words(*item) for item in value.items())})"
    return f"{key} {value}"


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    sign = "" if figure.sign == "=" else figure.sign
    return sign + number(figure.value)


def _aligned(rows: list[list[str]], right: set[int]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


# --- as JSON ----------------------------------------------------------------------------------


def to_json(figures: Sequence[Figure]) -> str:
    """Figures as a JSON list; numbers that are not finite become strings, for JSON has none."""
    return json.dumps([_finite(asdict(figure)) for figure in figures], indent=2, allow_nan=False)


def from_json(text: str) -> Figures:
    """The figures that `to_json` wrote."""
    found = [Figure(**record) for record in json.loads(text)]
    return Figures(replace(figure, **_floats(figure)) for figure in found)


def _floats(figure: Figure) -> dict[str, Any]:
    named = {name: getattr(figure, name) for name in ("value", "error", "floor")}
    return {name: float(value) for name, value in named.items() if value is not None}


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
