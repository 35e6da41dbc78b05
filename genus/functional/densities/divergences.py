"""f-divergences, and the games that measure them.

    D_f(p, q) = E_q f(p / q)  >=  E_p T - E_q f*(T),      f*(t) = sup_u (u t - f(u)),

for every function T into the domain of f*, with equality at T = f'(p / q). A critic's free score v
becomes T = g(v) by an activation g onto that domain; u = p / q:

                     f(u)                              g(v)               f*(t)              D_f(p, q)
    kl               u log u                           v                  e^(t - 1)          KL(p, q)
    reverse_kl       -log u                            -e^-v              -1 - log(-t)       KL(q, p)
    pearson          (u - 1)^2                         v                  t^2 / 4 + t        chi^2(p, q)
    neyman           (1 - u)^2 / u                     1 - e^-v           2 - 2 sqrt(1 - t)  chi^2(q, p)
    hellinger        (sqrt u - 1)^2                    1 - e^-v           t / (1 - t)        H^2(p, q)
    jensen_shannon   u log u - (u + 1) log((u + 1)/2)  log 2 - sp(-v)     -log(2 - e^t)      2 JS(p, q)
    f_gan            u log u - (u + 1) log(u + 1)      -sp(-v)            -log(1 - e^t)      2 JS - 2 log 2

with chi^2(p, q) = E_q (p/q - 1)^2, H^2(p, q) = E_q (sqrt(p/q) - 1)^2, sp(v) = log(1 + e^v).

The generator lowers the bound, E_q -f*(g(v)), which may saturate; or, the paper's alternative, it wants
E_q g(v) large. In `DIVERGENCES` pearson alone takes the second: below v = -2 its parabola rises again,
and a generator that lowers the bound is driven away from the data.

Source: Nowozin, Cseke, Tomioka, "f-GAN: training generative neural samplers using variational
    divergence minimization", 2016, arXiv:1606.00709, equation 4, section 3.2, tables 1 and 2;
    ratio matching: Uehara, Sato, Suzuki, Nakayama, Matsuo, "Generative adversarial nets from a density
    ratio estimation perspective", 2016, arXiv:1610.02920.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from ...errors import Refused

Elementwise = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class FDivergence:
    """The game whose critic, at its best, has the loss -D_f(p, q).

    Args:
        name: the key in `OBJECTIVES`.
        f: convex, of a ratio u > 0.
        activation: g, from any score to the domain of f*.
        conjugate: f*.
        conjugate_of_activation: f*(g(v)), in a form that does not lose digits.
        alternative: the generator wants E_q g(v) large, not E_q f*(g(v)): its gradient does not
            fade where the critic is sure that rows are fake (section 3.2 of the paper).
    """

    name: str
    f: Elementwise
    activation: Elementwise
    conjugate: Elementwise
    conjugate_of_activation: Elementwise
    alternative: bool = False
    relative: bool = False

    def critic(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """Minus the bound on the divergence."""
        return {
            "real": -self.activation(real).mean(),
            "fake": self.conjugate_of_activation(fake).mean(),
        }

    def generator(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """What of the bound the generator moves, or the paper's alternative to it."""
        worth = self.activation if self.alternative else self.conjugate_of_activation
        return {"fool": -worth(fake).mean()}


def identity(v: Tensor) -> Tensor:
    """g(v) = v: any t is in the domain."""
    return v


def below_zero(v: Tensor) -> Tensor:
    """g(v) = -e^-v."""
    return -(-v).exp()


def below_one(v: Tensor) -> Tensor:
    """g(v) = 1 - e^-v."""
    return -(-v).expm1()


def below_log_two(v: Tensor) -> Tensor:
    """g(v) = log 2 - sp(-v)."""
    return math.log(2) + logsigmoid(v)


def kl_f(u: Tensor) -> Tensor:
    """f(u) = u log u, 0 at 0."""
    return u.xlogy(u)


def kl_conjugate(t: Tensor) -> Tensor:
    """f*(t) = e^(t - 1)."""
    return (t - 1).exp()


def reverse_kl_f(u: Tensor) -> Tensor:
    """f(u) = -log u."""
    return -u.log()


def reverse_kl_conjugate(t: Tensor) -> Tensor:
    """f*(t) = -1 - log(-t), t < 0."""
    return -1 - (-t).log()


def reverse_kl_composed(v: Tensor) -> Tensor:
    """f*(g(v)) = v - 1."""
    return v - 1


def pearson_f(u: Tensor) -> Tensor:
    """f(u) = (u - 1)^2."""
    return (u - 1).square()


def pearson_conjugate(t: Tensor) -> Tensor:
    """f*(t) = t^2 / 4 + t; for t < -2 the supremum over u >= 0 is -1, and this continues the parabola."""
    return t.square() / 4 + t


