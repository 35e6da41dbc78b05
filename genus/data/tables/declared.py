"""What the user declares of the columns of a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...core import Refused


@dataclass(frozen=True)
class Declared:
    """What the user declares of a column: its kind, or its bounds."""

    kind: str = ""
    low: float | None = None
    high: float | None = None


def wished(words: str | None, names: Sequence[str], who: str) -> dict[str, Declared]:
    """What is declared of columns: name=kind, with commas between; also name=0.., ..100 or 0..1."""
    found = {}
    for word in (words or "").split(",") if words else []:
        name, _, wish = word.strip().rpartition("=")
        if name not in names:
            raise Refused(f"{who}: there is no column '{name}'; its columns are {', '.join(names)}")
        if ".." in wish:
            low, _, high = wish.partition("..")
            try:
                found[name] = Declared("", *(float(end) if end else None for end in (low, high)))
            except ValueError:
                raise Refused(f"{who}: {name}={wish}; numbers are wanted, as in 0..1") from None
        elif wish in ("category", "number", "real", "date", "out"):
            found[name] = Declared(wish)
        else:
            raise Refused(
                f"{who}: {name}={wish}; category, number, real, date, out, or bounds such as 0..1 "
                f"are wanted"
            )
    return found
