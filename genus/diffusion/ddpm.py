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

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..core import GenerativeModel, Pixels, Reals, Space, Terms
from ..functional.densities import kl_normal, log_discretised_normal, log_normal
from ..functional.noise import Cosine, alpha_bars, back_variance, even, posterior


@dataclass(frozen=True)
class Ancestral:
    """A sampler: the chain p itself, or the same with fewer and longer steps.

    Source: Ho et al., algorithm 2; Nichol, Dhariwal, "Improved denoising diffusion probabilistic
        models", 2021, arXiv:2102.09672, section 4 (fewer steps).

    Args:
        evaluations: of the network; None takes all T steps.
        spacing: gives the times from T down to 1: `even` or `quadratic` of `functional.noise`.
    """

    evaluations: int | None = None
    spacing: Callable[[int, int], Sequence[int]] = even

    def __post_init__(self) -> None:
        if self.evaluations is not None and self.evaluations < 1:
            raise ValueError(f"Ancestral: evaluations is {self.evaluations}; at least 1 is wanted")

    def __call__(self, model: "DDPM", x: Tensor) -> Tensor:
        """x_0 from x_T, both (n, *shape); the last step gives its mean."""
        abar = model.abar
        times = self.spacing(model.steps, self.evaluations or model.steps)
        for t, s in zip(times, [*times[1:], 0], strict=True):
            q = posterior(abar[s], abar[t])
            x = q.on_start * model.denoise(x, model.now(x, t)) + q.on_noisy * x
            if s > 0:
                variance = back_variance(abar[s], abar[t], model.variance)
                x = x + variance.sqrt() * torch.randn_like(x)
        return x


Sampler = Callable[["DDPM", Tensor], Tensor]  # x_0 from x_T, both (n, *shape)
ANCESTRAL, COSINE = Ancestral(), Cosine()


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
    ):
        super().__init__()
        if not isinstance(space, Pixels | Reals):
            raise ValueError(
                f"DDPM: space is {space}; Pixels or Reals are wanted, and bits may be read as "
                f"Pixels of 2 levels"
            )
        if steps < 2:
            raise ValueError(f"DDPM: steps is {steps}; at least 2 are wanted")
        if not 0 <= variance <= 1:
            raise ValueError(f"DDPM: variance is {variance}; it must be in [0, 1]")
        self.net, self.space, self.steps = net, space, steps
        self.schedule, self.variance, self.sampler = schedule, variance, sampler
        self.abar = alpha_bars(schedule(steps))  # float64, on the processor, as samplers want it
        s, t = self.abar[1:-1], self.abar[2:]  # of t = 2 .. T
        q, back = posterior(s, t), back_variance(s, t, variance)
        ratio, share = q.variance / back, (s - t) / (1 - s)  # of L_(t-1), about: were x_0 N(0, I)
        for name, values in {
            "signal": self.abar.sqrt(),
            "spread": (1 - self.abar).sqrt(),
            "fixed": _late(space.dims / 2 * (ratio - 1 - ratio.log())),
            "weight": _late(q.on_start**2 / back / 2),
            "chance": _late(0.9 * share / share.sum() + 0.1 / (steps - 1)),
        }.items():
            self.register_buffer(name, values.to(torch.get_default_dtype()), persistent=False)

    # the two chains

    def noisy(self, x: Tensor, t: Tensor, eps: Tensor) -> Tensor:
        """x_t, (n, *shape), from x_0, t (n,) in 0 .. T and standard normal eps."""
        return _at(self.signal, t, x) * x + _at(self.spread, t, x) * eps

    def predict(self, x: Tensor, t: Tensor) -> Tensor:
        """The noise that the network finds in x_t, (n, *shape)."""
        return self.net(x, t.to(x.dtype) / self.steps)

    def denoise(self, x: Tensor, t: Tensor) -> Tensor:
        """E[x_0 | x_t], (n, *shape), for t (n,) in 1 .. T."""
        start = (x - _at(self.spread, t, x) * self.predict(x, t)) / _at(self.signal, t, x)
        return start.clamp(-1, 1) if isinstance(self.space, Pixels) else start

    def now(self, x: Tensor, t: int) -> Tensor:
        """The same t for all rows of x, (n,)."""
        return torch.full((len(x),), t, device=x.device)

    @torch.no_grad()
    def sample(self, n: int, sampler: Sampler | None = None) -> Tensor:
        """(n, *space.shape), by the sampler given, or else the model's own."""
        x = (sampler or self.sampler)(self, self.noise(n, *self.space.shape))
        return self.space.quantise(x) if isinstance(self.space, Pixels) else x

    # learning

    def loss(self, x: Tensor) -> Terms:
        t = (1 + self.steps * self._spread_evenly(x)).long().clamp(max=self.steps)
        eps = torch.randn_like(x)
        return {"noise": (self.predict(self.noisy(x, t, eps), t) - eps).square().mean()}

    # the bound

    def elbo(self, x: Tensor) -> Tensor:
        """A lower bound of log p(x), (n,), in nats: L_0, L_T, and one other step for each row."""
        place = torch.searchsorted(self.chance.cumsum(0), self._spread_evenly(x), right=True)
        t = place.clamp(2, self.steps)
        steps = self.fixed.sum() + self.error_cost(x, t) / self.chance[t]
        return -self.prior_cost(x) - steps - self.last_cost(x)

    def costs(self, x: Tensor) -> Tensor:
        """L_0, L_1 .. L_T, (n, T + 1), in nats, at one evaluation each: -elbo is their sum."""
        times = range(2, self.steps + 1)
        steps = [self.fixed[t] + self.error_cost(x, self.now(x, t)) for t in times]
        return torch.stack([self.last_cost(x), *steps, self.prior_cost(x)], dim=1)

    def prior_cost(self, x: Tensor) -> Tensor:
        """L_T, (n,): what of x_0 is still there when the chain back begins."""
        return kl_normal(self.signal[-1] * x, self.spread[-1].log().expand_as(x))

    def error_cost(self, x: Tensor, t: Tensor) -> Tensor:
        """What of L_(t-1) is the network's error, (n,), for t (n,) in 2 .. T."""
        return self.weight[t] * (x - self._guess(x, t)).square().flatten(1).sum(1)

    def last_cost(self, x: Tensor) -> Tensor:
        """L_0, (n,), from one x_1 for each row."""
        start, log_std = self._guess(x, self.now(x, 1)), self.spread[1].log()  # of beta_1
        if isinstance(self.space, Pixels):
            return -log_discretised_normal(x, start, log_std, self.space.levels)
        return -log_normal(x, start, log_std)

    def _guess(self, x: Tensor, t: Tensor) -> Tensor:
        """x0hat, (n, *shape), from a fresh x_t."""
        return self.denoise(self.noisy(x, t, torch.randn_like(x)), t)

    def _spread_evenly(self, x: Tensor) -> Tensor:
        """Numbers in [0, 1), (n,): each is uniform, and all together are evenly spaced."""
        steps = torch.arange(len(x), device=x.device) / len(x)
        return (steps + torch.rand(1, device=x.device)) % 1


def _late(values: Tensor) -> Tensor:
    """What belongs to t = 2 .. T, at its place in 0 .. T."""
    return torch.cat([values.new_zeros(2), values])


def _at(table: Tensor, t: Tensor, x: Tensor) -> Tensor:
    """The table's entries at t, (n,), one for each row of x."""
    return table[t].view(-1, *[1] * (x.dim() - 1))
