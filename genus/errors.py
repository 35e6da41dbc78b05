"""Refusals: errors that are the caller's, and say so.

Every message is one sentence: who: what came; what is wanted; how to mend it.
"""


class Refused(ValueError):
    """What was asked for cannot be done."""


class RefusedType(Refused, TypeError):
    """What came is of a kind that cannot be used at all."""


def at_least(least: int, who: str, **values: float | None) -> None:
    """Raises Refused of the first of these values below `least`; None is not looked at."""
    for name, value in values.items():
        if value is not None and not value >= least:
            verb = "are" if least > 1 else "is"
            raise Refused(f"{who}: {name} is {value}; at least {least} {verb} wanted")


def positive(who: str, **values: float | None) -> None:
    """Raises Refused of the first of these values that is not above 0; None is not looked at."""
    for name, value in values.items():
        if value is not None and not value > 0:
            raise Refused(f"{who}: {name} is {value}; it must be above 0")


def in_range(who: str, interval: str, **values: float | None) -> None:
    """Raises Refused of the first of these values outside "[0, 1)" or the like; None is not looked at."""
    low, high = map(float, interval[1:-1].split(","))
    for name, value in values.items():
        ends = (value == low and interval[0] == "[") or (value == high and interval[-1] == "]")
        if value is None or low < value < high or ends:
            continue
        raise Refused(f"{who}: {name} is {value}; it must be in {interval}")
