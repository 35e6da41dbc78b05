"""DDPM: noise, undone in many small steps.

The forward chain q adds a little normal noise at each of T steps until nothing of x_0 is left. Each
step back is nearly normal too, so a network that tells the noise from the data is all there is to
learn, and the bound on log p is a sum of T losses that are each a squared error.

    x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps                   q(x_t | x_0), eps ~ N(0, I)
    q(x_s | x_t, x_0)  = N(mu(x_t, x_0), var I)                     s = t - 1
    x0hat(x_t)         = (x_t - sqrt(1 - abar_t) net(x_t, t)) / sqrt(abar_t)
    p(x_s | x_t)       = N(mu(x_t, x0hat(x_t)), var_p I)            p(x_T) = N(0, I)

    loss    = E_(t, eps) |eps - net(x_t, t)|^2                      the bound without its weights
    -elbo   = L_T + sum_(t > 1) L_(t-1) + L_0  >=  -log p(x_0)
    L_T     = KL(q(x_T | x_0) || p(x_T))
    L_(t-1) = KL(q(x_s | x_t, x_0) || p(x_s | x_t))                 two normals: a squared error
    L_0     = -log p(x_0 | x_1)                                     on pixels, the mass of x_0's bin

Source: Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", 2020, arXiv:2006.11239,
    equations 4-8 and 11-14, algorithms 1 and 2.
Departs: var_p lies between the two that the paper tries (0 and 1 give these). In a batch the times
    are spread evenly instead of drawn one by one; for the bound they are drawn more often where it
    is large. Neither changes a mean.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..core import GenerativeModel, Pixels, Space, Terms
from ..functional.densities import kl_normal, log_discretised_normal, log_normal
from ..functional.noise import Chain, Cosine, alpha_bars, back_variance, posterior
from ..functional.parametrisations import Epsilon, Parametrisation
from ..functional.paths import Path
from ..functional.spacings import Level, Spacing, even, levels
from .denoiser import Denoiser, Denoises, check_space, spread_evenly
from .samplers import (
    Sampler,
    check_evaluations,
    fresh_variance,
    mean_toward,
    now,
)


@dataclass(frozen=True)
class Ancestral:
    """A sampler of a DDPM: its chain p itself, or the same with fewer and longer steps.

    Source: Ho et al., algorithm 2; Nichol, Dhariwal, "Improved denoising diffusion probabilistic
        models", 2021, arXiv:2102.09672, section 4 (fewer steps).

    Args:
        evaluations: of the network; None takes all T steps.
        spacing: of the times: one of `functional.spacings`.
    """

    evaluations: int | None = None
    spacing: Spacing = even

    def __post_init__(self) -> None:
        if self.evaluations is not None:
            check_evaluations("Ancestral", self.evaluations)

    def __call__(self, model: Denoises, x: Tensor, start: float | None = None) -> Tensor:
        """x_0 from x at `start`, both (n, *shape); the last step gives its mean."""
        if not isinstance(model, DDPM):
            raise TypeError(
                f"Ancestral: the model is a {type(model).__name__}; only a DDPM has a chain back: "
                f"take DDIM(evaluations, eta=1.0)"
            )
        begin = model.path.last if start is None else start
        times = self.spacing(model.path, self.evaluations or model.steps, begin)
        for at, to in pairwise(levels(model.path, times)):
            guess = model.denoise(x, now(x, at))
            x = mean_toward(x, guess, at, to, fresh_variance(at, to))
            if to.sigma > 0:
                x = x + model.deviation(at, to) * torch.randn_like(x)
        return x


ANCESTRAL, COSINE, EPSILON = Ancestral(), Cosine(), Epsilon()


class DDPM(GenerativeModel):
    """A kit: any network that takes x_t, (n, *shape), and t / T, (n,), and gives the noise in x_t.

    Args:
        net: the network.
        space: Pixels or Reals; values should be about 1 in size. On Reals nothing bounds x0hat, so a
            schedule that leaves almost nothing of x_0 magnifies the network's error: take `Linear`.
        steps: T, at least 2.
        schedule: gives beta_1 .. beta_T; see `functional.noise`.
        variance: of a step back, on a log scale from its lower bound, the posterior's, at 0 to its
            upper bound, beta_t, at 1.
        sampler: how `sample` goes back: `Ancestral(...)` or `DDIM(...)`.
        parametrisation: what the network is asked for, in the place of the noise: see
            `functional.parametrisations`.
    """

    signal: Tensor  # sqrt(abar_t), (T + 1,), from t = 0
    spread: Tensor  # sqrt(1 - abar_t), (T + 1,)
    fixed: Tensor  # what L_(t-1) is in any case, (T + 1,); 0 where t < 2, like the next two
    weight: Tensor  # of |x_0 - x0hat|^2 in L_(t-1), (T + 1,)
    chance: Tensor  # of t in the bound's estimate, (T + 1,)

    def __init__(
        self,
        net: nn.Module,
        space: Space,
        steps: int = 1000,
        schedule: Callable[[int], Tensor] = COSINE,
        variance: float = 0.5,
        sampler: Sampler = ANCESTRAL,
        parametrisation: Parametrisation = EPSILON,
    ):
        super().__init__()
        check_space(space, "DDPM")
        if steps < 2:
            raise ValueError(f"DDPM: steps is {steps}; at least 2 are wanted")
        if not 0 <= variance <= 1:
            raise ValueError(f"DDPM: variance is {variance}; it must be in [0, 1]")
        self.space, self.steps = space, steps
        self.schedule, self.variance, self.sampler = schedule, variance, sampler
        betas = schedule(steps)
        self.denoiser = Denoiser(net, space, Chain(betas), parametrisation)
        abar = alpha_bars(betas)
        s, t = abar[1:-1], abar[2:]  # of t = 2 .. T
        q, back = posterior(s, t), back_variance(s, t, variance)
        ratio, share = q.variance / back, (s - t) / (1 - s)  # of L_(t-1), about: were x_0 N(0, I)
        for name, values in {
            "signal": abar.sqrt(),
            "spread": (1 - abar).sqrt(),
            "fixed": _late(space.dims / 2 * (ratio - 1 - ratio.log())),
            "weight": _late(q.on_start**2 / back / 2),
            "chance": _late(0.9 * share / share.sum() + 0.1 / (steps - 1)),
        }.items():
            self.register_buffer(name, values.to(torch.get_default_dtype()), persistent=False)

    @property
    def net(self) -> nn.Module:
        return self.denoiser.net

    @property
    def path(self) -> Path:
        return self.denoiser.path

    @property
    def parametrisation(self) -> Parametrisation:
        return self.denoiser.parametrisation

    # the two chains

    def noisy(self, x: Tensor, t: Tensor, eps: Tensor) -> Tensor:
        """x_t, (n, *shape), from x_0, t (n,) in 0 .. T and standard normal eps."""
        return _at(self.signal, t, x) * x + _at(self.spread, t, x) * eps

    def denoise(self, x: Tensor, t: Tensor) -> Tensor:
        """E[x_0 | x_t], (n, *shape), for t / T, (n,), in [1 / T, 1]."""
        return self.denoiser.denoise(x, t)

    def deviation(self, at: Level, to: Level) -> float:
        """Of the noise in a step of the chain back."""
        later, earlier = (torch.tensor(one.alpha, dtype=torch.float64) ** 2 for one in (at, to))
        return back_variance(earlier, later, self.variance).sqrt().item()

    @torch.no_grad()
    def sample(self, n: int, sampler: Sampler | None = None) -> Tensor:
        """(n, *space.shape), by the sampler given, or else the model's own."""
        x = (sampler or self.sampler)(self, self.noise(n, *self.space.shape))
        return self.space.quantise(x) if isinstance(self.space, Pixels) else x

    # learning

    def loss(self, x: Tensor) -> Terms:
        t = (1 + self.steps * spread_evenly(x)).long().clamp(max=self.steps)
        eps = torch.randn_like(x)
        signal, spread = _at(self.signal, t, x), _at(self.spread, t, x)
        out = self.denoiser.out(signal * x + spread * eps, self._share(t, x))
        target = self.parametrisation.target(x, eps, signal, spread)
        weight = self.parametrisation.weight(signal, spread)
        return {"error": (weight * (out - target).square()).mean()}

    # the bound

    def elbo(self, x: Tensor) -> Tensor:
        """A lower bound of log p(x), (n,), in nats: L_0, L_T, and one other step for each row."""
        place = torch.searchsorted(self.chance.cumsum(0), spread_evenly(x), right=True)
        t = place.clamp(2, self.steps)
        steps = self.fixed.sum() + self.error_cost(x, t) / self.chance[t]
        return -self.prior_cost(x) - steps - self.last_cost(x)

    def costs(self, x: Tensor) -> Tensor:
        """L_0, L_1 .. L_T, (n, T + 1), in nats, at one evaluation each: -elbo is their sum."""
        times = range(2, self.steps + 1)
        steps = [self.fixed[t] + self.error_cost(x, self._whole(x, t)) for t in times]
        return torch.stack([self.last_cost(x), *steps, self.prior_cost(x)], dim=1)

    def prior_cost(self, x: Tensor) -> Tensor:
        """L_T, (n,): what of x_0 is still there when the chain back begins."""
        return kl_normal(self.signal[-1] * x, self.spread[-1].log().expand_as(x))

    def error_cost(self, x: Tensor, t: Tensor) -> Tensor:
        """What of L_(t-1) is the network's error, (n,), for t (n,) in 2 .. T."""
        return self.weight[t] * (x - self._guess(x, t)).square().flatten(1).sum(1)

    def last_cost(self, x: Tensor) -> Tensor:
        """L_0, (n,), from one x_1 for each row."""
        start, log_std = self._guess(x, self._whole(x, 1)), self.spread[1].log()  # of beta_1
        if isinstance(self.space, Pixels):
            return -log_discretised_normal(x, start, log_std, self.space.levels)
        return -log_normal(x, start, log_std)

    def _guess(self, x: Tensor, t: Tensor) -> Tensor:
        """x0hat, (n, *shape), from a fresh x_t."""
        return self.denoise(self.noisy(x, t, torch.randn_like(x)), self._share(t, x))

    def _share(self, t: Tensor, x: Tensor) -> Tensor:
        """t / T, (n,), of x's dtype."""
        return t.to(x.dtype) / self.steps

    def _whole(self, x: Tensor, t: int) -> Tensor:
        """The same t for all rows of x, (n,)."""
        return torch.full((len(x),), t, device=x.device)


def _late(values: Tensor) -> Tensor:
    """What belongs to t = 2 .. T, at its place in 0 .. T."""
    return torch.cat([values.new_zeros(2), values])


def _at(table: Tensor, t: Tensor, x: Tensor) -> Tensor:
    """The table's entries at t, (n,), one for each row of x."""
    return table[t].view(-1, *[1] * (x.dim() - 1))
