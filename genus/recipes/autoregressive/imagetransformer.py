"""The image Transformer on binarised MNIST, or on any images, with their labels or without."""

import torch

from ...autoregressive import ConditionalImageTransformer, ImageTransformer
from ...core import Classes, Model
from ...data import load
from ...measure import scores
from ...nn import Labels
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine, warmed

RUN = Run(rounds=1000, batch=16, lr=4e-3, clip=1.0, ema=0.995, autocast=True, evaluate_every=200)
ROWS = 250  # that are scored on the way


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
    """Image Transformer on binarised MNIST: 85.1 nats in 9 CPU minutes; independent bits have 205.8.

    Args:
        data: name or path of a data set of images of bits or pixels; this one is read from the
            folder GENUS_DATA.
        classes: it is told the label of each image, which the data must have.
        width: of the vector that stands for a value; a multiple of twice the heads.
        layers: blocks of attention and perceptron.
        heads: of the attention.
        window: pixels up to so many rows above and columns beside are told directly.
        dropout: the share that is dropped in training, in [0, 1).
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data).labelled() if classes else load(data)
    sizes = {"width": width, "layers": layers, "heads": heads, "window": window}
    given, model = source.context_space, None
    if isinstance(given, Classes):
        embed = Labels(given.count)
        model = ConditionalImageTransformer(
            source.space, given, embed, given.count, **sizes, dropout=dropout
        )
    return fit(
        model or ImageTransformer(source.space, **sizes, dropout=dropout),
        source.train,
        run,
        schedule=warmed(cosine),
        evaluate=scores(source.validation, rows=ROWS),
        picture=picture,
    )
