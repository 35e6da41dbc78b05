"""PixelRNN on binarised MNIST: one layer of LSTMs that read an image from its upper left corner."""

import torch

from ...autoregressive.pixels.pixelrnn import Kind, MultiscalePixelRNN, PixelRNN
from ...core import Bits, Model, Pixels
from ...data import load
from ...measure import scores
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine, warmed

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
    """PixelRNN on binarised MNIST, by a row LSTM: 87.8 nats; independent bits have 205.8.

    Args:
        data: name or path of a data set of images; this one is read from the folder GENUS_DATA.
        kind: row is twice as fast, diagonal sees all pixels that come before.
        hidden: numbers of each LSTM's state.
        layers: of LSTMs.
        kernel: of the first convolution, in pixels.
        factor: how many times smaller the image is that is drawn first; 1 for none.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    space = source.space
    if not isinstance(space, Bits | Pixels):
        raise ValueError(f"pixelrnn: {data} is of {space}; Bits or Pixels are wanted")
    if factor == 1:
        model = PixelRNN(space, hidden, layers, kind, kernel)
    else:
        model = MultiscalePixelRNN(space, factor, hidden, layers, kind, kernel)
    return fit(
        model,
        source.train,
        run,
        schedule=warmed(cosine, 0.02),
        evaluate=scores(source.validation),
        picture=picture,
    )
