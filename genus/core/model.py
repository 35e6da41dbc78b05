"""The one idea of this library.

A generative model can sample. It may also score: ``log_prob`` if it knows p(x) exactly, ``elbo`` if
it knows a lower bound, ``energy`` if it knows p(x) up to a constant. It may encode and decode.
It learns by a game: its players take turns, and each moves only what it owns.

The name of a method is a promise, and what each name promises is a law in ``tests/laws.py``.
"""

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

Terms = dict[str, Tensor]  # a loss as its named parts; what is minimised is their sum


# --- spaces: what one x is --------------------------------------------------------------------


class Space(ABC):
    """What one x is. A model has a space and a data set has a space: `fit` wants them equal."""

    shape: tuple[int, ...]  # of one x, without the batch axis

    @property
    def dims(self) -> int:
        """How many numbers one x has."""
        return math.prod(self.shape)

    @abstractmethod
    def fault(self, x: Tensor) -> str | None:
        """What is wrong with the values of x, (n, *shape), in a few words; None if nothing is."""

    def check(self, x: Tensor, who: str) -> None:
        """Raises ValueError, in the name of `who`, if the rows of x are not of this space."""
        if x.shape[1:] != self.shape:
            came = tuple(x.shape)
            raise ValueError(f"{who}: x has shape {came}; it must be (n, *{self.shape})")
        if fault := self.fault(x):
            raise ValueError(f"{who}: x {fault}; its space is {self}")


@dataclass(frozen=True)
class Reals(Space):
    """Real numbers. Scores are densities."""

    shape: tuple[int, ...]

    def fault(self, x: Tensor) -> str | None:
        return None if x.isfinite().all() else "has values that are not finite"


@dataclass(frozen=True)
class Bits(Space):
    """0 or 1, as floats. Scores are probabilities."""

    shape: tuple[int, ...]

    def fault(self, x: Tensor) -> str | None:
        return None if ((x == 0) | (x == 1)).all() else "has values other than 0 and 1"


