"""The time of a run of minutes: all of it is the run's, also its last evaluation and picture.

Training ends early enough that an evaluation, a picture and a checkpoint fit into what is left, as far
as their costs are known from before; so a first evaluation is made in the first quarter of the time.
An evaluation that can choose its number of rows (`Timely`) is given a tenth of the time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

SHARE = 0.1  # of the run that one evaluation, or one picture, may take
MOST = 0.5  # of the run that is kept for the end


class Budget:
    """What the end of a run costs, and when its training must end.

    Args:
        minutes: length of the run; None if it has none, and then nothing is bounded.
        clock: function that returns the time in seconds.
    """

    def __init__(self, minutes: float | None, clock: Callable[[], float]):
        self.total = None if minutes is None else 60 * minutes
        self.clock = clock
        self.costs: dict[str, float] = {}  # seconds that each part of the end took when last done

    @contextmanager
    def timing(self, part: str) -> Iterator[None]:
        """Measures what a part of the end costs."""
        begun = self.clock()
        yield
        self.costs[part] = self.clock() - begun

    def over(self, seconds: float, picture: float) -> bool:
        """Whether training must end.

        Args:
            seconds: time of the run so far.
            picture: seconds that the last picture will take.
        """
        if self.total is None:
            return False
        kept = min(sum(self.costs.values()) + picture, MOST * self.total)
        return seconds + kept >= self.total

    def wants_evaluation(self, seconds: float) -> bool:
        """Whether the first evaluation is due, for what it costs must be known."""
        return (
            self.total is not None and "evaluation" not in self.costs and seconds >= self.total / 4
        )

    def share(self) -> float | None:
        """Seconds that one evaluation, or one picture, may take; None if there is no bound."""
        return None if self.total is None else SHARE * self.total

    def spent(self, seconds: float) -> float:
        """The seconds of a run whose training ended by the clock: its time is spent, and no less."""
        return seconds if self.total is None else max(seconds, self.total)
