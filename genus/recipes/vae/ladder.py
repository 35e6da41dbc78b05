"""A hierarchical variational autoencoder with perceptrons, on bits or on vectors."""

from ...core import Model
from ...train import Run
from ...vae import LadderVAE
from ...vae.layers.ladder import Inference
from .._fitted import fitted, loaded
from ._parts import as_bits

RUN = Run(rounds=2500, batch=128, lr=2e-3, ema=0.99, evaluate_every=500)


def ladder(
    data: str = "digits",
    latents: tuple[int, ...] = (8, 4),
    widths: tuple[int, ...] = (256, 128),
    depth: int = 2,
    dropout: float = 0.1,
    inference: Inference = "ladder",
    k: int = 1,
    free: float = 0.0,
    warm_up: int = 400,
    run: Run = RUN,
) -> Model:
    """LadderVAE on digits as bits; target: at most 23.5 nats by the bound, both layers in use.

    Args:
        data: name or path of a data set of bits, of pixels, which are drawn as bits, or of vectors.
        latents: sizes of the layers of latents, the one next to the data first.
        widths: units of the hidden layers next to each of them.
        depth: number of hidden layers between two layers of latents.
        dropout: share of hidden units set to zero in a round of training: there are few digits.
        inference: ladder, or bottom-up for guesses of each layer from the one below.
        k: number of draws for each row in the loss.
        free: nats of each layer that cost nothing; only with k = 1.
        warm_up: rounds until the KL has its full weight.
        run: length, folder and device of the run.
    """
    source, space = loaded("ladder", data, run, view=as_bits)
    model = LadderVAE(
        space, latents, widths, depth, dropout, inference, k=k, free=free, warm_up=warm_up
    )
    return fitted(model, source, run)
