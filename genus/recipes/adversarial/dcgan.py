"""DCGAN on images."""

from ...adversarial import DCGAN
from ...core import Model
from ...train import Run, adam
from .._fitted import fitted, loaded

RUN = Run(rounds=4000, batch=64, lr=2e-3, ema=0.999)


def dcgan(
    data: str = "digits", latent: int = 32, width: int = 32, coarsest: int = 2, run: Run = RUN
) -> Model:
    """DCGAN on digits; target: all ten classes, at most 3 times the Frechet floor of real digits.

    By the end its critic overfits the 1,297 training rows, as `genus diagnose` reports.

    Args:
        data: name or path of a data set of images of at least 8 x 8 pixels.
        latent: dimension of z.
        width: channels of the layer next to the image; they double at each halving of the size.
        coarsest: shortest side, in pixels, of the smallest feature map.
        run: length, folder and device of the run.
    """
    source, space = loaded("dcgan", data, run)
    model = DCGAN(space, latent, width, coarsest)
    return fitted(model, source, run, adam(run.lr, betas=(0.0, 0.999)))
