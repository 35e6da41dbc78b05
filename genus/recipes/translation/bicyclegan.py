"""BicycleGAN on pairs of images."""

from typing import Literal

from ...core import Model, Pixels, Space
from ...train import Run, adam
from ...translation import BicycleGAN
from .._fitted import context_of, fitted, loaded
from .pix2pix import paired

RUN = Run(rounds=2000, batch=32, lr=1e-3, ema=0.999)


def bicyclegan(
    data: str = "digits_pairs",
    latent: int = 8,
    width: int = 32,
    inject: Literal["input", "all"] = "all",
    conditional: bool = False,
    l1: float = 10.0,
    kl: float = 0.01,
    latent_l1: float = 0.5,
    run: Run = RUN,
) -> Model:
    """BicycleGAN on 4 x 4 digits made 8 x 8; target: within twice the floor of the Fréchet distance.

    Of ten answers, the best should be nearer to the true digit than the only one of pix2pix, an L1 of 0.137.

    Args:
        data: name or path of a data set of pairs; images without a partner are paired with
            their own means over blocks of 2 x 2 pixels.
        latent: dimension of the style z.
        width: channels of the first layer of all networks.
        inject: where z enters the generator: at the input, or before each halving.
        conditional: whether critics see the question beside the answer.
        l1: weight of the absolute difference of answers in encoded styles.
        kl: weight of the divergence of encoded styles from N(0, I).
        latent_l1: weight of the absolute difference of a drawn style from the one that is read.
        run: length, folder and device of the run.
    """
    source, space = loaded("bicyclegan", data, run, Pixels, view=paired)
    given = context_of("bicyclegan", source, Space, "digits_pairs")
    model = BicycleGAN(space, given, latent, width, inject, conditional, 2.0, l1, kl, latent_l1)
    optimizers = adam(run.lr, betas=(0.5, 0.999))
    return fitted(model, source, run, optimizers, schedule=None)
