"""Geometric GAN: the hinge of a support vector machine; rows beyond the margin do not push.

Source: Lim, Ye, "Geometric GAN", 2017, arXiv:1705.02894.

Departs: R1 on the critic's slope, in the place of weight decay.
"""

from ...core import Model
from ...train import Run
from .gan import RUN, gan


def geometricgan(data: str = "grid", weight: float = 0.3, run: Run = RUN) -> Model:
    """Geometric GAN on a grid of 25 normals; target: all found, 0.9 of samples within 3 sigma.

    Args:
        data: name or path of a data set of vectors or images.
        weight: weight of the R1 gradient penalty, at least 0.
        run: length, folder and device of the run.
    """
    return gan(data, "hinge", weight=weight, run=run)
