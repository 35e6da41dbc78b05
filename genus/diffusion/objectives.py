"""What a DDPM learns by: its bound, without its weights or with them.

Source: Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", 2020, arXiv:2006.11239,
    equation 14 (`Simple`); Nichol, Dhariwal, "Improved denoising diffusion probabilistic models",
    2021, arXiv:2102.09672, equation 16 (`Hybrid`) and section 3.3 (`Bound`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from ..core import Terms

if TYPE_CHECKING:
    from .ddpm import DDPM

Objective = Callable[["DDPM", Tensor], Terms]


@dataclass(frozen=True)
class Simple:
    """The squared error of what the network is asked for: the bound without its weights."""

    def __call__(self, model: "DDPM", x: Tensor) -> Terms:
        noisy = model.noisy(x, model.any_step(x))
        return {"error": model.error(x, noisy, model.denoiser.whole(noisy.x, noisy.t))}


@dataclass(frozen=True)
class Hybrid:
    """`Simple` for x0hat, and for the variance the bound, of which x0hat learns nothing.

    Args:
        weight: of the bound, in nats for each number of x_0.
    """

    weight: float = 1e-3

    def __call__(self, model: "DDPM", x: Tensor) -> Terms:
        k = model.any_step(x)
        noisy = model.noisy(x, k)
        whole = model.denoiser.whole(noisy.x, noisy.t)
        guess = model.understood(whole, noisy.x, noisy.t)
        cost = (
            model.cost(x, k, guess._replace(start=guess.start.detach())).mean() / model.space.dims
        )
        return {
            "error": model.error(x, noisy, whole),
            "variance": self.weight * model.steps * cost,
        }


@dataclass(frozen=True)
class Bound:
    """The bound, in nats for each number of x_0; on Pixels, before x0hat is clipped."""

    def __call__(self, model: "DDPM", x: Tensor) -> Terms:
        return {"nll": -model.bound(x, clip=False).mean() / model.space.dims}


def check_taught(variance: float | None, objective: Objective) -> None:
    """Raises ValueError unless the objective teaches just what there is to learn."""
    if variance is None and isinstance(objective, Simple):
        raise ValueError(
            "DDPM: variance is None, and the objective Simple(), of which it learns nothing; take "
            "Hybrid() or Bound(), or a variance in [0, 1]"
        )
    if variance is not None and isinstance(objective, Hybrid):
        raise ValueError(
            f"DDPM: variance is {variance}, and Hybrid() teaches the variance alone; take Simple(), "
            f"or let variance be None"
        )
