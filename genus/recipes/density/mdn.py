"""A mixture density network: what the columns of a table are, given the others."""

from ...core import Model, Reals
from ...density import MixtureDensityNetwork
from ...train import Run
from .._fitted import context_of, dropout_for, fitted, loaded, patient

RUN = Run(rounds=4000, batch=256, lr=1e-3, clip=1.0, ema=0.99)
ENOUGH = 10_000  # rows to standardise with


def mdn(
    data: str = "diabetes?drawn=target",
    components: int = 3,
    width: int = 128,
    depth: int = 2,
    dropout: float | None = None,
    run: Run = RUN,
) -> Model:
    """MixtureDensityNetwork on diabetes; target: 5.5 nats of the disease a year later, given the patient.

    Args:
        data: name or path of data with vectors that are given, such as a table with --data.given.
        components: number of normal distributions.
        width: units of each hidden layer of the network.
        depth: number of hidden layers of the network.
        dropout: share of hidden units set to zero in a round, in [0, 1); by default the less the more
            rows there are, from 0.5 down.
        run: length, folder and device of the run.
    """
    source, space = loaded("mdn", data, run, Reals, axes="d", given=True)
    given = context_of("mdn", source, Reals, "table.csv?given=age,city")
    share = dropout_for(source) if dropout is None else dropout
    model = MixtureDensityNetwork(space, given, components, (width,) * depth, share)
    model.prepare(*source.train.batch(0, ENOUGH, run.seed))
    return fitted(model, source, patient(run, source))
