"""DDPM: noise, undone in many small steps.

The forward chain q adds a little normal noise at each of T steps until nothing of x_0 is left. Each
step back is nearly normal too, so a network that tells the noise from the data is all there is to
learn, and the bound on log p is a sum of T losses that are each a squared error.

    x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps                   q(x_t | x_0), eps ~ N(0, I)
    q(x_s | x_t, x_0)  = N(mu(x_t, x_0), var I)                     s = t - 1
    x0hat(x_t)         = (x_t - sqrt(1 - abar_t) net(x_t, t)) / sqrt(abar_t)
    p(x_s | x_t)       = N(mu(x_t, x0hat(x_t)), var_p I)            p(x_T) = N(0, I)
    var_p              = var^(1 - v) beta_t^v                       v is chosen, or learned

    loss    = E_(t, eps) |eps - net(x_t, t)|^2                      the bound without its weights
    -elbo   = L_T + sum_(t > 1) L_(t-1) + L_0  >=  -log p(x_0)
    L_T     = KL(q(x_T | x_0) || p(x_T))
    L_(t-1) = KL(q(x_s | x_t, x_0) || p(x_s | x_t))                 two normals: a squared error
    L_0     = -log p(x_0 | x_1)                                     on pixels, the mass of x_0's bin

Source: Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", 2020, arXiv:2006.11239,
    equations 4-8 and 11-14, algorithms 1 and 2; Nichol, Dhariwal, "Improved denoising diffusion
    probabilistic models", 2021, arXiv:2102.09672, equations 15 and 16 (the learned variance) and
    section 3.3 (`Bound`).
Departs: in a batch the times are spread evenly instead of drawn one by one; for the bound they are
    drawn more often where it would be large, were x_0 normal, in the place of a record of past losses.
    Neither changes a mean. Learned, v is 1 / 2 plus what the network gives, and the bound is counted
    in nats for each number of x_0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..core import (
    Losses,
    Pixels,
    Reals,
    Refused,
    Space,
    at_least,
    in_range,
    require,
)
from ..errors import RefusedType
from ..functional.densities.densities import kl_normal, log_discretised_normal, log_normal
from ..functional.diffusion.parametrisations import Epsilon, Parametrisation
from ..functional.diffusion.spacings import Level, Spacing, even, levels
from .denoiser import Denoiser, Denoises, Denoising, Noisy, spread_evenly
from .noise import ChainPath, CosineSchedule, alpha_bars, back_variance, posterior
from .sampler import Sampler, Watched, fresh_variance, mean_toward, now
from .ways_back import WaysBack


@dataclass(frozen=True)
class Ancestral:
    """A sampler of a DDPM: its chain p itself, or the same with fewer and longer steps.

    Source: Ho et al., algorithm 2; Nichol, Dhariwal, "Improved denoising diffusion probabilistic
        models", 2021, arXiv:2102.09672, section 4 (fewer steps).

    Args:
        evaluations: network evaluations; None takes all T steps.
        spacing: spacing of the times: one of `functional.diffusion.spacings`.
    """

    evaluations: int | None = None
    spacing: Spacing = even

    def __post_init__(self) -> None:
        if self.evaluations is not None:
            at_least(1, "Ancestral", evaluations=self.evaluations)

    def __call__(self, model: Denoises, x: Tensor, start: float | None = None) -> Tensor:
        """x_0 from x at `start`, both (n, *shape); the last step gives its mean."""
        chain = model.model if isinstance(model, Watched) else model
        if not isinstance(chain, DDPM):
            raise RefusedType(
                f"Ancestral: the model is a {type(chain).__name__}; only a DDPM has a chain back: "
                f"take DDIM(evaluations, eta=1.0)"
            )
        begin = model.path.last if start is None else start
        times = self.spacing(chain.path, self.evaluations or chain.steps, begin)
        for at, to in pairwise(levels(chain.path, times)):
            if isinstance(model, Watched):
                model.look(x, at.t)
            guess = chain.guess(x, now(x, at))
            x = mean_toward(x, guess.start, at, to, fresh_variance(at, to))
            if to.sigma > 0:
                x = x + chain.deviation(guess, at, to) * torch.randn_like(x)
        return x


class Guess(NamedTuple):
    """What the network predicts at x_t."""

    start: Tensor  # x0hat, (n, *shape)
    share: Tensor | float  # v; (n, *shape) where it is learned


# --- what it learns by --------------------------------------------------------------------------

Objective = Callable[["DDPM", Tensor], Losses]


@dataclass(frozen=True)
class Simple:
    """The squared error of what the network predicts: the bound without its weights."""

    def __call__(self, model: "DDPM", x: Tensor) -> Losses:
        noisy = model.noisy(x, model.any_step(x))
        return {"error": model.error(x, noisy, model.denoiser.whole(noisy.x, noisy.t))}


@dataclass(frozen=True)
class Hybrid:
    """`Simple` for x0hat, and for the variance the bound, of which x0hat learns nothing.

    Args:
        weight: weight of the bound, in nats for each number of x_0.
    """

    weight: float = 1e-3

    def __call__(self, model: "DDPM", x: Tensor) -> Losses:
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

    def __call__(self, model: "DDPM", x: Tensor) -> Losses:
        return {"nll": -model.bound(x, clip=False).mean() / model.space.dims}


def check_taught(variance: float | None, objective: Objective) -> None:
    """Raises Refused unless the objective teaches just what there is to learn."""
    if variance is None and isinstance(objective, Simple):
        raise Refused(
            "DDPM: variance is None, so it is learned, but the objective Simple() does not train it; take "
            "Hybrid() or Bound(), or a variance in [0, 1]"
        )
    if variance is not None and isinstance(objective, Hybrid):
        raise Refused(
            f"DDPM: variance is {variance}, and Hybrid() teaches the variance alone; take Simple(), "
            f"or let variance be None"
        )


# --- the model --------------------------------------------------------------------------------

ANCESTRAL, COSINE, EPSILON, SIMPLE = Ancestral(), CosineSchedule(), Epsilon(), Simple()


class DDPM(Denoising, WaysBack):
    """A kit: any network that takes x_t, (n, *shape), and t / T, (n,), and gives the noise in x_t.

    Args:
        net: the network.
        space: Pixels or Reals; values should be about 1 in size. On Reals nothing bounds x0hat, so a
            schedule that leaves almost nothing of x_0 magnifies the network's error: take `LinearSchedule`.
        steps: T, at least 2.
        schedule: gives beta_1 .. beta_T; see `diffusion.noise`.
        variance: v, of a step back: on a log scale from its lower bound, the posterior's, at 0 to its
            upper bound, beta_t, at 1. None lets the network give it for each number of x: it gives
            twice as many channels then, and learns by `Hybrid()` or `Bound()`.
        sampler: sampler of `sample`: `Ancestral(...)` or `DDIM(...)`.
        parametrisation: what the network predicts, in the place of the noise: see
            `functional.diffusion.parametrisations`.
        objective: what it learns by: `Simple()`, `Hybrid()` or `Bound()`.
    """

    signal: Tensor  # sqrt(abar_t), (T + 1,), from t = 0
    spread: Tensor  # sqrt(1 - abar_t), (T + 1,)
    reach: Tensor  # log of the upper bound of a step's variance over the lower, (T + 1,)
    weight: Tensor  # of |x_0 - x0hat|^2 in L_(t-1), at the lower bound, (T + 1,); 0 where t < 2
    fixed: Tensor  # what L_(t-1) is in any case, or would be at v = 1 / 2, (T + 1,); 0 where t < 2
    chance: Tensor  # of t in the bound's estimate, (T + 1,); 0 where t < 2

    def __init__(
        self,
        net: nn.Module,
        space: Space,
        steps: int = 1000,
        schedule: Callable[[int], Tensor] = COSINE,
        variance: float | None = 0.5,
        sampler: Sampler = ANCESTRAL,
        parametrisation: Parametrisation = EPSILON,
        objective: Objective = SIMPLE,
    ):
        super().__init__()
        require("DDPM", space, Pixels, Reals, mend="read bits as Pixels of 2 levels")
        at_least(2, "DDPM", steps=steps)
        in_range("DDPM", "[0, 1]", variance=variance)
        check_taught(variance, objective)
        self.space, self.steps = space, steps
        self.schedule, self.variance, self.sampler = schedule, variance, sampler
        self.objective = objective
        betas = schedule(steps)
        self.denoiser = Denoiser(net, space, ChainPath(betas), parametrisation)
        abar = alpha_bars(betas)
        s, t = abar[1:-1], abar[2:]  # of t = 2 .. T
        lower, on_start = posterior(s, t).variance, posterior(s, t).on_start
        reach = ((1 - t / s) / lower).log()
        start = (betas[0] / lower[0]).log()  # of t = 1, whose own lower bound is 0: that of t = 2
        log_ratio = -(0.5 if variance is None else variance) * reach
        share = (s - t) / (1 - s)  # of L_(t-1), about: were x_0 N(0, I)
        for name, values in {
            "signal": abar.sqrt(),
            "spread": (1 - abar).sqrt(),
            "reach": torch.cat([start.new_zeros(1), start[None], reach]),
            "weight": _late(on_start**2 / lower / 2),
            "fixed": _late(space.dims / 2 * (log_ratio.exp() - 1 - log_ratio)),
            "chance": _late(0.9 * share / share.sum() + 0.1 / (steps - 1)),
        }.items():
            self.register_buffer(name, values.to(torch.get_default_dtype()), persistent=False)

    # the two chains

    def noisy(self, x: Tensor, k: Tensor) -> Noisy:
        """A fresh x_t, (n, *shape), from x_0, after k steps, (n,), in 1 .. T."""
        signal, spread, eps = _at(self.signal, k, x), _at(self.spread, k, x), torch.randn_like(x)
        return Noisy(signal * x + spread * eps, k.to(x.dtype) / self.steps, signal, spread, eps)

    def denoise(self, x: Tensor, t: Tensor) -> Tensor:
        """E[x_0 | x_t], (n, *shape), for t / T, (n,), in [1 / T, 1]."""
        return self.guess(x, t).start

    def guess(self, x: Tensor, t: Tensor, clip: bool = True) -> Guess:
        """x0hat, on Pixels clipped to [-1, 1] if so wanted, and v, for t / T, (n,)."""
        return self.understood(self.denoiser.whole(x, t), x, t, clip)

    def understood(self, whole: Tensor, x: Tensor, t: Tensor, clip: bool = True) -> Guess:
        """What the network's outputs mean at x_t."""
        d = x.shape[1]
        start = self.denoiser.start(whole[:, :d], x, t, clip)
        if self.variance is not None:
            return Guess(start, self.variance)
        if whole.shape[1] != 2 * d:
            raise Refused(
                f"DDPM: variance is None, and the network gives {whole.shape[1]} channels for {d}; "
                f"{2 * d} are wanted: build it with parts=2"
            )
        return Guess(start, 0.5 + whole[:, d:])

    def deviation(self, guess: Guess, at: Level, to: Level) -> Tensor:
        """Of the noise in a step of the chain back, () or (n, *shape)."""
        later, earlier = (torch.tensor(one.alpha, dtype=torch.float64) ** 2 for one in (at, to))
        return back_variance(earlier, later, guess.share).sqrt()

    def given(self, context: Tensor | None) -> "DDPM":
        """Itself: it takes no context."""
        return self

    # learning

    def loss(self, x: Tensor) -> Losses:
        return self.objective(self, x)

    def any_step(self, x: Tensor) -> Tensor:
        """One of 1 .. T for each row, (n,), all as likely."""
        return (1 + self.steps * spread_evenly(x)).long().clamp(max=self.steps)

    def any_late_step(self, x: Tensor) -> Tensor:
        """One of 2 .. T for each row, (n,), by its chance."""
        place = torch.searchsorted(self.chance.cumsum(0), spread_evenly(x), right=True)
        return place.clamp(2, self.steps)

    def error(self, x: Tensor, noisy: Noisy, whole: Tensor) -> Tensor:
        """The mean squared error of what the network predicts."""
        target = self.parametrisation.target(x, noisy.eps, noisy.alpha, noisy.sigma)
        error = (whole[:, : x.shape[1]] - target).square()
        return (self.parametrisation.weight(noisy.alpha, noisy.sigma) * error).mean()

    # the bound

    def elbo(self, x: Tensor) -> Tensor:
        """A lower bound of log p(x), (n,), in nats: L_0, L_T, and one other step for each row."""
        return self.bound(x)

    def bound(self, x: Tensor, clip: bool = True) -> Tensor:
        """The bound, (n,), in nats, with x0hat clipped, on Pixels, or not."""
        k = self.any_late_step(x)
        # of each L_(k-1) what is known beforehand need not be estimated
        more = (self.step_cost(x, k, self._guess(x, k, clip)) - self.fixed[k]) / self.chance[k]
        last = self.last_cost(x, self._guess(x, torch.ones_like(k), clip))
        return -self.prior_cost(x) - self.fixed.sum() - more - last

    def costs(self, x: Tensor) -> Tensor:
        """L_0, L_1 .. L_T, (n, T + 1), in nats, at one evaluation each: -elbo is their sum."""
        steps = [torch.full((len(x),), k, device=x.device) for k in range(1, self.steps + 1)]
        each = [self.cost(x, k, self._guess(x, k)) for k in steps]
        return torch.stack([*each, self.prior_cost(x)], dim=1)

    def cost(self, x: Tensor, k: Tensor, guess: Guess) -> Tensor:
        """L_(k-1), (n,), in nats, for k (n,) in 1 .. T."""
        later = self.step_cost(x, k, guess)
        return torch.where(k > 1, later, self.last_cost(x, guess)) if (k == 1).any() else later

    def prior_cost(self, x: Tensor) -> Tensor:
        """L_T, (n,): what of x_0 is still there when the chain back begins."""
        return kl_normal(self.signal[-1] * x, self.spread[-1].log().expand_as(x))

    def step_cost(self, x: Tensor, k: Tensor, guess: Guess) -> Tensor:
        """L_(k-1), (n,), in nats, for k (n,) in 2 .. T: two normals."""
        log_ratio = -guess.share * _at(self.reach, k, x)  # of var to var_p
        error = _at(self.weight, k, x) * (x - guess.start).square()
        each = (torch.expm1(log_ratio) - log_ratio) / 2 + log_ratio.exp() * error
        return each.flatten(1).sum(1)

    def last_cost(self, x: Tensor, guess: Guess) -> Tensor:
        """L_0, (n,), in nats; where v is chosen, the variance here is beta_1."""
        share = guess.share if self.variance is None else 1.0
        log_std = (self.spread[1].log() - (1 - share) / 2 * self.reach[1]).expand_as(x)
        if (levels := self.space.cardinality) is not None:
            return -log_discretised_normal(x, guess.start, log_std, levels)
        return -log_normal(x, guess.start, log_std)

    def _guess(self, x: Tensor, k: Tensor, clip: bool = True) -> Guess:
        """From a fresh x_t."""
        noisy = self.noisy(x, k)
        return self.guess(noisy.x, noisy.t, clip)


def _late(values: Tensor) -> Tensor:
    """What belongs to t = 2 .. T, at its place in 0 .. T."""
    return torch.cat([values.new_zeros(2), values])


def _at(table: Tensor, k: Tensor, x: Tensor) -> Tensor:
    """The table's entries at k, (n,), one for each row of x."""
    return table[k].view(-1, *[1] * (x.dim() - 1))
