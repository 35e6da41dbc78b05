"""f-GAN: any f-divergence as a game, by the convex conjugate of f.

Source: Nowozin, Cseke, Tomioka, "f-GAN: training generative neural samplers using variational divergence
    minimization", 2016, arXiv:1606.00709.

Departs: R1 on the critic's slope.
"""

from ...core import Model, Refused
from ...functional.densities.divergences import DIVERGENCES
from ...train import Run
from .gan import RUN, gan


def fgan(
    data: str = "grid", divergence: str = "jensen_shannon", weight: float = 0.3, run: Run = RUN
) -> Model:
    """f-GAN on a grid of 25 normals; target: all found, 0.9 of samples within 3 sigma.

    Args:
        data: name or path of a data set of vectors or images.
        divergence: kl, reverse_kl, pearson, neyman, hellinger, jensen_shannon or f_gan.
        weight: weight of the R1 gradient penalty, at least 0.
        run: length, folder and device of the run.
    """
    if divergence not in DIVERGENCES:
        known = ", ".join(DIVERGENCES)
        raise Refused(f"fgan: divergence is {divergence!r}; one of {known} is wanted")
    return gan(data, divergence, weight=weight, run=run)
