"""Gaussian: one normal distribution, fitted in one step.

The likelihood of an exponential family is largest where its expected statistics are the observed
ones: here where mean and covariance are those of the data.

    p(x) = N(x; m, C) = |2 pi C|^(-1/2) exp(-1/2 (x - m)' C^-1 (x - m))
    m = mean of x           C = mean of (x - m)(x - m)'           C = L L', L lower triangular

Source: Bishop, "Pattern recognition and machine learning", 2006, section 2.3.4.
Departs: no eigenvalue of C is let below `floor`: still the likelihood's maximum, under that
    constraint, and what keeps a feature that never varies from an infinite density.
"""

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from ..core import GenerativeModel, Losses, Reals, Refused, Space, require
from ..functional.densities.densities import HELD, double_home, log_multivariate_normal

Covariance = Literal["full", "diagonal", "spherical"]
LARGEST = 5000  # dimensions of a full covariance whose eigenvectors take about a minute


class Gaussian(GenerativeModel):
    """A normal distribution on the reals; an x of several axes is read as one vector.

    Args:
        space: the reals.
        covariance: full, diagonal (a variance for each feature) or spherical (one for all).
        floor: the least variance in any direction, positive, in the square of the data's unit.
    """

    def __init__(self, space: Space, covariance: Covariance = "full", floor: float = 1e-6):
        super().__init__()
        check_arguments("Gaussian", space, covariance, floor)
        self.space, self.covariance, self.floor = space, covariance, floor
        self.mean = nn.Parameter(torch.zeros(space.dims))
        self.scale = nn.Parameter(unit_scale(covariance, space.dims))

    def log_prob(self, x: Tensor) -> Tensor:
        return log_multivariate_normal(x.flatten(1), self.mean, self.scale)

    @torch.no_grad()
    def fit(self, x: Tensor) -> Iterator[Losses]:
        """Takes over the mean and the covariance of x: one step."""
        rows = x.flatten(1)
        mean, scale = fitted(rows, rows.new_ones(len(rows)), self.covariance, self.floor)
        self.mean.copy_(mean)
        self.scale.copy_(scale)
        yield self.loss(x)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        n = self.sample_count(n, context)
        x = self.mean + scaled(self.noise(n, self.space.dims), self.scale)
        return x.reshape(n, *self.space.shape)


def check_arguments(who: str, space: Space, covariance: str, floor: float) -> None:
    """What a normal distribution and a mixture of them want of their arguments."""
    require(who, space, Reals, mend="for pixels, wrap the model in Dequantised")
    if covariance not in Covariance.__args__:
        kinds = ", ".join(Covariance.__args__)
        raise Refused(f"{who}: covariance is '{covariance}'; it must be one of {kinds}")
    if floor <= 0:
        raise Refused(f"{who}: floor is {floor}; it must be positive")


def check_size(who: str, space: Space, covariance: str, components: int = 1) -> None:
    """Raises Refused if a step of full covariances would take more than minutes.

    A step finds the eigenvectors of each, in a time that grows like the cube of the dimension.

    Args:
        who: name of the recipe, for the message.
        space: space of x.
        covariance: kind of covariance matrix.
        components: number of covariance matrices.
    """
    d = space.dims
    if covariance != "full" or components * d**3 <= LARGEST**3:
        return
    size, most = 4e-9 * components * d**2, int(LARGEST / components ** (1 / 3))
    raise Refused(
        f"{who}: x has {d:,} dimensions; {components} full covariance{'s' * (components > 1)} of "
        f"them would take {size:,.1f} GB, and each step the time of {components} x {d:,}^3 "
        f"operations; at most {most:,} dimensions are wanted: --covariance diagonal needs little, "
        f"or take smaller pictures, with --data.size"
    )


def unit_scale(covariance: str, d: int) -> Tensor:
    """L of the unit covariance: (d, d), or just what L has on its diagonal, (d,) or (1,)."""
    return (
        torch.eye(d) if covariance == "full" else torch.ones(d if covariance == "diagonal" else 1)
    )


def scaled(noise: Tensor, scale: Tensor) -> Tensor:
    """L times each row of the noise, (n, d)."""
    return noise @ scale.tril().T if scale.dim() == 2 else noise * scale


def fitted(x: Tensor, share: Tensor, covariance: str, floor: float) -> tuple[Tensor, Tensor]:
    """The mean, (d,), and L that make the rows of x, (n, d), most likely, each counted by its share.

    Of all covariances with no eigenvalue below the floor, the best has the eigenvectors of the
    data's, and its eigenvalues, raised to the floor. In double precision: a narrow direction would
    drown in the rounding of a wide one's square.
    """
    like, home = x, double_home(x)
    x, share = x.to(home, torch.float64), share.to(home, torch.float64)
    share = share / share.sum()
    mean = share @ x
    centred = x - mean
    if covariance == "full":
        values, vectors = torch.linalg.eigh((share[:, None] * centred).T @ centred)
        half = values.clamp(min=floor).sqrt()[:, None] * vectors.T  # C = half' half
        scale = torch.linalg.qr(half, mode="r").R.T
    else:
        scale = _root(share @ centred**2, covariance, floor)
    return mean.to(like), scale.to(like)


def fitted_diagonals(
    x: Tensor, shares: Tensor, covariance: str, floor: float
) -> tuple[Tensor, Tensor]:
    """`fitted` for many shares at once, by products of matrices, where covariances are not full.

    The variance is mean (x - c)^2 - (mean (x - c))^2, of c the mean of all rows.

    Args:
        x: rows, (n, d).
        shares: shares of the rows, (n, k).
        covariance, floor: as in `fitted`.

    Returns:
        The means, (k, d), and the scales, (k, d) or (k, 1).
    """
    home = double_home(x)
    middle = x.mean(0).to(home, torch.float64)
    shares = shares.to(home, torch.float64)
    shares = shares / shares.sum(0).clamp(min=torch.finfo(torch.float64).tiny)
    mean = torch.zeros(shares.shape[1], x.shape[1], dtype=torch.float64, device=home)
    square = mean.clone()
    size = max(1, HELD // x.shape[1])
    for rows, part in zip(x.split(size), shares.split(size), strict=True):
        y = rows.to(home, torch.float64) - middle
        mean += part.T @ y
        square += part.T @ y.square()
    scale = _root((square - mean**2).clamp(min=0), covariance, floor)
    return (middle + mean).to(x), scale.to(x)


def _root(variance: Tensor, covariance: str, floor: float) -> Tensor:
    """The scale, (..., d) or (..., 1), of variances, (..., d)."""
    if covariance == "spherical":
        variance = variance.mean(-1, keepdim=True)
    return variance.clamp(min=floor).sqrt()
