"""The common part of recipes of flows of vectors: features are standardised first."""

from collections.abc import Sequence

from ...core import Model, Reals
from ...data import Data
from ...flow import Bijection, Flow, Standard
from ...train import Run
from .._fitted import fitted, patient

ENOUGH = 10_000  # rows to standardise with


def fitted_flow(steps: Sequence[Bijection], source: Data, space: Reals, run: Run) -> Model:
    """A flow of these steps, trained; before them, each feature is standardised by training rows."""
    model = Flow(space, [Standard(space.shape), *steps])
    model.prepare(*source.train.batch(0, ENOUGH, run.seed))
    return fitted(model, source, patient(run, source))
