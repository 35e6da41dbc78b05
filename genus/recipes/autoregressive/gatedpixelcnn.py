"""Gated PixelCNN on binarised MNIST, or on any images, with their labels or without."""

from ...autoregressive import GatedPixelCNN
from ...core import Model
from ...data import Data
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import ANY, fitted, loaded, told_labels

RUN = Run(rounds=2500, batch=16, lr=6e-3, ema=0.998, autocast=True)


def gatedpixelcnn(
    data: str = "binarized_mnist",
    classes: bool = False,
    layers: int = 5,
    width: int = 24,
    window: int = 7,
    size: int = 5,
    head: int = 64,
    run: Run = RUN,
) -> Model:
    """Gated PixelCNN on binarised MNIST; target: below 87 nats in 4 CPU minutes.

    Args:
        data: name or path of a data set of images of bits or pixels; this one is read from the
            folder GENUS_DATA.
        classes: it is told the label of each image, which the data must have.
        layers: gated layers after the first.
        width: channels of both stacks.
        window: side of the first layer's window, in pixels; odd.
        size: side of the other layers' windows, in pixels; odd.
        head: channels of the two layers at the end.
        run: how long, where to, on what.
    """
    source, space = loaded("gatedpixelcnn", data, run, ANY, Data.labelled if classes else None)
    told = told_labels(source)
    model = GatedPixelCNN(space, layers, width, window, size, head, *told)
    return fitted(model, source, run, schedule=warmed(cosine))
