"""What a decoder's numbers mean: p(x | z) on each kind of space.

A likelihood takes the numbers that a decoder gives for each x, (n, numbers * c, ...), and is a
distribution of x, (n, c, ...): it scores, it draws, and it has a mean.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..core import Bits, Pixels, Reals, Refused, Space, at_least
from ..functional.densities.densities import (
    log_bernoulli,
    log_discretised_logistic,
    log_discretised_logistic_mixture,
    log_normal,
)


@dataclass(frozen=True)
class NoiseDecoding:
    """What is drawn from p(x | z).

    The noise of p(x | z) is each number's own: what the latent has not said of x, it scatters.

    Args:
        temperature: factor on the noise's scale, at least 0: 1 draws from p(x | z), 0 takes the most
            likely x.
        mean: True takes E[x | z] instead, which is in the range of x but not on its grid.
    """

    temperature: float = 1.0
    mean: bool = False

    def __post_init__(self) -> None:
        at_least(0, "NoiseDecoding", temperature=self.temperature)
        if self.mean and self.temperature != 1:
            raise Refused(
                f"NoiseDecoding: temperature is {self.temperature} and mean True; a mean has no "
                f"temperature: leave one of them out"
            )


NOISY = NoiseDecoding()


class Bernoulli(nn.Module):
    """Independent bits, from their logits."""

    numbers = 1

    def log_prob(self, x: Tensor, logits: Tensor) -> Tensor:
        """log p(x | z), (n,) nats."""
        return log_bernoulli(x, logits)

    def mean(self, logits: Tensor) -> Tensor:
        """E[x | z], in [0, 1]."""
        return logits.sigmoid()

    def sample(self, logits: Tensor, temperature: float = 1.0) -> Tensor:
        """x, (n, *shape)."""
        if temperature == 0:
            return (logits > 0).to(logits.dtype)
        return (logits / temperature).sigmoid().bernoulli()


class Normal(nn.Module):
    """Independent normal numbers, of one standard deviation, from their means.

    Args:
        std: the standard deviation, in the unit of x.
        learned: True learns it, from `std` on: then reconstruction and KL find their own
            balance.
    """

    numbers = 1

    def __init__(self, std: float = 1.0, learned: bool = True):
        super().__init__()
        if std <= 0:
            raise Refused(f"Normal: std is {std}; it must be positive")
        self.std, self.learned = std, learned
        log_std = torch.tensor(std).log()
        if learned:
            self.log_std = nn.Parameter(log_std)
        else:
            self.register_buffer("log_std", log_std)

    def log_prob(self, x: Tensor, mean: Tensor) -> Tensor:
        """log p(x | z), (n,) nats."""
        return log_normal(x, mean, self.log_std)

    def mean(self, mean: Tensor) -> Tensor:
        """E[x | z]."""
        return mean

    def sample(self, mean: Tensor, temperature: float = 1.0) -> Tensor:
        """x, (n, *shape)."""
        return mean + temperature * self.log_std.exp() * torch.randn_like(mean)


class Logistic(nn.Module):
    """Independent levels: the mass that a logistic, of own mean and scale for each pixel, has in a bin.

    Args:
        levels: levels of a pixel.
        floor: the least log scale, pixels being in [-1, 1].
    """

    numbers = 2

    def __init__(self, levels: int = 256, floor: float = -7.0):
        super().__init__()
        self.levels, self.floor = levels, floor

    def split(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log scales of the logistics, each (n, *shape)."""
        mean, log_scale = numbers.chunk(2, dim=1)
        return mean, (log_scale - 2).clamp(
            min=self.floor
        )  # a fresh network gives 0: a scale of 0.14

    def log_prob(self, x: Tensor, numbers: Tensor) -> Tensor:
        """log p(x | z), (n,) nats."""
        return log_discretised_logistic(x, *self.split(numbers), self.levels)

    def mean(self, numbers: Tensor) -> Tensor:
        """E[x | z], in [-1, 1], not on the grid."""
        return _mean_level(*self.split(numbers), self.levels)

    def sample(self, numbers: Tensor, temperature: float = 1.0) -> Tensor:
        """x, (n, *shape), on the grid."""
        return _drawn_levels(*self.split(numbers), temperature, self.levels)


