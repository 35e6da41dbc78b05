"""Relativistic games: a score means nothing alone, only against the other side's.

    paired     critic   E l(r - f)                        each real row with one fake row
    average    critic   E l(r - E f) + E l(E r - f)       each row with the other side's mean

The generator minimises the same with the sides swapped, so it also has real rows pushed down. The
link l falls from a confident mistake to a confident success: logistic l(d) = log(1 + e^-d), squared
l(d) = (d - 1)^2, hinge l(d) = (1 - d)+. A critic that knows nothing has l(0), or twice that; any
difference between the sides lets it go lower.

Source: Jolicoeur-Martineau, "The relativistic discriminator: a key element missing from standard
    GAN", 2018, arXiv:1807.00734. The paired logistic game with R1 and R2 is that of
    Huang, Gokaslan, Kuleshov, Tompkin, "The GAN is dead; long live the GAN! A modern GAN baseline",
    2025, arXiv:2501.05441.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import relu, softplus

from ...errors import Refused

Link = Callable[[Tensor], Tensor]


def logistic(gap: Tensor) -> Tensor:
    """log(1 + e^-d)."""
    return softplus(-gap)


def squared(gap: Tensor) -> Tensor:
    """(d - 1)^2."""
    return (gap - 1).square()


def hinged(gap: Tensor) -> Tensor:
    """(1 - d)+."""
    return relu(1 - gap)


@dataclass(frozen=True)
class Relativistic:
    """A game of differences.

    Args:
        name: the key in `OBJECTIVES`.
        link: what a gap costs, element by element; small where it is large.
        average: each row against the other side's mean; else real and fake rows in pairs.
    """

    name: str
    link: Link
    average: bool = False
    relative: bool = True

    def critic(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """Real rows above fake ones."""
        return self._order(real, fake)

    def generator(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """Fake rows above real ones."""
        return self._order(fake, real)

    def _order(self, above: Tensor, below: Tensor) -> dict[str, Tensor]:
        if self.average:
            if not (above.numel() and below.numel()):
                raise Refused(f"{self.name}: a side has no scores; both sides are wanted")
            return {
                "above": self.link(above - below.mean()).mean(),
                "below": self.link(above.mean() - below).mean(),
            }
        if above.shape != below.shape:
            raise Refused(
                f"{self.name}: scores are {tuple(above.shape)} and {tuple(below.shape)}; rows go in "
                f"pairs, so as many of each side are wanted, or the average form"
            )
        return {"order": self.link(above - below).mean()}


relativistic = Relativistic("relativistic", logistic)
relativistic_least_squares = Relativistic("relativistic_least_squares", squared)
relativistic_hinge = Relativistic("relativistic_hinge", hinged)
average = Relativistic("relativistic_average", logistic, average=True)
average_least_squares = Relativistic("relativistic_average_least_squares", squared, average=True)
average_hinge = Relativistic("relativistic_average_hinge", hinged, average=True)

RELATIVISTIC = {
    game.name: game
    for game in (
        relativistic,
        relativistic_least_squares,
        relativistic_hinge,
        average,
        average_least_squares,
        average_hinge,
    )
}
