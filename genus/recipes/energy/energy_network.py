"""An energy that a perceptron gives, trained by Langevin chains that are kept, on vectors."""

from ...core import Model, Reals
from ...energy import EnergyNetwork
from ...train import Run
from ...train.fit import adam
from .._fitted import fitted, loaded

RUN = Run(rounds=8000, batch=256, lr=2e-3, ema=0.99, evaluate_every=2000)
ENOUGH = 20_000  # rows that say where the data are


def energy_network(
    data: str = "moons",
    hidden: tuple[int, ...] = (64, 64),
    steps: int = 20,
    chains: int = 256,
    run: Run = RUN,
) -> Model:
    """EnergyNetwork on two moons; target: within 0.1 nats of the truth by annealed importance sampling.

    Args:
        data: name or path of a data set of vectors.
        hidden: widths of the network's hidden layers.
        steps: moves of a chain in a round.
        chains: number of chains that are kept, best as many as a batch has rows.
        run: length, folder and device of the run.
    """
    source, space = loaded("energy_network", data, run, Reals)
    model = EnergyNetwork(space, hidden, steps=steps, chains=chains)
    model.prepare(source.train.first(ENOUGH)[0])
    return fitted(model, source, run, adam(run.lr, betas=(0.0, 0.99)))
