"""Gated PixelCNN on binarised MNIST, or on any images, with their labels or without."""

from ...autoregressive import GatedPixelCNN
from ...core import Model
from ...data import Data
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, label_arguments, loaded

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
        data: name or path of a data set of images of bits or pixels; the default is read from the
            folder GENUS_DATA.
        classes: whether the model is conditioned on the label of each image, which the data must have.
        layers: number of gated layers after the first one.
        width: channels of each of the two stacks.
        window: kernel size of the first layer, in pixels; odd.
        size: kernel size of the other layers, in pixels; odd.
        head: channels of the last two layers.
        run: length, folder and device of the run.
    """
    source, space = loaded("gatedpixelcnn", data, run, view=Data.labelled if classes else None)
    labels = label_arguments(source)
    model = GatedPixelCNN(space, layers, width, window, size, head, *labels)
    return fitted(model, source, run, schedule=warmed(cosine))
