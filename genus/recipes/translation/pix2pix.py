"""Pix2Pix on pairs of images."""

import torch

from ...core import Model, Pixels
from ...data import load
from ...measure import scores
from ...show import picture
from ...train.fit import Run, adam, fit
from ...translation import Pix2Pix

RUN = Run(rounds=3000, batch=32, lr=1e-3, ema=0.999)


def pix2pix(
    data: str = "digits_pairs",
    width: int = 32,
    l1: float = 100.0,
    game: bool = True,
    run: Run = RUN,
) -> Model:
    """Pix2Pix on 4 x 4 digits made 8 x 8: L1 0.14, where the blocks themselves have 0.31.

    Args:
        data: name or path of a data set of pairs; images without a partner are paired with
            their own means over blocks of 2 x 2 pixels.
        width: channels of the first layer of both networks.
        l1: the weight of the absolute difference.
        game: whether a critic plays; without, only the absolute difference is learnt.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    if source.context_space is None:
        source = source.coarse()
    space, context_space = source.space, source.context_space
    if not isinstance(space, Pixels) or context_space is None:
        raise ValueError(f"pix2pix: x is {space}; images are wanted")
    return fit(
        Pix2Pix(space, context_space, width, l1=l1, game=game),
        source.train,
        run,
        optimizers=adam(run.lr, betas=(0.5, 0.999)),
        evaluate=scores(source.validation),
        picture=lambda model, path: picture(model, path, context=source.validation.everything()[1]),
    )
