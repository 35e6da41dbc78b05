"""Cells: words of a table as numbers and as dates, and numbers and dates as words again."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, Literal

MISSING = {"", "?", "na", "n/a", "#n/a", "nan", "null", "none", "-", "."}
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
SPACED = re.compile(r"[+-]?\d{1,3}([ '\u00a0\u202f]\d{3})+([.,]\d*)?")
COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+([eE][+-]?\d+)?|[+-]?\d{1,3}(\.\d{3})+")
CLEARLY = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),(\d{1,2}|\d{4,})")  # a comma for decimals only
STRAYS = 5  # different words between numbers that stand for themselves
SIGNS = "$€£¥%"
EPOCH = datetime(1970, 1, 1)
DAY = 86_400


def is_missing(cell: Any) -> bool:
    """Whether a cell says that its value is not known."""
    if cell is None:
        return True
    if isinstance(cell, str):
        return cell.strip().lower() in MISSING
    try:
        return bool(math.isnan(cell))
    except TypeError:
        return False


def is_number(word: str) -> bool:
    """Whether a word is a finite number, in any of the ways of writing one."""
    return any(style.number(word) is not None for style in STYLES)


def plain_number(cell: Any) -> float | None:
    """The number that a cell holds, written without any sign or group; None if it is none."""
    try:
        value = float(cell)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


@dataclass(frozen=True)
class Style:
    """A way of writing numbers.

    Args:
        decimal: mark before the decimals.
        group: mark between thousands, if there is one.
        before, after: sign that all numbers have, such as $ or %.
        decimals: number of decimals that are written; None for as many as a number has.
        padded: whether all numbers are written with these decimals, as 1.50 is.
    """

    decimal: Literal[".", ","] = "."
    group: str = ""
    before: str = ""
    after: str = ""
    decimals: int | None = None
    padded: bool = False

    def number(self, word: str) -> float | None:
        """The number that a word stands for; None if it is not written so, or not finite."""
        word = word.strip()
        if self.before or self.after:
            signed = word[:1] in "+-" and word[:1]
            bare = word[1:] if signed else word
            if not (bare.startswith(self.before) and bare.endswith(self.after.strip())):
                return None
            bare = bare.removeprefix(self.before).removesuffix(self.after.strip()).strip()
            word = (signed or "") + bare
        if PLAIN.fullmatch(word) and self.decimal == ".":
            pass
        elif self.decimal == "," and (COMMA.fullmatch(word) or word.isdecimal()):
            word = word.replace(".", "").replace(",", ".")
        elif self.group == "," and GROUPED.fullmatch(word):
            word = word.replace(",", "")
        elif self.group == " " and SPACED.fullmatch(word):
            word = re.sub("[ '\u00a0\u202f]", "", word).replace(",", ".")
        elif self.decimal == "," and PLAIN.fullmatch(word) and "." not in word:
            pass
        else:
            return None
        value = float(word)
        return value if math.isfinite(value) else None

    def word(self, value: float) -> str:
        """A number, written so."""
        if self.decimals is None:
            text = repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        else:
            text = f"{value:.{self.decimals}f}"
            if self.decimals and not self.padded:
                text = text.rstrip("0").rstrip(".")
        sign = "-" if text.startswith("-") and float(text) else ""
        whole, dot, rest = text.removeprefix("-").partition(".")
        if self.group:
            whole = f"{int(whole):,}".replace(",", self.group)
        return f"{sign}{self.before}{whole}{dot and self.decimal}{rest}{self.after}"


STYLES = (
    Style(),
    Style(group=","),
    Style(","),
    Style(group=" "),
    *(Style(group=",", before=sign) for sign in SIGNS[:-1]),
    *(Style(group=",", after=sign) for sign in SIGNS),
    *(Style(",", after=sign) for sign in SIGNS),
)


def style_of(words: Sequence[str], decimal: str | None) -> Style | None:
    """The way in which all words, but for a few, are written as numbers; None if there is none.

    Args:
        words: different words that are not missing.
        decimal: mark before decimals, where it is known.
    """
    best, most = None, 0
    for style in STYLES:
        if decimal is not None and style.decimal != decimal and style.group != " ":
            continue
        others = (word for word in words if style.number(word) is None)
        found = len(words) - len([*islice(others, STRAYS + 1)])
        if found > most and found >= len(words) - STRAYS:
            best, most = style, found
        if most == len(words):
            break
    if best is None:
        return None
    numbers = [word for word in words if best.number(word) is not None]
    bare = [word.strip().strip(SIGNS + " ") for word in numbers]
    mark = "." if best.decimal == "," else best.group
    group = mark if mark and any(mark in word for word in bare) else ""
    before, after = best.before, best.after
    if after and all(word.strip().endswith(f" {after}") for word in numbers):
        after = f" {after}"
    if any("e" in word.lower() for word in bare):
        return Style(best.decimal, group, before, after)
    counts = [len(word.partition(best.decimal)[2]) for word in bare]
    padded = len({*counts}) == 1
    return Style(best.decimal, group, before, after, max(counts), padded)


def decimal_mark(words: Iterable[str]) -> str | None:
    """A comma if some words can only be numbers with decimals after a comma; else None."""
    return (
        "," if any(CLEARLY.fullmatch(word.strip().strip(SIGNS + " ")) for word in words) else None
    )


def decimals_of(values: Iterable[float]) -> int | None:
    """The decimals that numbers of a typed file need, at most 9; None if they need more."""
    most = 0
    for value in values:
        exponent = Decimal(repr(value)).normalize().as_tuple().exponent
        most = max(most, -int(exponent))
        if most > 9:
            return None
    return most


# --- dates -------------------------------------------------------------------------------------

DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y")
NAMED_DATES = ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y", "%Y-%m")
TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", "T%H:%M", " %H:%M:%S.%f", "T%H:%M:%S.%f")
ZONES = ("", "Z", "%z")
FORMATS = (
    *(day + time + zone for day in DATES for time in TIMES for zone in (ZONES if time else ("",))),
    *NAMED_DATES,
    "%H:%M",
    "%H:%M:%S",
)
AMBIGUOUS = {"%m/%d/%Y": "%d/%m/%Y"}


def seconds_of(moment: date) -> float:
    """Seconds from 1970 to a date or a moment, without its zone's offset if it has one."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return (moment - EPOCH) / timedelta(seconds=1)


def moment_of(seconds: float) -> datetime:
    """The moment so many seconds after 1970, of the years 1 to 9999."""
    least, most = seconds_of(datetime.min) + 1, seconds_of(datetime.max) - 1
    return EPOCH + timedelta(seconds=min(max(seconds, least), most))


def parsed(word: str, form: str) -> float | None:
    """The seconds of a date in a format; None if it is not written so."""
    try:
        moment = datetime.strptime(word.strip(), form)
    except ValueError:
        return None
    if "%Y" not in form and "%y" not in form:
        moment = moment.replace(year=1970, month=1, day=1)
    return seconds_of(moment)


def format_of(words: Sequence[str]) -> tuple[str, bool] | None:
    """The format in which all words are dates, and whether day and month could change places."""
    if not words or not any(mark in words[0] for mark in "-/.: "):
        return None
    for form in FORMATS:
        if parsed(words[0], form) is not None and all(parsed(w, form) is not None for w in words):
            other = next((form.replace(a, b) for a, b in AMBIGUOUS.items() if a in form), None)
            both = other is not None and all(parsed(word, other) is not None for word in words)
            return form, both
    return None
