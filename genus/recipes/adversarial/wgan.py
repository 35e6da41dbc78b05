"""WGAN: the critic's weights are clipped, so that its loss is a distance of distributions.

Source: Arjovsky, Chintala, Bottou, "Wasserstein GAN", 2017, arXiv:1701.07875, algorithm 1.

Departs: Adam without a mean of gradients in the place of RMSProp; a bound and rates for perceptrons
    on toys; the critic has as many rounds to a move of the generator at the start as later.
"""

from ...core import Model
from ...train import Run
from .gan import RUN, gan


def wgan(data: str = "ring", bound: float = 0.3, critic_rounds: int = 2, run: Run = RUN) -> Model:
    """WGAN on a ring of 8 normals; target: all found, 0.95 of samples within 3 sigma.

    Args:
        data: name or path of a data set of vectors or images.
        bound: largest absolute value of a weight of the critic; larger ones are clipped.
        critic_rounds: number of rounds of the critic for each one of the generator.
        run: length, folder and device of the run.
    """
    return gan(data, "wasserstein", weight=0, bound=bound, critic_rounds=critic_rounds, run=run)
