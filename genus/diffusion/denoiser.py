"""A network that takes noise away, on a path: what every diffusion learns, and every sampler calls.

    x_t = alpha(t) x_0 + sigma(t) eps          functional.diffusion.paths
    x0hat(x_t, t) = E[x_0 | x_t]               what functional.diffusion.parametrisations makes of the network

    loss    = E_t w(t) |out - target|^2
    -elbo   = KL(q(x_last | x_0) || p(x_last)) + int |x_0 - x0hat|^2 d(snr / 2) - log p(x_0 | x_first)

The bound is an integral over snr = alpha^2 / sigma^2: of a path, only its ends matter to it.

Source: Kingma, Salimans, Poole, Ho, "Variational diffusion models", 2021, arXiv:2107.00630, equations
    11 to 19.
Departs: the integral is taken over log_snr, evenly spread over the batch, in the place of t.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from ..core import Losses, Space
from ..functional.densities.densities import kl_normal, log_discretised_normal, log_normal
from ..functional.diffusion.parametrisations import Parametrisation
from ..functional.diffusion.paths import Path

# which t a network is trained at: from uniform numbers in (0, 1), (n,), and a path to times, (n,)
Times = Callable[[Tensor, Path], Tensor]
Weight = Callable[[Tensor, Tensor], Tensor]  # from alpha and sigma, of x0hat's squared error
Coupling = Callable[[Tensor, Tensor], Tensor]  # from x_0 and eps, the eps that belongs to each row
LEAST = 1e-5  # of alpha, where a weight of x0hat's error becomes one of the network's


class Denoises(Protocol):
    """All that a sampler needs of a model."""

    @property
    def path(self) -> Path: ...

    def denoise(self, x: Tensor, t: Tensor) -> Tensor:
        """E[x_0 | x_t], (n, *shape), for t (n,) between path.first and path.last."""
        ...


@dataclass(frozen=True)
class Uniform:
    """All times from the path's first to its last are as likely."""

    def __call__(self, u: Tensor, path: Path) -> Tensor:
        return path.first + (path.last - path.first) * u


@dataclass(frozen=True)
class EvenLogSNR:
    """All of log(alpha / sigma) from the path's last time to its first is as likely.

    Source: Kingma and others, 2021, arXiv:2107.00630, section 5.1 (the loss does not depend on the
        path between its ends).
    """

    def __call__(self, u: Tensor, path: Path) -> Tensor:
        ends = torch.tensor([path.first, path.last], dtype=u.dtype, device=u.device)
        high, low = path.log_snr(ends)
        return path.time(high + (low - high) * u).clamp(path.first, path.last)


@dataclass(frozen=True)
class LogNormal:
    """ln(sigma / alpha) is normal.

    Source: Karras and others, 2022, arXiv:2206.00364, table 1.

    Args:
        mean, std: mean and deviation of ln(sigma / alpha).
    """

    mean: float = -1.2
    std: float = 1.2

    def __call__(self, u: Tensor, path: Path) -> Tensor:
        log_ratio = self.mean + self.std * torch.special.ndtri(u.clamp(1e-6, 1 - 1e-6))
        return path.time(-log_ratio).clamp(path.first, path.last)


@dataclass(frozen=True)
class LogitNormal:
    """logit(t) is normal: the middle of the way is drawn most often.

    Source: Esser and others, "Scaling rectified flow transformers", 2024, arXiv:2403.03206,
        equation 19.

    Args:
        mean, std: mean and deviation of logit(t).
    """

    mean: float = 0.0
    std: float = 1.0

    def __call__(self, u: Tensor, path: Path) -> Tensor:
        t = torch.sigmoid(self.mean + self.std * torch.special.ndtri(u.clamp(1e-6, 1 - 1e-6)))
        return t.clamp(path.first, path.last)


class Noisy(NamedTuple):
    """x_t, and all that it is made of."""

    x: Tensor  # (n, *shape)
    t: Tensor  # (n,)
    alpha: Tensor  # (n, 1, ...)
    sigma: Tensor  # (n, 1, ...)
    eps: Tensor  # (n, *shape)


