"""AC-GAN: the critic tells the class, and the generator is paid for it."""

from ...adversarial import ACGAN
from ...core import Model
from ...train import Run, adam
from .._fitted import fitted
from ._given import begun, critic_of, steepness

RUN = Run(rounds=4000, batch=64, lr=1e-3, ema=0.999)


def acgan(
    data: str = "digits",
    classes: float = 1.0,
    weight: float = 1.0,
    latent: int = 32,
    width: int = 16,
    run: Run = RUN,
) -> Model:
    """ACGAN on digits, given their classes; target: 95 % of samples are of the class asked for.

    Args:
        data: name or path of a data set of images or vectors with classes, or with labels that are asked for,
            as in portraits?context=smile,glasses: each combination is a class.
        classes: weight of the classes in both losses, at least 0.
        weight: weight of the penalty on the critic's slope at data (R1), at least 0.
        latent: dimension of z.
        width: width of the networks: channels at full size for images, an eighth of the units for vectors.
        run: length, folder and device of the run.
    """
    source, space, count, generator = begun("acgan", data, run, latent, width)
    critic = critic_of("acgan", space, 1 + count, width)
    model = ACGAN(space, count, generator, critic, latent, classes, penalties=steepness(weight))
    return fitted(model, source, run, adam(run.lr, (0.0, 0.99)))
