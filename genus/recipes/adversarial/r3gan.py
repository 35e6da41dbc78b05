"""R3GAN on images: a relativistic game, both slopes penalised, and no normalisation at all."""

from ...adversarial import GAN
from ...adversarial.nets.r3gan import R3GANCritic, R3GANGenerator
from ...core import Model
from ...functional.adversarial.penalties import Penalty, r1, r2
from ...functional.adversarial.relativistic import relativistic
from ...train import Run, adam
from .._fitted import fitted, loaded

RUN = Run(rounds=1300, batch=32, lr=3e-3, ema=0.99)


def r3gan(
    data: str = "digits",
    latent: int = 32,
    width: int = 32,
    blocks: int = 1,
    coarsest: int = 4,
    gamma: float = 0.1,
    run: Run = RUN,
) -> Model:
    """R3GAN on digits; target: all ten classes, at most 6 times the Frechet floor of real digits.

    The authors change the learning rate, gamma, Adam's second beta and the average's decay over the
    run, each by a cosine: here the rate alone, and all the way to 0.

    Args:
        data: name or path of a data set of images whose sides are even.
        latent: dimension of z.
        width: channels of both networks; the authors' are 768 for CIFAR-10.
        blocks: number of residual blocks at each size.
        coarsest: shortest side, in pixels, of the smallest feature map.
        gamma: weight of half the squared gradient norm, at data and at samples; 0.05 to 0.005 in the
            authors' run on CIFAR-10.
        run: length, folder and device of the run.
    """
    source, space = loaded("r3gan", data, run)
    shape = space.shape
    generator = R3GANGenerator(latent, shape, width, blocks, coarsest)
    critic = R3GANCritic(shape, width, blocks, coarsest)
    penalties = (Penalty(r1, gamma), Penalty(r2, gamma))
    model = GAN(space, generator, critic, latent, relativistic, penalties)
    return fitted(model, source, run, adam(run.lr, betas=(0.0, 0.99)))
