"""PixelCNN on binarised MNIST."""

from ...autoregressive import PixelCNN
from ...core import Model
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import ANY, fitted, loaded

RUN = Run(rounds=2500, batch=16, lr=5e-3, ema=0.998, autocast=True)


def pixelcnn(
    data: str = "binarized_mnist",
    blocks: int = 7,
    width: int = 32,
    window: int = 7,
    head: int = 64,
    run: Run = RUN,
) -> Model:
    """PixelCNN on binarised MNIST; target: below 91 nats in 4 CPU minutes.

    Args:
        data: name or path of a data set of images of bits or pixels; this one is read from the
            folder GENUS_DATA.
        blocks: residual blocks.
        width: channels of the 3 x 3 convolutions.
        window: side of the first window, in pixels; odd.
        head: channels of the two layers at the end.
        run: how long, where to, on what.
    """
    source, space = loaded("pixelcnn", data, run, ANY)
    model = PixelCNN(space, blocks, width, window, head)
    return fitted(model, source, run, schedule=warmed(cosine))
