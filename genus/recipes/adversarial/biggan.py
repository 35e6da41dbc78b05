"""BigGAN on images with classes: residual networks told the class in every block, the hinge, truncation."""

from ...adversarial import BigGAN
from ...core import Classes, Model
from ...train import Run, adam
from .._fitted import context_of, fitted, loaded
from ._given import of_one_class

RUN = Run(rounds=3000, batch=64, lr=2e-3, ema=0.999)


def biggan(
    data: str = "digits",
    latent: int = 32,
    width: int = 32,
    critic_width: int = 32,
    shared: int = 16,
    coarsest: int = 4,
    critic_rounds: int = 2,
    orthogonal: float = 1e-4,
    run: Run = RUN,
) -> Model:
    """BigGAN on digits, given their classes; target: 95 % of samples are of the class asked for.

    The generator learns at a quarter of the rate of the run, as in the paper.

    Args:
        data: name or path of a data set of images with classes, whose sides are even, or with labels that are asked
            for, as in portraits?context=smile,glasses: each combination is a class.
        latent: dimension of z; the paper's is 128.
        width: channels of the generator; the paper's are 256 at 32 pixels.
        critic_width: channels of the critic; the paper's are 256 at 32 pixels.
        shared: numbers of a class in the generator; the paper's are 128.
        coarsest: shortest side, in pixels, of the generator's first map.
        critic_rounds: number of rounds of the critic for each one of the generator.
        orthogonal: weight of the term that keeps the generator's weights at right angles, at least 0.
        run: length, folder and device of the run.
    """
    source, space = loaded("biggan", data, run, view=of_one_class)
    count = context_of("biggan", source, Classes, "digits").count
    model = BigGAN(
        space, count, latent, width, critic_width, shared, coarsest, critic_rounds, orthogonal
    )
    rates = {"critic": run.lr, "generator": run.lr / 4}
    return fitted(model, source, run, adam(rates, (0.0, 0.999)))
