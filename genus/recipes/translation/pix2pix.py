"""Pix2Pix on pairs of images."""

from ...core import Model, Pixels, Space
from ...data import Data
from ...train import Run, adam
from ...translation import Pix2Pix
from .._fitted import context_of, fitted, loaded

RUN = Run(rounds=3000, batch=32, lr=1e-3, ema=0.999)


def pix2pix(
    data: str = "digits_pairs",
    width: int = 32,
    l1: float = 100.0,
    game: bool = True,
    run: Run = RUN,
) -> Model:
    """Pix2Pix on 4 x 4 digits made 8 x 8; target: L1 of 0.15, half of the blocks' own.

    Args:
        data: name or path of a data set of pairs; images without a partner are paired with
            their own means over blocks of 2 x 2 pixels.
        width: channels of the first layer of both networks.
        l1: weight of the absolute difference.
        game: whether a critic plays; otherwise the absolute difference is the only loss.
        run: length, folder and device of the run.
    """
    source, space = loaded("pix2pix", data, run, Pixels, view=paired)
    given = context_of("pix2pix", source, Space, "digits_pairs")
    model = Pix2Pix(space, given, width, l1=l1, game=game)
    optimizers = adam(run.lr, betas=(0.5, 0.999))
    return fitted(model, source, run, optimizers, schedule=None)


def paired(source: Data) -> Data:
    """Pairs as they are; other images with their means over blocks of 2 x 2 pixels."""
    return source.coarse() if source.context_space is None else source
