"""b-GAN: the critic estimates the ratio of the two densities, and the generator follows a divergence of it.

Source: Uehara, Sato, Suzuki, Nakayama, Matsuo, "Generative adversarial nets from a density ratio
    estimation perspective", 2016, arXiv:1610.02920.

Departs: the ratio is bounded, for where there are data and no fake rows it would grow for ever; the
    generator lowers the part of the critic's loss that it moves, for the paper's own stops wherever
    the critic is undecided; R1 on the critic's slope.
"""

from ...core import Model
from ...train import Run
from .gan import RUN, gan


def bgan(data: str = "ring", weight: float = 0.3, run: Run = RUN) -> Model:
    """b-GAN on a ring of 8 normals; target: all found, 0.95 of samples within 3 sigma.

    Args:
        data: name or path of a data set of vectors or images.
        weight: weight of the R1 gradient penalty, at least 0.
        run: length, folder and device of the run.
    """
    return gan(data, "ratio_matching_follow", weight=weight, run=run)
