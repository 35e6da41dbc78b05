"""AM-GAN: a critic with a class for fake rows, and a generator with one target for each."""

from ...adversarial import AMGAN
from ...core import Model
from ...train import Run, adam
from .._fitted import fitted
from ._given import begun, critic_of, steepness

RUN = Run(rounds=4000, batch=64, lr=1e-3, ema=0.999)


def amgan(
    data: str = "digits",
    dynamic: bool = False,
    weight: float = 1.0,
    latent: int = 32,
    width: int = 16,
    run: Run = RUN,
) -> Model:
    """AMGAN on digits, given their classes; target: 95 % of samples are of the class asked for.

    Args:
        data: name or path of a data set of images or vectors with classes, or with labels that are asked for,
            as in portraits?context=smile,glasses: each combination is a class.
        dynamic: whether the target of a sample is the class that it looks like most, and not the one asked for.
        weight: weight of the penalty on the critic's slope at data (R1), at least 0.
        latent: dimension of z.
        width: width of the networks: channels at full size for images, an eighth of the units for vectors.
        run: length, folder and device of the run.
    """
    source, space, count, generator = begun("amgan", data, run, latent, width)
    critic = critic_of("amgan", space, count + 1, width)
    model = AMGAN(space, count, generator, critic, latent, dynamic, steepness(weight))
    return fitted(model, source, run, adam(run.lr, (0.0, 0.99)))
