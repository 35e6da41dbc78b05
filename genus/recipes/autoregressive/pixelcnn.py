"""PixelCNN on binarised MNIST."""

from ...autoregressive import PixelCNN
from ...core import Model
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

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
        data: name or path of a data set of images of bits or pixels; the default is read from the
            folder GENUS_DATA.
        blocks: number of residual blocks.
        width: channels of the 3 x 3 convolutions.
        window: kernel size of the first convolution, in pixels; odd.
        head: channels of the last two layers.
        run: length, folder and device of the run.
    """
    source, space = loaded("pixelcnn", data, run)
    model = PixelCNN(space, blocks, width, window, head)
    return fitted(model, source, run, schedule=warmed(cosine))
