"""Factors on a learning rate, as functions of how much of a run is behind, from 0 to 1.

A run may end by the clock, so a schedule knows no rounds; being pure, it needs no state to resume.
"""

import math
from collections.abc import Callable

from ..errors import Refused

Schedule = Callable[[float], float]


def constant(progress: float) -> float:
    """1 all along."""
    return 1.0


def linear(progress: float) -> float:
    """From 1 straight to 0."""
    return 1 - progress


def cosine(progress: float) -> float:
    """From 1 to 0 along half a cosine: flat at both ends."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def warmed(schedule: Schedule, share: float = 0.05) -> Schedule:
    """The schedule, multiplied by a straight rise from 0 over the first `share` of the run.

    Args:
        schedule: what is warmed up.
        share: how much of the run the rise takes, in (0, 1].
    """
    if not 0 < share <= 1:
        raise Refused(f"warmed: share is {share}; it must be in (0, 1]")
    return lambda progress: min(1.0, progress / share) * schedule(progress)
