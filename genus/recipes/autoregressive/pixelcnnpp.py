"""PixelCNN++ on digits of 8 x 8, or on any images."""

from ...autoregressive import PixelCNNPP
from ...core import Model
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

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
    """PixelCNN++ on digits; target: 1.75 bits per dimension, below MADE's.

    Args:
        data: name or path of a data set of images of bits or pixels.
        width: channels of each of the two streams.
        scales: number of sizes of the image, each half the one before.
        blocks: number of residual blocks at each size on the way down.
        components: number of logistics in each mixture.
        dropout: share of the inputs of each block's second layer set to zero in a round of training.
        run: length, folder and device of the run.
    """
    source, space = loaded("pixelcnnpp", data, run)
    model = PixelCNNPP(space, width, scales, blocks, components, dropout)
    return fitted(model, source, run, schedule=warmed(cosine))
