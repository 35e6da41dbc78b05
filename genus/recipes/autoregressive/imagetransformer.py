"""The image Transformer on binarised MNIST, or on any images, with their labels or without."""

from ...autoregressive import ImageTransformer
from ...core import Model
from ...data import Data
from ...measure import scores
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, label_arguments, loaded

RUN = Run(rounds=1000, batch=16, lr=4e-3, clip=1.0, ema=0.995, autocast=True, evaluate_every=200)
ROWS = 250  # scored during training


def imagetransformer(
    data: str = "binarized_mnist",
    classes: bool = False,
    width: int = 64,
    layers: int = 3,
    heads: int = 2,
    window: int = 5,
    dropout: float = 0.0,
    run: Run = RUN,
) -> Model:
    """Image Transformer on binarised MNIST; target: below 86 nats in 10 CPU minutes.

    Args:
        data: name or path of a data set of images of bits or pixels; the default is read from the
            folder GENUS_DATA.
        classes: whether the model is conditioned on the label of each image, which the data must have.
        width: dimension of the embedding of a value; a multiple of twice the number of heads.
        layers: number of blocks of attention and a perceptron.
        heads: number of attention heads.
        window: number of rows above and columns beside a pixel that are attended to directly.
        dropout: share of residuals and of attention weights set to zero in a round of training.
        run: length, folder and device of the run.
    """
    source, space = loaded("imagetransformer", data, run, view=Data.labelled if classes else None)
    labels, look = label_arguments(source), scores(source.validation, rows=ROWS)
    model = ImageTransformer(space, width, layers, heads, window, dropout, *labels)
    return fitted(model, source, run, schedule=warmed(cosine), evaluate=look)
