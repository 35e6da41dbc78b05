"""Findings about a run, from the figures of its log, and what they are read from.

A fault is reported if it shows now and showed at the looks before; one that has passed is not.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from .remedies import advice

LOOKS = 2  # in a row that must show a fault

Look = Mapping[str, float]
Severity = Literal["good", "warning", "failure"]


class Finding(NamedTuple):
    """One finding about a run."""

    name: str
    severity: Severity
    since: int  # the round of the first look that showed it
    fault: str  # what, since when, how much
    tries: tuple[str, ...] = ()  # names of remedies
    had: frozenset[str] = frozenset()  # those that the run has already

    @property
    def sentence(self) -> str:
        """The finding, and what to try."""
        words = advice(self.tries, self.had)
        return f"{self.fault}; try {words}" if words else self.fault


def since_all(
    looks: Sequence[Look], bad: Callable[[Look], bool], *needs: str, least: int = LOOKS
) -> int | None:
    """The round since which all looks are bad; None if the last are not, or are fewer than `least`.

    Looks without the figures that are needed do not count.
    """
    known = [look for look in looks if all(name in look for name in needs)]
    streak: list[Look] = []
    for look in reversed(known):
        if not bad(look):
            break
        streak.append(look)
    return int(streak[-1]["round"]) if len(streak) >= least else None


def looks_of(lines: Iterable[Mapping[str, Any]], prefix: str) -> list[Look]:
    """The figures under a prefix such as game/, by their own names, and the round, of each line that has some."""
    found = []
    for line in lines:
        if own := {k.removeprefix(prefix): v for k, v in line.items() if k.startswith(prefix)}:
            found.append({**own, "round": line["round"]})
    return found
