"""A recipe for tests: it has a fault of its own."""

from genus.core import Model
from genus.train.run import Run

RUN = Run(rounds=1)


def broken(data: str = "digits", run: Run = RUN) -> Model:
    """A fault: none better.

    Args:
        data: name or path of a data set.
        run: how long, where to, on what.
    """
    raise KeyError(f"{data} {run.seed}")
