"""A mixture of normal distributions by expectation maximisation, for vectors or for pixels."""

import warnings

from ...core import Model, Pixels, Reals
from ...density import Dequantised, GaussianMixture
from ...density.gaussian import Covariance, check_size
from ...train import Run
from .._fitted import fitted, loaded

RUN = Run(rounds=500)
LONG = 1.0  # minutes before the first round, or of a round, above which they are announced
START = 2e10  # numbers in a minute, about, of the k-means that it begins with, on a busy core
SPEED = 1e11  # of them in a minute of a round


def gmm(
    data: str = "digits",
    components: int = 60,
    covariance: Covariance = "diagonal",
    floor: float = 1e-6,
    run: Run = RUN,
) -> Model:
    """GaussianMixture on digits; target: at most 2.55 bits per dimension.

    Args:
        data: name or path of a data set of vectors or pixels.
        components: number of normal distributions.
        covariance: kind of covariance matrix of a component: full, diagonal or spherical.
        floor: smallest variance of a component in any direction, in the square of the data's unit.
        run: length, folder and device of the run; a round is one step of EM, which stops by itself.
    """
    source, space = loaded("gmm", data, run)
    check_size("gmm", space, covariance, components)
    numbers = components * len(source.train) * space.dims
    step = numbers * (space.dims if covariance == "full" else 1) / SPEED
    if max(start := numbers / START, step) > LONG:
        warnings.warn(
            f"gmm: passes {components} times over {len(source.train):,} rows of {space.dims:,} "
            f"numbers, which takes about {start:,.1f} minutes before the first round, and "
            f"{step:,.1f} in each; fewer --components or a smaller --data.size take less",
            stacklevel=2,
        )
    if isinstance(space, Pixels):
        inner = GaussianMixture(Reals(space.shape), components, covariance, floor)
        model = Dequantised(inner, space)
    else:
        model = GaussianMixture(space, components, covariance, floor)
    return fitted(model, source, run, schedule=None)
