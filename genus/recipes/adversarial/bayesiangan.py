"""Bayesian GAN on vectors: several generators and critics that walk by SGHMC."""

from torch import nn

from ...adversarial import BayesianGAN
from ...core import Model, Reals
from ...functional.adversarial.langevin import SGHMC
from ...nn import MLP
from ...train import Run
from .._fitted import fitted, loaded

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
    """Bayesian GAN on ten planes in 100 dimensions; target: at most 0.1 nats of Jensen-Shannon.

    benchmarks/adversarial/bayesian.py compares it with one GAN by Adam, to isolate the effect of the posterior.

    Args:
        data: name or path of a data set of vectors.
        generators: number of generators sampled at once: J x M of the paper.
        critics: number of critics sampled at once.
        prior_std: standard deviation of every weight under its prior, above 0.
        friction: share of its momentum that a chain loses in a round, in (0, 1].
        temperature: temperature of the posterior; 1 samples from it, 0 seeks its mode.
        latent: dimension of z.
        width: units of the one hidden layer of each network.
        run: length, folder and device of the run; lr is the step of the walks.
    """
    source, space = loaded("bayesiangan", data, run, Reals, axes="d")
    rows = len(source.train)

    def perceptrons(count: int, d_in: int, d_out: int) -> list[MLP]:
        return [MLP(d_in, d_out, (width,), activation="leaky_relu") for _ in range(count)]

    model = BayesianGAN(
        space,
        perceptrons(generators, latent, space.dims),
        perceptrons(critics, space.dims, 1),
        latent,
        rows,
        prior_std,
    )

    def optimizers(name: str, weights: list[nn.Parameter]) -> SGHMC:
        return SGHMC(weights, run.lr, rows, friction, temperature)

    return fitted(model, source, run, optimizers, schedule=None)
