"""The common part of recipes of flows of vectors: features are standardised first.

Where a vector is given with each row, the flow is of p(x | context).
"""

from collections.abc import Sequence

from ...core import Model, Reals, Refused
from ...data import Data
from ...flow import Bijection, Flow, Standard
from ...nn import Flat
from ...train import Run
from .._fitted import fitted, patient

ENOUGH = 10_000  # rows to standardise with


def width_of_context(who: str, source: Data) -> int:
    """The number of features that are given with each row; 0 if nothing is."""
    given = source.context_space
    if given is None:
        return 0
    if isinstance(given, Reals) and len(given.shape) == 1:
        return given.dims
    raise Refused(f"{who}: {source.name} gives {given} with each x; a vector is wanted, or nothing")


def fitted_flow(steps: Sequence[Bijection], source: Data, space: Reals, run: Run) -> Model:
    """A flow of these steps, trained; before them, each feature is standardised by training rows."""
    given = source.context_space
    embed = None if given is None else Flat()
    model = Flow(space, [Standard(space.shape), *steps], context_space=given, embed=embed)
    model.prepare(*source.train.batch(0, ENOUGH, run.seed))
    return fitted(model, source, patient(run, source))
