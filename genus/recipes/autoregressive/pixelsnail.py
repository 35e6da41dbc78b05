"""PixelSNAIL on binarised MNIST, or on any images, with their labels or without."""

from ...autoregressive import PixelSNAIL
from ...core import Model
from ...data import Data
from ...measure import scores
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, label_arguments, loaded

RUN = Run(rounds=3000, batch=16, lr=4e-3, clip=1.0, ema=0.995, autocast=True, evaluate_every=500)
ROWS = 250  # scored during training


def pixelsnail(
    data: str = "binarized_mnist",
    classes: bool = False,
    width: int = 48,
    blocks: int = 3,
    residuals: int = 2,
    look: int = 16,
    heads: int = 1,
    mixture: int | None = None,
    dropout: float = 0.0,
    run: Run = RUN,
) -> Model:
    """PixelSNAIL on binarised MNIST; target: below 83 nats.

    Args:
        data: name or path of a data set of images of bits or pixels; the default is read from the
            folder GENUS_DATA.
        classes: whether the model is conditioned on the label of each image, which the data must have.
        width: channels of the convolutions.
        blocks: number of blocks, each of some residual layers and an attention to all earlier pixels.
        residuals: number of gated residual layers in a block.
        look: dimension of queries, keys and values, all heads together.
        heads: number of attention heads.
        mixture: number of logistics over a pixel's levels; by default each level has its own logit.
        dropout: share of channels set to zero in a round of training, in [0, 1).
        run: length, folder and device of the run.
    """
    source, space = loaded("pixelsnail", data, run, view=Data.labelled if classes else None)
    sizes = (width, blocks, residuals, look, heads, mixture, dropout)
    model = PixelSNAIL(space, *sizes, *label_arguments(source))
    figures = scores(source.validation, rows=ROWS)
    return fitted(model, source, run, schedule=warmed(cosine), evaluate=figures)