class LogisticMixture(nn.Module):
    """Independent levels: the mass that a mixture of logistics, of each pixel's own, has in a bin.

    One logistic is a blur of one width; several can say "this colour or that one", as at an edge.

    Args:
        levels: levels of a pixel.
        components: number of logistics, at least 1.
        floor: the least log scale, pixels being in [-1, 1].

    Source: Salimans, Karpathy, Chen, Kingma, "PixelCNN++", 2017, arXiv:1701.05517, equation 2.
    Departs: channels are independent given z; fresh means are spread over [-0.5, 0.5], since equal ones would
        learn the same.
    """

    def __init__(self, levels: int = 256, components: int = 5, floor: float = -7.0):
        super().__init__()
        at_least(1, "LogisticMixture", components=components)
        self.levels, self.components, self.floor = levels, components, floor
        self.numbers = 3 * components

    def split(self, numbers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, means and log scales of the logistics, each (n, *shape, components)."""
        parts = numbers.unflatten(1, (3, self.components, -1)).movedim(2, -1).unbind(1)
        logits, mean, log_scale = parts
        apart = torch.linspace(-0.5, 0.5, self.components).to(mean)
        return logits, mean + (apart - apart.mean()), (log_scale - 2).clamp(min=self.floor)

    def log_prob(self, x: Tensor, numbers: Tensor) -> Tensor:
        """log p(x | z), (n,) nats."""
        return log_discretised_logistic_mixture(x, *self.split(numbers), self.levels)

    def mean(self, numbers: Tensor) -> Tensor:
        """E[x | z], in [-1, 1], not on the grid."""
        logits, mean, log_scale = self.split(numbers)
        each = _mean_level(mean, log_scale, self.levels)
        return (logits.softmax(-1) * each).sum(-1)

    def sample(self, numbers: Tensor, temperature: float = 1.0) -> Tensor:
        """x, (n, *shape), on the grid: at temperature 0, the middle of the likeliest logistic."""
        logits, mean, log_scale = self.split(numbers)
        if temperature:
            noise = -torch.rand_like(logits).clamp(min=1e-12).log()
            logits = logits / temperature - noise.log()  # Gumbel noise: the largest is a draw
        which = logits.argmax(-1, keepdim=True)
        mean, log_scale = (part.gather(-1, which)[..., 0] for part in (mean, log_scale))
        return _drawn_levels(mean, log_scale, temperature, self.levels)


def _mean_level(mean: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """E[x] of discretised logistics, of the shape of `mean`: -1 + bin sum_k P(level >= k)."""
    centred, inverse, bin = mean + 1, (-log_scale).exp(), 2 / (levels - 1)
    above = torch.zeros_like(mean)
    for level in range(1, levels):
        above = above + ((centred - (level - 0.5) * bin) * inverse).sigmoid()
    return bin * above - 1


def _drawn_levels(mean: Tensor, log_scale: Tensor, temperature: float, levels: int) -> Tensor:
    """Draws of discretised logistics, (n, *shape), on the grid."""
    u = torch.rand_like(mean).clamp(1e-7, 1 - 1e-7)
    y = mean + temperature * log_scale.exp() * torch.logit(u)
    return Pixels(tuple(y.shape[1:]), levels).quantise(y)


Likelihood = Bernoulli | Normal | Logistic | LogisticMixture


def fitting(space: Space) -> Likelihood:
    """The likelihood for a space: Bernoulli on Bits, Normal on Reals, Logistic on Pixels."""
    match space:
        case Bits():
            return Bernoulli()
        case Reals():
            return Normal()
        case Pixels():
            return Logistic(space.levels)
    raise Refused(f"VAE: space is {space}; Bits, Reals or Pixels are wanted")
