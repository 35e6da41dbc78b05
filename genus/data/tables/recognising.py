"""What the columns of a table are, by their cells."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import numpy as np

from ...core import Refused, Scale
from .cells import (
    DAY,
    STRAYS,
    Style,
    decimal_mark,
    decimals_of,
    format_of,
    is_missing,
    style_of,
)
from .column import NUMBERS, Column, Typed
from .columns import Columns
from .declared import Declared, wished
from .scales import scale_of
from .sheets import Cells, Sheet

FEW = 20  # different numbers that are categories
OFTEN = 5  # rows that each has on average, at least
MOST = 1000  # words of a category
FINE = 1e-3  # least step of rounded numbers, in deviations, unless they repeat
YES_NO = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"})
NAMED_IDS = re.compile(
    r"(.*[_ .-])?(id|ids|uuid|guid|index|key|nr|no|#)|unnamed.*|.*[a-z]ID|rowid", re.IGNORECASE
)


def recognised(
    sheet: Sheet, train: Sequence[int], wishes: str | None, decimal: str | None, who: str
) -> tuple[Columns, list[str]]:
    """The columns of a table, and sentences on what was decided.

    Args:
        sheet: its cells.
        train: numbers of the training rows, by which numbers are scaled.
        wishes: what the user declares, as `wished` reads it.
        decimal: mark before decimals; by default the one that there seems to be.
        who: name of the table in messages.
    """
    declared = wished(wishes, sheet.names, who)
    if decimal is None:
        words = (cell for cells in sheet.columns for cell in cells[:5000] if isinstance(cell, str))
        decimal = decimal_mark(words)
    notes: list[str] = []
    columns = tuple(
        _Seen(name, cells, train, declared.get(name, Declared()), decimal, i == 0, notes).column()
        for i, (name, cells) in enumerate(zip(sheet.names, sheet.columns, strict=True))
    )
    found = Columns(columns)
    if not found.order:
        why = "; ".join(f"{c.name}: {c.why or 'it has one value'}" for c in columns[:10])
        raise Refused(f"{who}: no column is left to learn from: {why}")
    return found, [*_summary(columns), *notes]


def _summary(columns: Sequence[Column]) -> list[str]:
    """What the columns are, in a sentence, and what was left out, in another."""
    kinds: dict[str, list[str]] = {}
    for c in columns:
        kinds.setdefault(kind_of_column(c), []).append(c.name or "(nameless)")
    left = kinds.pop("left out", [])
    told = [f"{kind}: {', '.join(names[:8])}{_more(names)}" for kind, names in kinds.items()]
    lines = ["columns are read as " + "; ".join(told)]
    if left:
        whys = {c.name or "(nameless)": c.why for c in columns if c.kind == "left out"}
        lines.append("left out: " + "; ".join(f"{name}, for {whys[name]}" for name in left))
    return lines


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 8} others" if len(names) > 8 else ""


def kind_of_column(column: Column) -> str:
    """What a column is, in a word or two."""
    if column.kind == "left out":
        return "left out"
    if column.kind == "date":
        return "dates"
    if column.kind == "category":
        return "one value" if len(column.words) < 2 else "categories"
    if column.step is None:
        return "real numbers"
    return "whole numbers" if column.step == 1 else "rounded numbers"


class _Seen:
    """A column that is to be recognised.

    Args:
        name, cells: as they stand in the table.
        train: numbers of the training rows.
        wish: what is declared of it.
        decimal: mark before decimals, if it is a comma.
        first: whether it is the first column.
        notes: sentences, to which one is added where something was decided.
    """

    def __init__(
        self,
        name: str,
        cells: Cells,
        train: Sequence[int],
        wish: Declared,
        decimal: str | None,
        first: bool,
        notes: list[str],
    ):
        self.name, self.wish, self.decimal, self.first = name, wish, decimal, first
        self.notes, self.rows = notes, len(cells)
        self.cells = [None if is_missing(cell) else cell for cell in cells]
        self.train = [self.cells[i] for i in train]
        self.counts = Counter(map(_stripped, self.cells))
        self.missing = self.counts.pop(None, 0)
        self.words = [*self.counts]
        self.texts = all(isinstance(word, str) for word in self.words)

    def column(self) -> Column:
        wish = self.wish.kind
        if wish == "out":
            return self._left_out("so it was declared")
        if not self.words:
            return self._left_out("it has no values")
        alone = len(self.words) == 1 and not self.missing and not self._typed(date)
        if wish == "category" or alone:
            return self._category()
        if wish != "date" and (self._yes_no() or self._typed(bool)):
            return self._category()
        if wish != "date" and (found := self._numbers()) is not None:
            return found
        if (found := self._dates()) is not None:
            return found
        if wish:
            raise Refused(f"'{self.name}' is declared a {wish}, and holds '{self.words[0]}'")
        return self._text()

    def _left_out(self, why: str, **known: Any) -> Column:
        typed: Typed = "text" if self.texts else "float"
        return Column(self.name, "left out", known.pop("typed", typed), why=why, **known)

    def _typed(self, *kinds: type) -> bool:
        return bool(self.words) and all(isinstance(word, kinds) for word in self.words)

    def _yes_no(self) -> bool:
        return self.texts and {str(word).lower() for word in self.words} in YES_NO

    # words

    def _category(self, known: Column | None = None) -> Column:
        column = known or Column(self.name, "category", self._cell_type())
        numbers = {word: column.number(word) for word in self.words}
        whole = all(number is not None for number in numbers.values())
        words = sorted(self.words, key=lambda w: (numbers[w] if whole else 0.0, str(w)))
        words = [str(word) if isinstance(word, date) else word for word in words]
        if whole:  # 1 and 1.0 are one
            words = list({numbers[word]: word for word in reversed(words)}.values())[::-1]
        held = (*words, *([None] if self.missing else []))
        column = replace(column, kind="category", words=held)
        return replace(column, shares=self._shares(column, len(held)))

    def _cell_type(self) -> Typed:
        if self._typed(bool):
            return "bool"
        if self._typed(int):
            return "int"
        return "float" if self._typed(int, float) else "text"

    def _shares(self, column: Column, count: int) -> tuple[float, ...]:
        """The shares in training rows; what is in none of them counts as half a row."""
        keys = Counter(self.train)
        places = Counter[int]()
        for cell, many in keys.items():
            places[column.places.get(column.key(cell), 0)] += many
        total = sum(places[i] or 0.5 for i in range(count))
        return tuple((places[i] or 0.5) / total for i in range(count))

    def _text(self) -> Column:
        different = len(self.words)
        few = different <= FEW and self.rows >= 2 * different
        if few or (different <= MOST and self.rows >= OFTEN * different):
            return self._category()
        spaced = sum(" " in str(word) for word in self.words) * 2 > different
        if different == self.rows - self.missing and not spaced:
            return self._left_out("each row has a word of its own")
        what = "it is free text" if spaced else "most of its words are rare"
        return self._left_out(f"{what} ({different:,} different in {self.rows:,} rows)")

    # numbers

    def _numbers(self) -> Column | None:
        if self.texts:
            style = style_of([str(word) for word in self.words], self.decimal)
            typed: Typed = "text"
        elif self._typed(int, float):
            values = [float(str(word)) for word in self.words]
            if endless := next((value for value in values if math.isinf(value)), None):
                raise Refused(
                    f"'{self.name}' holds {endless}; leave its rows out, or make it missing"
                )
            whole = self._typed(int)
            typed = "int" if whole else "float"
            style = Style(decimals=0 if whole else decimals_of(values))
        else:
            return None
        if style is None:
            return None
        column = Column(self.name, "number", typed, style=style)
        numbers = {word: column.number(word) for word in self.words}
        strays = [word for word, number in numbers.items() if number is None]
        if strays and (len(strays) > STRAYS or sum(self.counts[w] for w in strays) * 2 > self.rows):
            return None
        values = np.array([v for v in numbers.values() if v is not None])
        if not strays and self.wish == Declared() and (why := self._numbering(values)):
            return self._left_out(why, typed=typed, style=style)
        different = len({*values.tolist()})
        few = different <= FEW and self.rows >= OFTEN * different
        if few and self.wish == Declared() and not strays:
            return self._category(column)
        return self._scaled(column, strays, numbers)

    def _numbering(self, values: Any) -> str:
        """Why a column of whole numbers only names its rows; "" if it does not."""
        alone = len(values) == self.rows and len({*values.tolist()}) == self.rows
        if not alone or self.rows < 3 or (values != np.floor(values)).any():
            return ""
        if values.max() - values.min() == self.rows - 1:
            return NUMBERS
        named = (self.first and not self.name) or NAMED_IDS.fullmatch(self.name)
        return "its numbers are names of the rows" if named else ""

    def _scaled(
        self, column: Column, strays: list[Any], numbers: Mapping[Any, float | None]
    ) -> Column:
        counts = Counter[float]()
        for word, number in numbers.items():
            if number is not None:
                counts[number] += self.counts[word]
        atoms = self._atoms(counts)
        states = (*atoms, *strays, *([None] if self.missing else []))
        own = np.array([v for v in counts if v not in atoms])
        known = replace(column, states=states)
        learnt = [numbers.get(word) for word in map(_stripped, self.train)]
        some = np.array([v for v in learnt if v is not None and v not in atoms])
        some = own if len(some) < 2 else some
        step = self._step(column, own, sum(counts[v] for v in own.tolist()))
        low, high = self._bounds(column, own, step)
        shares = self._shares(known, 1 + len(states)) if states else ()
        scale = self._scale(some, own, step, low, high)
        return replace(known, step=step, low=low, high=high, scale=scale, shares=shares)

    def _atoms(self, counts: Counter[float]) -> list[float]:
        """Numbers that are far more frequent than those beside them: zeros, caps, codes."""
        total, ends = sum(counts.values()), (self.wish.low, self.wish.high)
        values = sorted(counts)
        many = np.array([counts[v] for v in values])
        found = [v for v in values if v in ends] if self.wish.kind != "real" else []
        for i in np.argsort(-many, kind="stable")[:FEW]:
            beside = np.r_[many[max(0, i - 10) : i], many[i + 1 : i + 11]]
            usual = max(1.0, float(np.median(beside))) if len(beside) else 1.0
            alone = usual == 1.0 and many[i] >= max(20, 0.002 * total)
            often = many[i] >= max(10, 0.03 * total) and many[i] > 5 * usual
            if len(values) > FEW and (alone or often) and values[i] not in found:
                found.append(values[i])
        return found if len(found) < len(values) else []

    def _step(self, column: Column, own: Any, rows: int) -> float | None:
        """The distance between rounded numbers; None for real ones."""
        if self.wish.kind == "real" or column.style.decimals is None:
            if 2 * len(own) < rows:
                self.notes.append(
                    f"'{self.name}' has {len(own):,} different values in {rows:,} rows: it is "
                    f"quantised, and read as real numbers, whose likelihood has no bound; "
                    f"--data.columns '{self.name}=category' makes them categories"
                )
            return None
        step = 10.0**-column.style.decimals
        fine = step < FINE * (own.std() or 1.0) and 2 * len(own) >= rows
        return None if fine and column.style.decimals else step

    def _bounds(self, column: Column, own: Any, step: float | None) -> Any:
        low, high = self.wish.low, self.wish.high
        outside = (low is not None and own.min() < low) or (high is not None and own.max() > high)
        if outside:
            raise Refused(
                f"'{self.name}' is declared within bounds, and holds values from {own.min():g} to "
                f"{own.max():g}"
            )
        if step is not None and low is None and own.min() >= 0:
            low = 0.0
        if (
            step is not None
            and high is None
            and column.style.after.strip() == "%"
            and own.max() <= 100
        ):
            high = 100.0 if own.min() >= 0 else None
        return low, high

    def _scale(self, some: Any, own: Any, step: float | None, low: Any, high: Any) -> Scale:
        if step is not None:
            return scale_of(some)
        if low is None and high is None:
            bends = ("log", "logit") if own.min() > 0 and own.max() < 1 else ("log",)
            return scale_of(some, bends=bends if own.min() > 0 else ())
        return scale_of(some, low=low, high=high)

    # dates

    def _dates(self) -> Column | None:
        if self._typed(date):
            whole = not self._typed(datetime)
            column = Column(self.name, "date", "date" if whole else "datetime")
            fine = any(isinstance(word, datetime) and word.microsecond for word in self.words)
            unit = DAY if whole else 1e-6 if fine else 1.0
        elif self.texts and (found := format_of([str(word) for word in self.words])) is not None:
            form, both = found
            column = Column(self.name, "date", form=form)
            unit = DAY if "%H" not in form else 1.0 if "%S" in form else 60.0
            unit = 1e-6 if "%f" in form else unit
            if both:
                self.notes.append(f"the dates of '{self.name}' are read as month/day/year")
        else:
            return None
        numbers = {word: column.number(word) for word in self.words}
        values = np.array([*numbers.values()], dtype=float)
        learnt = [v for cell in self.train if (v := numbers.get(_stripped(cell))) is not None]
        some = np.array(learnt) if len({*learnt}) > 1 else values
        states = (None,) if self.missing else ()
        known = replace(column, states=states)
        shares = self._shares(known, 2) if states else ()
        return replace(known, scale=scale_of(some, bent=False), step=float(unit), shares=shares)


def _stripped(cell: Any) -> Any:
    return cell.strip() if isinstance(cell, str) else cell
