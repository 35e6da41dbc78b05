"""CatGAN on rows of several classes: of few labels, or of none."""

from dataclasses import replace
from typing import cast

from ...adversarial import CatGAN, NoisyMLP
from ...core import Classes, Model, Refused
from ...data import Data
from ...data.labels.partly import PartlyLabelled
from ...nn import MLP
from ...train import Run, adam
from .._fitted import context_of, fitted, loaded
from ._classes import error_of

RUN = Run(rounds=3000, batch=200, lr=1e-3, ema=0.999, evaluate_every=500)


def catgan(
    data: str = "digits",
    labels: int = 100,
    alpha: float = 1.0,
    labelled: float = 0.2,
    hidden: tuple[int, ...] = (250, 250),
    noise: float = 0.3,
    hidden_noise: float = 0.5,
    latent: int = 32,
    width: int = 250,
    run: Run = RUN,
) -> Model:
    """CatGAN on digits with 100 labels; target: 92 % of held-out classes found.

    The log's figure `error` is the share of validation rows with a wrong class; without labels, of those that are
    not of the class of most rows that the critic puts together.

    Args:
        data: name or path of a data set with classes, of images or vectors; rows are seen as vectors.
        labels: number of training rows whose class is shown, as many of each; the run's seed chooses them. 0 shows
            none: then the critic has as many classes as the data, which it makes out by itself.
        alpha: weight of the classification of labelled rows, above 0 if there are any.
        labelled: share of a batch whose classes are shown.
        hidden: widths of the critic's hidden layers.
        noise: standard deviation of the noise on what the critic sees, in training.
        hidden_noise: standard deviation of the noise on each of its hidden layers.
        latent: dimension of z.
        width: units of each of the generator's two hidden layers.
        run: length, folder and device of the run.
    """
    if labels and not alpha > 0:
        raise Refused(f"catgan: alpha is {alpha} and labels is {labels}; above 0, or no labels")
    source, space = loaded("catgan", data, run, view=Data.labelled)
    classes = context_of("catgan", source, Classes, "digits and mnist").count
    judged = source.validation
    if labels:
        train = PartlyLabelled(source.train, labels, run.seed, labelled)
        source = replace(source, train=train)
    else:
        source, _ = loaded("catgan", data, run)
    model = CatGAN(
        space,
        MLP(latent, space.dims, (width, width), activation="relu"),
        NoisyMLP(space.dims, classes, hidden, noise, hidden_noise),
        latent,
        classes,
        alpha if labels else 0.0,
    )
    look = error_of(judged, lambda m, x: cast(CatGAN, m).classify(x), by_code=not labels)
    return fitted(model, source, run, adam(run.lr, (0.5, 0.999)), evaluate=look)