def neyman_f(u: Tensor) -> Tensor:
    """f(u) = (1 - u)^2 / u."""
    return (1 - u).square() / u


def neyman_conjugate(t: Tensor) -> Tensor:
    """f*(t) = 2 - 2 sqrt(1 - t), t < 1."""
    return 2 - 2 * (1 - t).sqrt()


def neyman_composed(v: Tensor) -> Tensor:
    """f*(g(v)) = 2 - 2 e^(-v / 2)."""
    return -2 * (-v / 2).expm1()


def hellinger_f(u: Tensor) -> Tensor:
    """f(u) = (sqrt u - 1)^2."""
    return (u.sqrt() - 1).square()


def hellinger_conjugate(t: Tensor) -> Tensor:
    """f*(t) = t / (1 - t), t < 1."""
    return t / (1 - t)


def hellinger_composed(v: Tensor) -> Tensor:
    """f*(g(v)) = e^v - 1."""
    return v.expm1()


def jensen_shannon_f(u: Tensor) -> Tensor:
    """f(u) = u log u - (u + 1) log((u + 1) / 2)."""
    return u.xlogy(u) - (u + 1) * ((u + 1) / 2).log()


def jensen_shannon_conjugate(t: Tensor) -> Tensor:
    """f*(t) = -log(2 - e^t), t < log 2."""
    return -(2 - t.exp()).log()


def jensen_shannon_composed(v: Tensor) -> Tensor:
    """f*(g(v)) = sp(v) - log 2."""
    return softplus(v) - math.log(2)


def f_gan_f(u: Tensor) -> Tensor:
    """f(u) = u log u - (u + 1) log(u + 1)."""
    return u.xlogy(u) - (u + 1) * u.log1p()


def f_gan_conjugate(t: Tensor) -> Tensor:
    """f*(t) = -log(1 - e^t), t < 0."""
    return -(-t.expm1()).log()


def log_sigmoid(v: Tensor) -> Tensor:
    """g(v) = -sp(-v)."""
    return logsigmoid(v)


def soft_plus(v: Tensor) -> Tensor:
    """f*(g(v)) = sp(v)."""
    return softplus(v)


@dataclass(frozen=True)
class RatioMatching:
    """The critic learns p / q by the Bregman divergence of (u - 1)^2 / 2; q then follows it.

    The ratio is bounded, u = bound sigmoid(v - log(bound - 1)), so that v = 0 is u = 1: where there
    are data and no fake rows, an unbounded one is pushed up for ever.

    Args:
        bound: the largest ratio, above 1.
        follow: the generator wants -E u^2 / 2, the part of the critic's loss that it moves; without
            it, the paper's E_q (u - 1)^2 / 2, which is small wherever u is 1, as boundary_seeking.
    """

    bound: float = 20.0
    follow: bool = False
    name: str = "ratio_matching"
    relative: bool = False

    def __post_init__(self) -> None:
        if self.bound <= 1:
            raise Refused(f"RatioMatching: bound is {self.bound}; it must be above 1")

    def log_ratio(self, v: Tensor) -> Tensor:
        """log u of scores v."""
        return math.log(self.bound) + logsigmoid(v - math.log(self.bound - 1))

    def critic(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """Its best u is min(p / q, bound)."""
        return {
            "real": -self.log_ratio(real).exp().mean(),
            "fake": (2 * self.log_ratio(fake)).exp().mean() / 2,
        }

    def generator(self, real: Tensor, fake: Tensor, /) -> dict[str, Tensor]:
        """At the best critic, half chi^2(p, q), up to a constant if it follows."""
        u = self.log_ratio(fake).exp()
        return {"fool": -u.square().mean() / 2 if self.follow else (u - 1).square().mean() / 2}


kl = FDivergence("kl", kl_f, identity, kl_conjugate, kl_conjugate)
reverse_kl = FDivergence(
    "reverse_kl", reverse_kl_f, below_zero, reverse_kl_conjugate, reverse_kl_composed
)
pearson = FDivergence(  # whose bound the generator can lower without end where v < -2
    "pearson", pearson_f, identity, pearson_conjugate, pearson_conjugate, alternative=True
)
neyman = FDivergence("neyman", neyman_f, below_one, neyman_conjugate, neyman_composed)
hellinger = FDivergence(
    "hellinger", hellinger_f, below_one, hellinger_conjugate, hellinger_composed
)
jensen_shannon = FDivergence(
    "jensen_shannon",
    jensen_shannon_f,
    below_log_two,
    jensen_shannon_conjugate,
    jensen_shannon_composed,
)
f_gan = FDivergence("f_gan", f_gan_f, log_sigmoid, f_gan_conjugate, soft_plus)

DIVERGENCES = {
    d.name: d for d in (kl, reverse_kl, pearson, neyman, hellinger, jensen_shannon, f_gan)
}
