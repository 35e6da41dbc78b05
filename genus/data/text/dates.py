"""Written dates and their meaning: "TUE 3rd May '98" is "1998-05-03".

A row is (x, context): the meaning, and the date as it was written, character by character. Years are
1950 .. 2049. In dates of numbers alone the separator gives the order: with points the day comes
first, with slashes the month, with dashes the year.

The test has dates and formats that a model has never seen: of their
parts, an order, a kind of day, of month, of year, it has seen each, but not together.
"""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from string import ascii_lowercase, ascii_uppercase

from ..sets import Data
from ..sources import Source
from ..splits import Rows
from .languages import END, Languages, Words, sentences, several

FIRST, LAST = date(1950, 1, 1), date(2049, 12, 31)
MONTHS = several(
    "January February March April May June July August September October November December"
)
DAYS = several("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
CHARACTERS = Words((END, *" ',-./0123456789", *ascii_uppercase, *ascii_lowercase))
ISO = Words(tuple("0123456789-"))
LONGEST = 32  # characters of a written date


@dataclass(frozen=True)
class Format:
    """A way to write a date.

    Args:
        order: order of d, m and y.
        weekday: number of its letters, which come first; 0 for none.
        day: form of the day: "3", "03" or "3rd".
        month: form of the month: "May", in full; "Sep", the first three letters; or "05".
        year: form of the year: "1998" or "'98".
        case: case of the letters: "as it is", "small" or "CAPITAL".
    """

    order: str
    weekday: int
    day: str
    month: str
    year: str
    case: str

    def write(self, when: date) -> str:
        """The date in this format."""
        year = f"'{when:%y}" if self.year == "'98" else f"{when.year}"
        name = MONTHS[when.month - 1]
        month = {"Sep": name[:3], "05": f"{when.month:02}"}.get(self.month, name)
        day = {"3": f"{when.day}", "03": f"{when.day:02}"}.get(self.day, ordinal(when.day))
        sign = {"dmy": ".", "mdy": "/", "ymd": "-"}[self.order] if self.month == "05" else " "
        parts = {"d": day, "m": month, "y": year}
        if self.order == "mdy" and sign == " ":
            parts["d"] += ","
        text = sign.join(parts[part] for part in self.order)
        if self.weekday:
            text = f"{DAYS[when.weekday()][: self.weekday]} {text}"
        return {"small": text.lower(), "CAPITAL": text.upper()}.get(self.case, text)


def ordinal(day: int) -> str:
    """1st, 2nd, 3rd, 4th, ..."""
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


ORDERS, YEARS = ("dmy", "mdy", "ymd"), ("1998", "'98")
IN_WORDS = [
    Format(*parts)
    for parts in product(
        ORDERS,
        (0, 3, 9),
        ("3", "03", "3rd"),
        ("May", "Sep"),
        YEARS,
        ("as it is", "small", "CAPITAL"),
    )
]
IN_NUMBERS = [
    Format(order, 0, day, "05", year, "as it is")
    for order, day, year in product(ORDERS, ("3", "03"), YEARS)
]


def dates(rows: int = 20_000, held_out: int = 2_000, seed: int = 0) -> Languages:
    """Written dates and their meaning.

    Args:
        rows: number of training rows: nine days of ten, in four of five formats.
        held_out: number of test rows: other days, in the other formats; half as many, in formats
            that occur in training, are for validation.
        seed: random seed of the rows, and of what is held out.
    """
    draw = random.Random(seed)
    days = [FIRST + timedelta(i) for i in range((LAST - FIRST).days + 1)]
    draw.shuffle(days)
    formats = draw.sample(IN_WORDS, len(IN_WORDS))
    known, unknown = formats[len(formats) // 5 :], formats[: len(formats) // 5]
    new, old = days[: len(days) // 10], days[len(days) // 10 :]

    def split(name: str, count: int, days: list[date], formats: list[Format]) -> Rows:
        chosen = [draw.choice(days) for _ in range(count)]
        texts = [draw.choice(formats).write(when) for when in chosen]
        return sentences(f"dates {name}", texts, [when.isoformat() for when in chosen], *sides)

    sides = (CHARACTERS, LONGEST, ISO, 10)
    mixed = [*known, *(IN_NUMBERS * (len(known) // (4 * len(IN_NUMBERS)) + 1))]
    data = Data(
        "dates",
        split("train", rows, old, mixed),
        split("validation", held_out // 2, new, mixed),
        split("test", held_out, new, unknown),
        symbols=ISO.words,
        context_symbols=CHARACTERS.words,
    )
    return Languages(data, CHARACTERS, ISO)


SETS = {"dates": Source(lambda: dates().data)}
