"""A flow on vectors."""

from ...core import Model
from ...flow import RealNVP
from ...train import Run
from .._fitted import fitted, loaded, patient

RUN = Run(rounds=8000, batch=256, lr=2e-3, clip=1.0, ema=0.99)
ENOUGH = 10_000  # rows to standardise with


def realnvp(
    data: str = "moons",
    couplings: int = 12,
    width: int = 64,
    depth: int = 2,
    dropout: float = 0.0,
    run: Run = RUN,
) -> Model:
    """RealNVP on two moons; target: 0.02 nats from the truth.

    With `--compile` a round is three times as fast, which pays from about 6,000 rounds, and sooner the second time.

    Args:
        data: name or path of a data set of vectors.
        couplings: number of couplings; each transforms half of the features.
        width: units of each hidden layer of a coupling's network.
        depth: number of hidden layers of a coupling's network.
        dropout: share of hidden units set to zero in a round of training.
        run: length, folder and device of the run.
    """
    source, space = loaded("realnvp", data, run)
    model = RealNVP(space, couplings, width, depth, dropout)
    model.prepare(*source.train.batch(0, ENOUGH, run.seed))
    return fitted(model, source, patient(run, source))
