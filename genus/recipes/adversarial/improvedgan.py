"""Improved GAN: a classifier that learns from few labels, many rows without one, and rows of a generator."""

from dataclasses import replace
from typing import cast

from ...adversarial import ImprovedGAN, NoisyMLP
from ...core import Classes, Model
from ...data import Data
from ...data.labels.partly import PartlyLabelled
from ...functional.adversarial.objectives import non_saturating
from ...nn import MLP
from ...train import Run, adam
from .._fitted import context_of, fitted, loaded
from ._classes import error_of

RUN = Run(rounds=3000, batch=200, lr=1e-3, ema=0.999, evaluate_every=500)


def improvedgan(
    data: str = "digits",
    labels: int = 100,
    labelled: float = 0.5,
    weight: float = 1.0,
    kernels: int = 0,
    hidden: tuple[int, ...] = (250, 125, 125),
    noise: float = 0.3,
    hidden_noise: float = 0.5,
    latent: int = 50,
    width: int = 250,
    run: Run = RUN,
) -> Model:
    """Improved GAN on digits with 100 labels; target: 93 % of held-out classes found.

    The paper's, on MNIST: hidden 1000,500,250,250,250, latent 100, width 500, batch 200, lr 0.003, 180,000 rounds,
    and an average of the critic's weights of decay 0.9999. The log's figure `error` is the share of validation
    rows with a wrong class, by the average of the weights.

    Args:
        data: name or path of a data set with classes, of images or vectors; rows are seen as vectors.
        labels: number of training rows whose class is shown, as many of each; the run's seed chooses them.
        labelled: share of a batch whose classes are shown.
        weight: weight of telling real rows from fake ones, beside classification.
        kernels: features by which the critic compares the rows of a batch. With some, the generator wants its rows
            taken for real, and samples are better; with 0 it matches the critic's features, which classifies better.
        hidden: widths of the critic's hidden layers.
        noise: standard deviation of the noise on what the critic sees, in training.
        hidden_noise: standard deviation of the noise on each of its hidden layers.
        latent: dimension of z.
        width: units of each of the generator's two hidden layers.
        run: length, folder and device of the run.
    """
    source, space = loaded("improvedgan", data, run, view=Data.labelled)
    classes = context_of("improvedgan", source, Classes, "digits and mnist").count
    source = replace(source, train=PartlyLabelled(source.train, labels, run.seed, labelled))
    model = ImprovedGAN(
        space,
        MLP(latent, space.dims, (width, width), activation="relu"),
        NoisyMLP(space.dims, classes, hidden, noise, hidden_noise, kernels),
        latent,
        classes,
        weight,
        non_saturating if kernels else None,
    )
    look = error_of(source.validation, lambda m, x: cast(ImprovedGAN, m).classify(x))
    rates = {"critic": run.lr, "generator": 3 * run.lr}
    return fitted(model, source, run, adam(rates, (0.5, 0.999)), evaluate=look)
