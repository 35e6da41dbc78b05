"""A mixture of normal distributions by expectation maximisation, for vectors or for pixels."""

import torch

from ...core import Model, Pixels, Reals
from ...data import load
from ...density import Dequantised, GaussianMixture
from ...density.gaussian import Covariance
from ...measure import scores
from ...show import picture
from ...train.fit import fit
from ...train.run import Run

RUN = Run(rounds=500)


def gmm(
    data: str = "digits",
    components: int = 60,
    covariance: Covariance = "diagonal",
    floor: float = 1e-6,
    run: Run = RUN,
) -> Model:
    """GaussianMixture on digits: at most 2.51 bits per dimension; one Gaussian has 2.89.

    Args:
        data: name or path of a data set of vectors or pixels.
        components: how many normal distributions.
        covariance: of each: full, diagonal or spherical.
        floor: the least variance of a component in any direction, in the square of the data's unit.
        run: how long, where to, on what; a round is one step of EM, which stops by itself.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    space = source.space
    if isinstance(space, Pixels):
        inner = GaussianMixture(Reals(space.shape), components, covariance, floor)
        model = Dequantised(inner, space)
    else:
        model = GaussianMixture(space, components, covariance, floor)
    evaluate = scores(source.validation)
    return fit(model, source.train, run, evaluate=evaluate, picture=picture)
