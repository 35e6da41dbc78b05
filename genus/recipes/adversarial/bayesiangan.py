"""Bayesian GAN on vectors: several generators and critics that walk by SGHMC."""

import torch

from ...adversarial import BayesianGAN
from ...core import Model, Reals
from ...data import load
from ...functional.adversarial.langevin import SGHMC
from ...measure import scores
from ...nn import MLP
from ...show import picture
from ...train.fit import fit
from ...train.run import Run

RUN = Run(rounds=1500, batch=64, lr=0.003)


def bayesiangan(
    data: str = "linear_mixture",
    generators: int = 10,
    critics: int = 1,
    prior_std: float = 10.0,
    friction: float = 0.1,
    temperature: float = 1.0,
    latent: int = 10,
    width: int = 1000,
    run: Run = RUN,
) -> Model:
    """Bayesian GAN on ten planes in 100 dimensions: Jensen-Shannon 0.09 nats; one GAN by Adam, 0.41.

    That is not the posterior's doing alone: by SGHMC one generator has 0.14, and ten that Adam moves,
    without noise, have 0.02 (benchmarks/bayesian.py).

    Args:
        data: name or path of a data set of vectors.
        generators: how many walk at once: J x M of the paper.
        critics: how many judge them.
        prior_std: standard deviation of every weight under its prior, above 0.
        friction: the share of its speed that a walk loses in a round, in (0, 1].
        temperature: of the posterior that is drawn from; 1 is the posterior, 0 its mode.
        latent: the size of z.
        width: features of the one hidden layer of each network.
        run: how long, where to, on what; lr is the step of the walks.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    space = source.space
    if not (isinstance(space, Reals) and len(space.shape) == 1):
        raise ValueError(f"bayesiangan: {data} is of {space}; Reals((d,)) are wanted")
    rows = len(source.train)

    def perceptrons(count: int, d_in: int, d_out: int) -> list[MLP]:
        return [MLP(d_in, d_out, (width,), activation="leaky_relu") for _ in range(count)]

    return fit(
        BayesianGAN(
            space,
            perceptrons(generators, latent, space.dims),
            perceptrons(critics, space.dims, 1),
            latent,
            rows,
            prior_std,
        ),
        source.train,
        run,
        optimizers=lambda _, weights: SGHMC(weights, run.lr, rows, friction, temperature),
        evaluate=scores(source.validation),
        picture=picture,
    )
