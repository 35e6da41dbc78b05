"""Promises: what the name of a method means, for all models alike.

What each name promises is a law in ``tests/laws.py``.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, TypeVar, cast, runtime_checkable

from torch import Tensor

from .spaces import Space

Losses = dict[str, Tensor]  # a loss as its named parts; what is minimised is their sum

PROMISES = (
    "sample",  # draws x
    "log_prob",  # log p(x) exactly, nats: a probability on a discrete space, a density on Reals
    "elbo",  # a lower bound of log p(x) in expectation, nats
    "log_weight",  # a random number whose exponential is p(x) in expectation, nats
    "log_weights",  # several of these at once
    "energy",  # -log p(x) up to a constant, nats
    "gibbs",  # a chain that leaves p(x) alone
    "logits",  # of each value given those before it in the model's `order`
    "sample_from",  # x as a function of uniform numbers, one value after another
    "complete",  # x whose first values are given
    "inpaint",  # x of which any part is given
    "sample_watched",  # draws x, and shows how it comes about
    "extend",  # a text continued to any length
    "unnormalised_log_weight",  # a random number whose exponential is Z p(x) in expectation, nats
    "annealing_path",  # a path to p(x) from a distribution whose constant is known
    "conditionals",  # P(x | z) for draws of z, of which p(x) is the mean
    "annealed_log_prob",  # log p(x) by annealed importance sampling of its own, nats
    "encode",  # x to z
    "decode",  # z to x
    "unit_nats",  # what each unit of z tells of x
    "draw_posterior",  # a draw of z behind x
    "draw_prior",  # draws of z, from which samples begin
    "encode_with_logdet",  # z and log |det dz/dx|
    "denoise",  # the clean x that is expected behind a noisy one
    "judged",  # a critic's scores of both sides of a game
    "fit",  # learns by closed form or expectation maximisation
)


P = TypeVar("P")


def promise(model: object, kind: type[P]) -> P | None:
    """The model, as what keeps a promise; None if it does not keep it.

    The model itself decides, and not its class: a wrapper keeps what it wraps.

    Args:
        model: any.
        kind: `HasLogProb`, `HasElbo`, ...: a protocol of one promise or of several.
    """
    wanted = {name for name in PROMISES if name in vars(kind)}
    own: Callable[[], set[str]] | None = getattr(model, "promises", None)
    keeps = own() if own else {n for n in wanted if callable(getattr(model, n, None))}
    return cast(P, model) if wanted <= keeps else None


@runtime_checkable
class HasLogProb(Protocol):
    """Knows log p(x) exactly, in nats, one number a row."""

    def log_prob(self, *x: Tensor) -> Tensor: ...


@runtime_checkable
class HasElbo(Protocol):
    """Knows a lower bound of log p(x), in nats, one number a row; it may be a random one."""

    def elbo(self, *x: Tensor) -> Tensor: ...


@runtime_checkable
class HasLogWeight(Protocol):
    """Can be importance-weighted: each call makes one fresh draw of log p(x, z) - log q(z | x).

    E[exp(log_weight(x))] = p(x), one number a row, in nats.
    """

    def log_weight(self, *x: Tensor) -> Tensor: ...


@runtime_checkable
class HasLogWeights(Protocol):
    """Makes several draws of its importance weights at once, which is faster: (k, n), in nats."""

    def log_weights(self, *x: Tensor, k: int) -> Tensor: ...


@runtime_checkable
class HasEnergy(Protocol):
    """Knows -log p(x) up to a constant, in nats, one number a row."""

    def energy(self, *x: Tensor) -> Tensor: ...


class AnnealingPath(NamedTuple):
    """Unnormalised f_beta(x), beta in [0, 1], from a known distribution to a model's own.

    `climb(x, beta, to)` is a step of annealed importance sampling, up or down: x after one move that
    leaves f_to alone, and log f_to(x) - log f_beta(x), (n,), of the x before it.
    """

    log_z: Tensor  # the logarithm of the sum of f_0, nats, ()
    start: Callable[[int], Tensor]  # exact draws from f_0
    climb: Callable[[Tensor, float, float], tuple[Tensor, Tensor]]  # (x after the move, log weight)
    end: Callable[[int], Tensor]  # draws from f_1, by a chain


@runtime_checkable
class HasAnnealingPath(Protocol):
    """Knows f_1 = exp(-energy), and a path to it from the base rates of the data x."""

    def energy(self, *x: Tensor) -> Tensor: ...

    def annealing_path(self, x: Tensor) -> AnnealingPath: ...


@runtime_checkable
class HasUnnormalisedLogWeight(Protocol):
    """Can be importance-weighted, but for the constant Z at which its path ends.

    Each call makes one fresh draw; E[exp(unnormalised_log_weight(x))] = Z p(x), one number a row, nats.
    The path may lead through other variables than x.
    """

    def unnormalised_log_weight(self, *x: Tensor) -> Tensor: ...

    def annealing_path(self, x: Tensor) -> AnnealingPath: ...


@runtime_checkable
class HasAnnealedLogProb(Protocol):
    """Estimates log p(x) by a path for each row: mostly too large, the more rungs the less."""

    def annealed_log_prob(self, *x: Tensor, betas: int, chains: int) -> Tensor: ...


@runtime_checkable
class HasConditionals(Protocol):
    """Draws x, of bits, in two steps: latents first, and then bits that are independent given them."""

    @property
    def space(self) -> Space: ...

    def conditionals(self, n: int) -> Tensor:
        """Logits of P(x | z) for n draws of the latents, (n, *space.shape)."""
        ...


@runtime_checkable
class HasUnits(Protocol):
    """`unit_nats(x)`, `draw_posterior(x)` and `draw_prior(n)`: what a latent tells, and where it lies.

    Draws are of one kind, (n, latent), so that a model whose guesses fill its prior draws the same from both.
    """

    def unit_nats(self, x: Tensor) -> Tensor:
        """What each unit of the latent tells of x, at least 0, the mean over the rows, (latent,)."""
        ...

    def draw_posterior(self, x: Tensor) -> Tensor: ...

    def draw_prior(self, n: int) -> Tensor: ...


@runtime_checkable
class HasFit(Protocol):
    """Learns from all data at once: yields its losses after each step, until it has converged.

    What it knows lives in its parameters and buffers, so that a second call continues from there.
    """

    def fit(self, *x: Tensor) -> Iterator[Losses]: ...
