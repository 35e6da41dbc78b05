"""Factor analysis or probabilistic PCA, for vectors or for pixels."""

from ...core import Model, Pixels, Reals, Refused
from ...density import Dequantised, FactorAnalysis
from ...density.factoranalysis import Noise
from ...density.gaussian import LARGEST
from ...train import Run
from .._fitted import fitted, loaded

RUN = Run(rounds=500)


def factors(
    data: str = "digits",
    factors: int = 30,
    covariance: Noise = "diagonal",
    floor: float = 1e-6,
    run: Run = RUN,
) -> Model:
    """FactorAnalysis on digits; target: at most 2.91 bits per dimension.

    Args:
        data: name or path of a data set of vectors or pixels.
        factors: number of factors, at most the numbers of an x.
        covariance: of the noise: diagonal, or spherical, which is probabilistic PCA.
        floor: smallest variance of the noise, in the square of the data's unit.
        run: length, folder and device of the run; a round is one step of EM, which stops by itself, and
            spherical noise takes one round.
    """
    source, space = loaded("factors", data, run)
    if (least := min(space.dims, len(source.train))) > LARGEST:
        raise Refused(
            f"factors: {len(source.train):,} rows of {space.dims:,} numbers, of which it finds {least:,} "
            f"eigenvectors; at most {LARGEST:,} are wanted: take smaller pictures, with --data.size"
        )
    if isinstance(space, Pixels):
        inner = FactorAnalysis(Reals(space.shape), factors, covariance, floor)
        model = Dequantised(inner, space)
    else:
        model = FactorAnalysis(space, factors, covariance, floor)
    return fitted(model, source, run, schedule=None)
