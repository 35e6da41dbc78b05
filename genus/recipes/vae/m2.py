"""A variational autoencoder that classifies, from few labels and many rows without one."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

import torch

from ...core import Classes, Model
from ...data import Data
from ...data.labels.partly import PartlyLabelled
from ...data.splits import Split
from ...train import Run
from ...vae import M2
from .._fitted import context_of, fitted, loaded
from ._parts import as_bits

RUN = Run(rounds=2000, batch=128, lr=1e-3, ema=0.99, evaluate_every=500)
ROWS = 1000  # of the validation split that are scored


def m2(
    data: str = "digits",
    labels: int = 100,
    latent: int = 8,
    width: int = 256,
    depth: int = 1,
    dropout: float = 0.1,
    alpha: float = 10.0,
    labelled: float = 0.2,
    bits: bool = False,
    run: Run = RUN,
) -> Model:
    """M2 on digits with 100 labels; target: 93 % of held-out classes found.

    The checkpoint is chosen by the bound of validation rows, without their labels.

    Args:
        data: name or path of a data set with classes, of bits, pixels or vectors.
        labels: number of training rows whose class is shown, as many of each; the run's seed chooses them.
        latent: dimension of z.
        width: units of each hidden layer.
        depth: number of hidden layers of classifier, encoder and decoder.
        dropout: share of hidden units set to zero in a round of training: there are few labels.
        alpha: weight of the classification of a labelled row beside the bound of a row.
        labelled: share of a batch whose classes are shown; their bounds count by their share of the data.
        bits: whether pixels are drawn as bits, anew in each batch: of large pictures, which are scored sooner so.
        run: length, folder and device of the run.
    """
    source, _ = loaded("m2", data, run, view=Data.labelled)
    classes = context_of("m2", source, Classes, "digits and mnist")
    train = PartlyLabelled(source.train, labels, run.seed, labelled)
    source = replace(source, train=train)
    source = as_bits(source) if bits else source
    model = M2(
        source.space,
        classes.count,
        latent,
        (width,) * depth,
        dropout,
        alpha=alpha,
        share=train.labelled_share,
    )
    return fitted(model, source, run, evaluate=look_at(source.validation))


def look_at(split: Split) -> Callable[[Model], Mapping[str, float]]:
    """The nats of x alone, as a bound, and the share of classes that are found, of rows of a split."""
    x, labels = split.first(ROWS)

    @torch.no_grad()
    def look(model: Model) -> dict[str, float]:
        ours = cast(M2, model)
        rows = x.to(next(model.parameters()).device)
        found = ours.classify(rows).argmax(1).cpu()
        return {
            "nats": -ours.elbo(rows).mean().item(),
            "accuracy": (found == labels).double().mean().item(),
        }

    return look
