"""SNGAN on images: residual networks, the hinge, and a critic of spectral norm 1."""

from ...adversarial import GAN
from ...adversarial.nets.sngan import ResNetCritic, ResNetGenerator
from ...core import Model
from ...functional.adversarial.objectives import hinge
from ...train import Run, adam
from .._fitted import fitted, loaded

RUN = Run(rounds=1500, batch=64, lr=1e-3, ema=0.995)


def sngan(
    data: str = "digits",
    latent: int = 32,
    width: int = 32,
    critic_width: int = 32,
    coarsest: int = 4,
    critic_rounds: int = 1,
    run: Run = RUN,
) -> Model:
    """SNGAN on digits; target: all ten classes, at most 4 times the Frechet floor of real digits.

    The paper has critic_rounds 5, Adam's first beta 0 and second 0.9, and a rate that falls in a
    straight line; here the rate falls by a cosine, and weights are averaged.

    Args:
        data: name or path of a data set of images whose sides are even.
        latent: dimension of z.
        width: channels of the generator; the paper's are 256.
        critic_width: channels of the critic; the paper's are 128.
        coarsest: shortest side, in pixels, of the generator's first feature map.
        critic_rounds: number of rounds of the critic for each one of the generator.
        run: length, folder and device of the run.
    """
    source, space = loaded("sngan", data, run)
    shape = space.shape
    generator = ResNetGenerator(latent, shape, width, coarsest)
    critic = ResNetCritic(shape, critic_width)
    model = GAN(space, generator, critic, latent, hinge, critic_rounds=critic_rounds)
    return fitted(model, source, run, adam(run.lr, betas=(0.0, 0.9)))
