"""Unrolled GAN on the paper's toy, a ring of normals."""

from ...adversarial import UnrolledGAN
from ...core import Model, Refused
from ...functional.adversarial.objectives import OBJECTIVES
from ...nn import MLP
from ...train import Run, adam
from .._fitted import fitted, loaded

RUN = Run(rounds=3000, batch=256, lr=1e-3, ema=0.999)


def unrolledgan(
    data: str = "ring",
    steps: int = 5,
    rate: float = 0.1,
    objective: str = "non_saturating",
    latent: int = 16,
    width: int = 128,
    run: Run = RUN,
) -> Model:
    """Unrolled GAN on a ring of 8 normals; target: all 8 found, where steps = 0 finds few.

    That is with averaged weights. The modes have nearly equal shares, and their bumps are blurred.
    More rounds at this rate do not help: in the end the critic moves faster than the look-ahead.

    The paper's own demonstration draws a ring of 8 angles that include both ends of the circle, and
    so has 7 modes, one of double weight; this ring has 8.

    Args:
        data: name or path of a data set of vectors.
        steps: number of the critic's steps that the generator looks ahead; 0 is the plain GAN.
        rate: step size of the critic's steps that are looked ahead.
        objective: name of an objective in `genus.functional.adversarial.OBJECTIVES`.
        latent: dimension of z.
        width: units of each of the two hidden layers of a network.
        run: length, folder and device of the run.
    """
    if objective not in OBJECTIVES:
        raise Refused(
            f"unrolledgan: objective is {objective!r}; one of {', '.join(OBJECTIVES)} is wanted"
        )
    source, space = loaded("unrolledgan", data, run, axes="d")
    generator = MLP(latent, space.dims, (width, width), activation="relu")
    critic = MLP(space.dims, 1, (width, width))
    model = UnrolledGAN(space, generator, critic, latent, steps, rate, OBJECTIVES[objective])
    return fitted(model, source, run, adam(run.lr, (0.5, 0.999)))
