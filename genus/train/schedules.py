"""Factors on a learning rate, as functions of the completed share of a run, from 0 to 1.

A run may end by time, so a schedule does not depend on rounds; it is pure, so it has no state.
"""

import math
from collections.abc import Callable

from ..errors import in_range

Schedule = Callable[[float], float]


def constant(progress: float) -> float:
    """A constant factor of 1."""
    return 1.0


def linear(progress: float) -> float:
    """A factor that falls linearly from 1 to 0."""
    return 1 - progress


def cosine(progress: float) -> float:
    """A factor that falls from 1 to 0 along half a cosine, flat at both ends."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def warmed(schedule: Schedule, share: float = 0.05) -> Schedule:
    """The schedule, multiplied by a straight rise from 0 over the first `share` of the run.

    Args:
        schedule: schedule to warm up.
        share: share of the run that the rise takes, in (0, 1].
    """
    in_range("warmed", "(0, 1]", share=share)
    return lambda progress: min(1.0, progress / share) * schedule(progress)
