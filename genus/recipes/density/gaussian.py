"""One normal distribution, for vectors or for pixels."""

import torch

from ...core import Model, Pixels, Reals
from ...data import load
from ...density import Dequantised, Gaussian
from ...density.gaussian import Covariance
from ...measure import scores
from ...show import picture
from ...train.fit import fit
from ...train.run import Run

RUN = Run(rounds=1)


def gaussian(data: str = "digits", covariance: Covariance = "full", run: Run = RUN) -> Model:
    """Gaussian on digits: at most 2.89 bits per dimension; a mixture of 60 has 2.51.

    Args:
        data: name or path of a data set of vectors or pixels.
        covariance: full, diagonal or spherical.
        run: how long, where to, on what; one round is all it takes.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    space = source.space
    if isinstance(space, Pixels):
        model = Dequantised(Gaussian(Reals(space.shape), covariance), space)
    else:
        model = Gaussian(space, covariance)
    evaluate = scores(source.validation)
    return fit(model, source.train, run, evaluate=evaluate, picture=picture)