class Denoiser(nn.Module):
    """A part of a model: the network with its path and parametrisation.

    Args:
        net: takes the parametrisation's inputs, (n, *shape) and (n,), and a context's rows where
            there is one; gives (n, *shape).
        space: Pixels or Reals; values should be about 1 in size.
        path: path from data to noise.
        parametrisation: what the network predicts.
    """

    def __init__(self, net: nn.Module, space: Space, path: Path, parametrisation: Parametrisation):
        super().__init__()
        self.net, self.space, self.path = net, space, path
        self.parametrisation = parametrisation

    def noisy(self, x: Tensor, t: Tensor, eps: Tensor) -> Noisy:
        """x_t, (n, *shape), from x_0, t (n,) and standard normal eps."""
        alpha, sigma = self._amounts(x, t)
        return Noisy(alpha * x + sigma * eps, t, alpha, sigma, eps)

    def whole(self, x: Tensor, t: Tensor, *context: Tensor) -> Tensor:
        """All that the network gives for x_t: (n, *shape), and more channels if a model needs more."""
        shown = self.parametrisation.network_input(x, t, *self._amounts(x, t))
        return self.net(shown.x, shown.t, *context)

    def out(self, x: Tensor, t: Tensor, *context: Tensor) -> Tensor:
        """What the network predicts in its parametrisation, (n, *shape)."""
        return self.whole(x, t, *context)[:, : x.shape[1]]

    def start(self, out: Tensor, x: Tensor, t: Tensor, clip: bool = True) -> Tensor:
        """x0hat, (n, *shape), from that; on Pixels, within [-1, 1] if so wanted."""
        start = self.parametrisation.start(out, x, *self._amounts(x, t))
        return self.space.clip(start) if clip else start

    def denoise(self, x: Tensor, t: Tensor, *context: Tensor) -> Tensor:
        """E[x_0 | x_t], (n, *shape), for t (n,); on Pixels, within [-1, 1]."""
        return self.start(self.out(x, t, *context), x, t)

    def loss(
        self,
        x: Tensor,
        *context: Tensor,
        times: Times,
        weight: Weight | None = None,
        coupling: Coupling | None = None,
        eps: Tensor | None = None,
    ) -> Losses:
        """The squared error of what the network predicts, a mean over all numbers.

        Args:
            x: x_0, (n, *shape).
            context: features of the context.
            times: distribution of t.
            weight: weight of x0hat's error; by default the network's own errors all weigh the same.
            coupling: assignment of the noise drawn to rows.
            eps: the noise of each row, where it is known.
        """
        t = times(spread_evenly(x), self.path)
        if eps is None:
            eps = torch.randn_like(x) if coupling is None else coupling(x, torch.randn_like(x))
        noisy = self.noisy(x, t, eps)
        out = self.out(noisy.x, t, *context)
        error = (out - self.parametrisation.target(x, eps, noisy.alpha, noisy.sigma)).square()
        return {"error": (self._weight(noisy.alpha, noisy.sigma, weight) * error).mean()}

    def _weight(self, alpha: Tensor, sigma: Tensor, weight: Weight | None) -> Tensor:
        """Of the network's squared error, where `weight` is that of x0hat's."""
        if weight is None:
            return self.parametrisation.weight(alpha, sigma)
        alpha = alpha.clamp(min=LEAST)
        one, nothing = torch.ones_like(alpha), torch.zeros_like(alpha)
        # x0hat is affine in what the network gives: its slope
        unit = self.parametrisation.start(one, nothing, alpha, sigma)
        return weight(alpha, sigma) * unit.square()

    # the bound

    def elbo(self, x: Tensor, *context: Tensor) -> Tensor:
        """A lower bound of log p(x), (n,), in nats: both ends, and the integral from one time a row."""
        return -self.prior_cost(x) - self.path_cost(x, *context) - self.last_cost(x, *context)

    def prior_cost(self, x: Tensor) -> Tensor:
        """What of x_0 is still there when the way back begins, (n,), nats."""
        alpha, sigma = self._amounts(x, self._at(x, self.path.last))
        scale = self.path.spread
        return kl_normal(alpha * x / scale, (sigma / scale).log().expand_as(x))

    def path_cost(self, x: Tensor, *context: Tensor) -> Tensor:
        """The integral of |x_0 - x0hat|^2 over snr / 2, (n,), nats, from one x_t for each row."""
        ends = self._at(x, self.path.last), self._at(x, self.path.first)
        low, high = (self.path.log_snr(t) for t in ends)
        log_snr = low + (high - low) * spread_evenly(x)
        noisy = self.noisy(x, self.path.time(log_snr), torch.randn_like(x))
        error = (x - self.denoise(noisy.x, noisy.t, *context)).square().flatten(1).sum(1)
        return (high - low) * (2 * log_snr).exp() * error

    def last_cost(self, x: Tensor, *context: Tensor) -> Tensor:
        """-log p(x_0 | x_first), (n,), nats, from one x_first for each row."""
        noisy = self.noisy(x, self._at(x, self.path.first), torch.randn_like(x))
        start = self.denoise(noisy.x, noisy.t, *context)
        log_std = (noisy.sigma / noisy.alpha).log().expand_as(x)
        if (levels := self.space.cardinality) is not None:
            return -log_discretised_normal(x, start, log_std, levels)
        return -log_normal(x, start, log_std)

    def _at(self, x: Tensor, t: float) -> Tensor:
        return torch.full((len(x),), t, dtype=x.dtype, device=x.device)

    def _amounts(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """alpha and sigma at t, (n,), each with as many axes as x."""
        shape = (-1, *[1] * (x.dim() - 1))
        return self.path.alpha(t).view(shape), self.path.sigma(t).view(shape)


class Denoising:
    """A model that is built around a denoiser shows what that is made of."""

    denoiser: Denoiser

    @property
    def net(self) -> nn.Module:
        return self.denoiser.net

    @property
    def path(self) -> Path:
        return self.denoiser.path

    @property
    def parametrisation(self) -> Parametrisation:
        return self.denoiser.parametrisation


def spread_evenly(x: Tensor) -> Tensor:
    """Numbers in [0, 1), (n,): each is uniform, and all together are evenly spaced."""
    steps = torch.arange(len(x), device=x.device, dtype=x.dtype) / len(x)
    return (steps + torch.rand(1, device=x.device, dtype=x.dtype)) % 1
