"""Grammar: sequences of tokens with legal and illegal transitions, of known distribution.

Tokens stand on a ring. A sequence is in one of two states: in the one it goes up, in the other down,
by one token or, sometimes, by two; before each step but the first, the state may turn. Token 3 of 8 is
thus followed by 4 or 5, or by 2 or 1. Since a step shows the state, the probability of a whole
sequence is a product:

    p(x) = 1/V  1/2  prod_i (leap if the i-th step is by two, else 1 - leap)
                     prod_i (turn if the i-th step changes direction, else 1 - turn)

Neighbours alone do not show the state: a model that knows all bigrams may still turn at random.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from ...core import Refused, Tokens
from ...functional.densities.distances import kl_histograms
from ..endless import draws
from ..sets import Data
from ..sources import Source
from ..truth import Toy, uniform


class GrammarShares(NamedTuple):
    """How well sequences obey a grammar, as shares of all transitions."""

    legal: float  # transitions that the grammar allows
    bigram_kl: float  # KL(legal bigrams that were found || the grammar's own), nats
    turns: float  # changes of direction, among legal steps that follow a legal step


@dataclass(frozen=True)
class Grammar(Toy):
    """Two states, up and down; the label of a sequence is 0 if it begins upwards.

    Args:
        vocabulary: number of tokens on the ring, at least 5, so that up and down differ.
        length: length of a sequence, at least 3.
        leap: probability of a step by two tokens.
        turn: probability that the state changes before a step.
    """

    vocabulary: int = 8
    length: int = 32
    leap: float = 0.25
    turn: float = 0.1
    classes: int = 2

    def __post_init__(self) -> None:
        if self.vocabulary < 5 or self.length < 3:
            raise Refused(
                f"Grammar: vocabulary is {self.vocabulary} and length {self.length}; at least 5 "
                f"and 3 are wanted"
            )
        if not (0 < self.leap < 1 and 0 < self.turn < 1):
            raise Refused(
                f"Grammar: leap is {self.leap} and turn {self.turn}; both must be in (0, 1)"
            )

    @property
    def dims(self) -> int:
        return self.length

    @property
    def space(self) -> Tokens:  # pyright: ignore[reportIncompatibleMethodOverride]
        return Tokens(self.vocabulary, self.length)

    def sample(self, n: int, noise: Generator) -> tuple[Tensor, Tensor]:
        start = torch.randint(self.vocabulary, (n, 1), generator=noise)
        begins = torch.randint(2, (n, 1), generator=noise)
        turns = uniform(noise, n, self.length - 2) < self.turn
        state = torch.cat([begins, turns.long()], 1).cumsum(1) % 2
        size = 1 + (uniform(noise, n, self.length - 1) < self.leap).long()
        steps = torch.where(state == 0, size, -size)
        return torch.cat([start, steps], 1).cumsum(1) % self.vocabulary, begins[:, 0]

    def log_prob(self, x: Tensor) -> Tensor:
        size, direction = self._steps(x)
        turned = direction[:, 1:] != direction[:, :-1]
        log_p = torch.where(size == 2, math.log(self.leap), math.log1p(-self.leap)).double().sum(1)
        log_p += torch.where(turned, math.log(self.turn), math.log1p(-self.turn)).double().sum(1)
        log_p -= math.log(2 * self.vocabulary)
        return log_p.where((size > 0).all(1), -math.inf)

    @property
    def entropy(self) -> float:
        steps = (self.length - 1) * _entropy(self.leap) + (self.length - 2) * _entropy(self.turn)
        return math.log(2 * self.vocabulary) + steps

    def bigrams(self) -> Tensor:
        """The probability of each pair of neighbours, (vocabulary, vocabulary), float64."""
        joint = torch.zeros(self.vocabulary, self.vocabulary, dtype=torch.float64)
        at = torch.arange(self.vocabulary)
        for step, share in ((1, 1 - self.leap), (2, self.leap)):
            joint[at, (at + step) % self.vocabulary] = share / (2 * self.vocabulary)
            joint[at, (at - step) % self.vocabulary] = share / (2 * self.vocabulary)
        return joint

    def read(self, x: Tensor) -> GrammarShares:
        """The shares of legal transitions and of turns in sequences, (n, length)."""
        size, direction = self._steps(x)
        legal = size > 0
        pairs = (x[:, :-1] * self.vocabulary + x[:, 1:])[legal]
        counts = torch.bincount(pairs, minlength=self.vocabulary**2).double()
        both = legal[:, 1:] & legal[:, :-1]
        turned = (direction[:, 1:] != direction[:, :-1])[both]
        return GrammarShares(
            legal.double().mean().item(),
            kl_histograms(counts, self.bigrams().flatten()).item() if legal.any() else math.inf,
            turned.double().mean().item() if both.any() else math.nan,
        )

    def _steps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The size of each step, 0 if illegal, and 1 for up or -1 for down, (n, length - 1)."""
        up = (x[:, 1:] - x[:, :-1]) % self.vocabulary
        down = self.vocabulary - up
        rises = (up == 1) | (up == 2)
        falls = (down == 1) | (down == 2)
        return torch.where(rises, up, torch.where(falls, down, 0)), torch.where(rises, 1, -1)


def _entropy(p: float) -> float:
    """The entropy of a coin that shows heads with probability p, nats."""
    return -p * math.log(p) - (1 - p) * math.log1p(-p)


def grammar() -> Data:
    """Sequences of 32 tokens out of 8."""
    return draws("grammar", Grammar())


SETS = {"grammar": Source(grammar)}
