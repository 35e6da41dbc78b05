"""DRAW, on any pictures that can be drawn as bits."""

from ...core import Bits, Model
from ...data import Data
from ...train import Run
from ...vae import DRAW
from .._fitted import fitted, loaded

RUN = Run(rounds=2000, batch=128, lr=5e-3, ema=0.99, clip=5.0, evaluate_every=500)


def draw(
    data: str = "digits",
    steps: int = 6,
    step_latent: int = 4,
    width: int = 64,
    read_points: int | None = None,
    write_points: int | None = None,
    run: Run = RUN,
) -> Model:
    """DRAW on digits as bits; target: at most 22.9 nats by the bound.

    Digits of 8 x 8 pixels need no attention; larger pictures read with 2 points and write with 5.

    Args:
        data: name or path of a data set of images: of bits, or of pixels, which are drawn as bits.
        steps: number of strokes.
        step_latent: dimension of the latent of each stroke.
        width: units of the encoder's LSTM, and of the decoder's.
        read_points: points along a side of the grid that reads; by default all is read, without attention.
        write_points: points along a side of the grid that writes; by default it writes everywhere, without attention.
        run: length, folder and device of the run.
    """
    source, space = loaded(
        "draw", data, run, Bits, axes="channels, height, width", view=Data.binarised
    )
    model = DRAW(space, steps, step_latent, width, read_points, write_points)
    return fitted(model, source, run)
