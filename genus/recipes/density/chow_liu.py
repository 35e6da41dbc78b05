"""The most likely tree of dependent columns, for bits, pixels and categories."""

from ...core import Bits, Model, Pixels, Tokens
from ...density import ChowLiu
from ...train import Run
from .._fitted import fitted, loaded

RUN = Run(rounds=1)


def chow_liu(data: str = "digits", smoothing: float = 0.3, run: Run = RUN) -> Model:
    """ChowLiu on digits; target: at most 2.25 bits per dimension, in one round.

    Args:
        data: name or path of a data set of bits, pixels or tokens that do not end.
        smoothing: how often each pair of values is taken to have been seen before, at least 0.
        run: length, folder and device of the run; one round is all it takes.
    """
    source, space = loaded("chow_liu", data, run, Bits, Pixels, Tokens)
    return fitted(ChowLiu(space, smoothing), source, run, schedule=None)
