"""RaGAN: a row's score counts only against the mean score of the other side.

Source: Jolicoeur-Martineau, "The relativistic discriminator: a key element missing from standard GAN",
    2018, arXiv:1807.00734, section 4.

Departs: R1 on the critic's slope.
"""

from ...core import Model, Refused
from ...train import Run
from .gan import RUN, gan

LINKS = {
    "logistic": "relativistic_average",
    "least_squares": "relativistic_average_least_squares",
    "hinge": "relativistic_average_hinge",
}


def ragan(data: str = "grid", link: str = "logistic", weight: float = 0.3, run: Run = RUN) -> Model:
    """RaGAN on a grid of 25 normals; target: all found, 0.9 of samples within 3 sigma.

    Args:
        data: name or path of a data set of vectors or images.
        link: loss of the difference of scores: logistic, least_squares or hinge.
        weight: weight of the R1 gradient penalty, at least 0.
        run: length, folder and device of the run.
    """
    if link not in LINKS:
        raise Refused(f"ragan: link is {link!r}; one of {', '.join(LINKS)} is wanted")
    return gan(data, LINKS[link], weight=weight, run=run)
