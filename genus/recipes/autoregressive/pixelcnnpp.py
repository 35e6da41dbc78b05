"""PixelCNN++ on digits of 8 x 8, or on any images."""

import torch

from ...autoregressive import PixelCNNPP
from ...core import Model
from ...data import load
from ...measure import scores
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine, warmed

RUN = Run(rounds=2000, batch=32, lr=3e-3, ema=0.998, autocast=True, evaluate_every=500)


def pixelcnnpp(
    data: str = "digits",
    width: int = 24,
    scales: int = 2,
    blocks: int = 1,
    components: int = 5,
    dropout: float = 0.3,
    run: Run = RUN,
) -> Model:
    """PixelCNN++ on digits: 1.74 bits per dimension, 77.2 nats; MADE has 1.82 bits per dimension.

    Args:
        data: name or path of a data set of images of bits or pixels.
        width: channels of both streams.
        scales: sizes of the image, each half the one before.
        blocks: residual blocks at each size on the way down.
        components: logistics of a mixture.
        dropout: the share of the inputs of blocks' second layers left out in learning.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    return fit(
        PixelCNNPP(source.space, width, scales, blocks, components, dropout),
        source.train,
        run,
        schedule=warmed(cosine),
        evaluate=scores(source.validation),
        picture=picture,
    )