@dataclass(frozen=True)
class Pixels(Space):
    """Floats in [-1, 1] on a grid of `levels` points: level k is 2 k / (levels - 1) - 1.

    Scores are probabilities. A density on the reals becomes a model of pixels in
    `genus.density.Dequantised`.
    """

    shape: tuple[int, ...]
    levels: int = 256

    def __post_init__(self) -> None:
        if self.levels < 2:
            raise ValueError(f"Pixels: levels is {self.levels}; at least 2 are wanted")

    @property
    def bin(self) -> float:
        """The distance between two levels."""
        return 2 / (self.levels - 1)

    def indices(self, x: Tensor) -> Tensor:
        """The level of each value, int64 in 0 .. levels - 1; off the grid, the nearest."""
        return ((x + 1) / self.bin).round().clamp(0, self.levels - 1).long()

    def values(self, indices: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """The value in [-1, 1] of each level: `indices` undone."""
        return indices.to(dtype) * self.bin - 1

    def quantise(self, y: Tensor) -> Tensor:
        """The nearest point of the grid."""
        return self.values(self.indices(y), y.dtype)

    def dequantise(self, x: Tensor) -> Tensor:
        """x and uniform noise as wide as the bin around it: the histogram's density is p(x) / bin^d."""
        return x + self.bin * (torch.rand_like(x) - 0.5)

    def fault(self, x: Tensor) -> str | None:
        if not x.isfinite().all():
            return "has values that are not finite"
        if x.min() < -1 or x.max() > 1:
            return f"has values in [{x.min():.3g}, {x.max():.3g}], outside [-1, 1]"
        if not torch.allclose(x, self.quantise(x), rtol=0, atol=1e-3 * self.bin):
            return "has values between the levels of the grid"
        return None


@dataclass(frozen=True)
class Tokens(Space):
    """A sequence of `length` integers in 0 .. vocabulary - 1, int64. Scores are probabilities.

    Where sequences are not all equally long, `end` is the token that ends them: after the first of
    these there are only more of them. A sequence that fills the whole length has none.
    """

    vocabulary: int
    length: int
    end: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return (self.length,)

    def fault(self, x: Tensor) -> str | None:
        if self.end is not None and x.dtype == torch.int64:
            ended = x == self.end
            if (ended[:, :-1] & ~ended[:, 1:]).any():
                return f"goes on after its end, which is token {self.end}"
        return _outside(x, self.vocabulary)


@dataclass(frozen=True)
class Classes(Space):
    """One label in 0 .. count - 1, int64, of shape (): what a conditional model is often told."""

    count: int

    @property
    def shape(self) -> tuple[int, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return ()

    def fault(self, x: Tensor) -> str | None:
        return _outside(x, self.count)


def _outside(x: Tensor, count: int) -> str | None:
    if x.dtype != torch.int64:
        return f"is {x.dtype}, not int64"
    if len(x) and (x.min() < 0 or x.max() >= count):
        return f"has values in [{x.min()}, {x.max()}], outside 0 .. {count - 1}"
    return None


# --- promises ---------------------------------------------------------------------------------

PROMISES = (
    "sample",  # draws x
    "log_prob",  # log p(x) exactly, nats: a probability on a discrete space, a density on Reals
    "elbo",  # a lower bound of log p(x) in expectation, nats
    "log_weight",  # a random number whose exponential is p(x) in expectation, nats
    "energy",  # -log p(x) up to a constant, nats
    "gibbs",  # a chain that leaves p(x) alone
    "logits",  # of each value given those before it in the model's `order`
    "draw",  # x from uniform noise, one value after another
    "complete",  # x whose first values are given
    "go_on",  # what may follow on a text, for any length
    "ladder",  # a path to p(x) from a distribution whose constant is known
    "encode",  # x to z
    "decode",  # z to x
    "encode_with_logdet",  # z and log |det dz/dx|
    "denoise",  # the clean x that is expected behind a noisy one
    "fit",  # learns by closed form or expectation maximisation
)


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


class Ladder(NamedTuple):
    """Unnormalised f_beta(x), beta in [0, 1], from a known distribution to a model's own.

    `climb(x, beta, to)` is a rung of annealed importance sampling, up or down: x after one move that
    leaves f_to alone, and log f_to(x) - log f_beta(x), (n,), of the x before it.
    """

    log_z: Tensor  # the logarithm of the sum of f_0, nats, ()
    start: Callable[[int], Tensor]  # exact draws from f_0
    climb: Callable[[Tensor, float, float], tuple[Tensor, Tensor]]  # (x after the move, log weight)


@runtime_checkable
class HasLadder(Protocol):
    """Knows f_1 = exp(-energy), and a path to it from the base rates of the data x."""

    def energy(self, *x: Tensor) -> Tensor: ...

    def sample(self, n: int) -> Tensor: ...

    def ladder(self, x: Tensor) -> Ladder: ...


@runtime_checkable
class HasFit(Protocol):
    """Learns from all data at once: yields its losses after each step, until it has converged.

    What it knows lives in its parameters and buffers, so that a second call goes on from there.
    """

    def fit(self, *x: Tensor) -> Iterator[Terms]: ...


# --- models -----------------------------------------------------------------------------------


class Player(NamedTuple):
    """One side of the game: what it may move, what it wants small, and how often it plays."""

    owns: Sequence[nn.Module]
    loss: Callable[..., Terms]
    every: int = 1  # plays in every k-th round
    after: Callable[[], None] | None = None  # what follows its move: a bound, a controller, a mean
    optimizer: str | None = None  # the player whose optimiser it shares; it owns the same modules

    def parameters(self) -> list[nn.Parameter]:
        return list(dict.fromkeys(p for module in self.owns for p in module.parameters()))


class Model(nn.Module, ABC):
    """Something that learns by a game. A batch is a tuple, unpacked into the loss's arguments."""

    space: Space

    def loss(self, *batch: Tensor) -> Terms:
        """Maximum likelihood, in nats per example, unless a model says otherwise."""
        if isinstance(self, HasLogProb):
            return {"nll": -self.log_prob(*batch).mean()}
        raise TypeError(f"{type(self).__name__} has no log_prob: give it a loss, or players")

    def players(self) -> dict[str, Player]:
        """The players in the order of their turns. Most models play alone."""
        return {"model": Player([self], self.loss)}

    def deal(self, *batch: Tensor) -> tuple[Tensor, ...]:
        """What is laid on the table once a round, for every player's loss: the batch itself.

        A pass that several losses share (the generator's) is made here, once. A player may move
        only after all those whose gradient runs through its weights.
        """
        return batch

    def promises(self) -> set[str]:
        """The names of `PROMISES` that this model keeps: a wrapper keeps what it wraps."""
        return {name for name in PROMISES if callable(getattr(self, name, None))}

    def noise(self, *shape: int) -> Tensor:
        """Standard normal noise, of the model's own dtype and on its device."""
        return next(chain(self.parameters(), self.buffers())).new_empty(shape).normal_()

    def hyperparameters(self) -> dict[str, object]:
        """The constructor's arguments: a model keeps each under its own name."""
        return hyperparameters(self)


class GenerativeModel(Model):
    """p(x): draws x from nothing."""

    @abstractmethod
    def sample(self, n: int) -> Tensor:
        """(n, *space.shape), without gradients."""


class ConditionalModel(Model):
    """p(x | context): draws one x for each row of context."""

    context_space: Space

    @abstractmethod
    def sample(self, context: Tensor) -> Tensor:
        """As many rows as context has, without gradients."""


def hyperparameters(module: nn.Module) -> dict[str, object]:
    """What rebuilds a module: its constructor's arguments, kept under their own names."""
    if type(module).__init__ is nn.Module.__init__:
        return {}
    names = list(inspect.signature(type(module)).parameters)
    if missing := [name for name in names if not hasattr(module, name)]:
        raise TypeError(
            f"{type(module).__name__}: its constructor does not keep {', '.join(missing)}; "
            f"each argument must be an attribute of the same name, to save and to rebuild it"
        )
    return {name: getattr(module, name) for name in names}
