"""One normal distribution, for vectors or for pixels."""

from ...core import Model, Pixels, Reals
from ...density import Dequantised, Gaussian
from ...density.gaussian import Covariance, check_size
from ...train import Run
from .._fitted import fitted, loaded

RUN = Run(rounds=1)


def gaussian(data: str = "digits", covariance: Covariance = "full", run: Run = RUN) -> Model:
    """Gaussian on digits; target: the closed form's 2.89 bits per dimension, in one round.

    Args:
        data: name or path of a data set of vectors or pixels.
        covariance: kind of covariance matrix: full, diagonal or spherical.
        run: length, folder and device of the run; one round is all it takes.
    """
    source, space = loaded("gaussian", data, run)
    check_size("gaussian", space, covariance)
    if isinstance(space, Pixels):
        model = Dequantised(Gaussian(Reals(space.shape), covariance), space)
    else:
        model = Gaussian(space, covariance)
    return fitted(model, source, run, schedule=None)
