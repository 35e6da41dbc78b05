"""PixelSNAIL on binarised MNIST, or on any images, with their labels or without."""

from ...autoregressive import PixelSNAIL
from ...core import Model
from ...data import Data
from ...measure import scores
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import ANY, fitted, loaded, told_labels

RUN = Run(rounds=3000, batch=16, lr=4e-3, clip=1.0, ema=0.995, autocast=True, evaluate_every=500)
ROWS = 250  # that are scored on the way


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
    """PixelSNAIL on digits; target: 1.82 bits per dimension.

    Args:
        data: name or path of a data set of images of bits or pixels; this one is read from the
            folder GENUS_DATA.
        classes: it is told the label of each image, which the data must have.
        width: channels of the convolutions.
        blocks: each is some residual layers and a look at all that came before.
        residuals: gated residual layers of a block.
        look: numbers of a query, a key and a value, all heads together.
        heads: of the attention.
        mixture: logistics that weigh a pixel's levels; without, each level has a logit of its own.
        dropout: the share of channels that is dropped in training, in [0, 1).
        run: how long, where to, on what.
    """
    source, space = loaded("pixelsnail", data, run, ANY, Data.labelled if classes else None)
    sizes = (width, blocks, residuals, look, heads, mixture, dropout)
    model = PixelSNAIL(space, *sizes, *told_labels(source))
    figures = scores(source.validation, rows=ROWS)
    return fitted(model, source, run, schedule=warmed(cosine), evaluate=figures)
