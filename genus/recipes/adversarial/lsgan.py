"""LSGAN: the critic is a regression, so rows far on the right side of it are still pulled back.

Source: Mao, Li, Xie, Lau, Wang, Smolley, "Least squares generative adversarial networks", 2017,
    arXiv:1611.04076, equation 9.

Departs: perceptrons on vectors; R1 on the critic's slope.
"""

from ...core import Model
from ...train import Run
from .gan import RUN, gan


def lsgan(data: str = "grid", centred: bool = False, weight: float = 0.3, run: Run = RUN) -> Model:
    """LSGAN on a grid of 25 normals; target: all found, 0.9 of samples within 3 sigma.

    Args:
        data: name or path of a data set of vectors or images.
        centred: whether to use the targets of equation 8, (-1, 1, 0), instead of (0, 1, 1).
        weight: weight of the R1 gradient penalty, at least 0.
        run: length, folder and device of the run.
    """
    return gan(
        data, "least_squares_centred" if centred else "least_squares", weight=weight, run=run
    )
