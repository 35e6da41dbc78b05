"""WGAN-GP: a penalty holds the critic's slope between the two sides at 1.

Source: Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville, "Improved training of Wasserstein GANs", 2017,
    arXiv:1704.00028, algorithm 1.

Departs: the critic plays twice to a move of the generator, not five times.
"""

from ...core import Model
from ...train import Run
from .gan import RUN, gan


def wgan_gp(
    data: str = "ring", weight: float = 0.1, critic_rounds: int = 2, run: Run = RUN
) -> Model:
    """WGAN-GP on a ring of 8 normals; target: all found, 0.95 of samples within 3 sigma.

    Args:
        data: name or path of a data set of vectors or images.
        weight: weight of the gradient penalty: 0.1 for toys, 10 for images.
        critic_rounds: number of rounds of the critic for each one of the generator.
        run: length, folder and device of the run.
    """
    return gan(
        data, "wasserstein", "gradient_penalty", weight, critic_rounds=critic_rounds, run=run
    )
