"""PixelRNN on binarised MNIST: one layer of LSTMs that read an image from its upper left corner."""

from ...autoregressive.pixels.pixelrnn import Kind, MultiscalePixelRNN, PixelRNN
from ...core import Bits, Model, Pixels
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

RUN = Run(rounds=24_000, batch=16, lr=1e-2, clip=1.0, ema=0.999, evaluate_every=2000)


def pixelrnn(
    data: str = "binarized_mnist",
    kind: Kind = "row",
    hidden: int = 16,
    layers: int = 1,
    kernel: int = 7,
    factor: int = 1,
    run: Run = RUN,
) -> Model:
    """PixelRNN on binarised MNIST, by a row LSTM; target: below 88 nats.

    Args:
        data: name or path of a data set of images; the default is read from the folder GENUS_DATA.
        kind: row, which is twice as fast, or diagonal, which sees all pixels before the current one.
        hidden: dimension of each LSTM's state.
        layers: number of LSTMs.
        kernel: kernel size of the first convolution, in pixels.
        factor: factor by which the image that is generated first is smaller; 1 for none.
        run: length, folder and device of the run.
    """
    source, space = loaded("pixelrnn", data, run, Bits, Pixels)
    if factor == 1:
        model = PixelRNN(space, hidden, layers, kind, kernel)
    else:
        model = MultiscalePixelRNN(space, factor, hidden, layers, kind, kernel)
    return fitted(model, source, run, schedule=warmed(cosine, 0.02))
