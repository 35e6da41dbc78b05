"""The rounds of a game: a generator, so that the training loop belongs to the caller."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..core import Losses, Model, in_range
from .rounds.plain import Rounds

if TYPE_CHECKING:
    from .rounds.compiled import CompiledRounds


LARGE = 1_000_000  # parameters above which an average is not updated in every round,
SLOW = 0.98  # if its decay is at least this
EVERY = 4  # rounds from one update of it to the next
FIRST = 100  # rounds after each of which it is updated nevertheless


def play(
    model: Model,
    batches: Iterable[Sequence[Tensor]],
    optimizers: Mapping[str, Optimizer],
    *,
    start: int = 0,
    clip: float | None = None,
    accumulate: int = 1,
    autocast: bool = False,
    compile: bool = False,
) -> Iterator[Losses]:
    """Trains round by round, and yields the named losses of each round.

    A round is one batch. In it each player takes one gradient step on the parameters it owns, and
    on no others. Logging, evaluation, checkpoints, schedules and averages belong to the caller,
    between two rounds; leaving the loop ends the game.

    Under `torchrun`, once the process group exists, each rank trains on its own part of the global
    batch, and each player's gradient is averaged over the ranks.

    Args:
        batches: tuples of tensors, the arguments of each loss: (x,), (x, context), (a, b).
        optimizers: optimisers under the players' names; none for a player that shares
            another's.
        start: number of the first round, for players that do not play in every round.
        clip: largest norm of a player's gradient; by default it is not clipped.
        accumulate: number of equal parts into which a batch is split, to save memory; each part
            is dealt anew for each player.
        autocast: whether to compute losses in bfloat16 where torch considers that safe.
        compile: whether to compile whole rounds, with gradients and Adam, into one program each, which
            takes seconds to minutes; a warning says why a game cannot be compiled, and is played as usual.
    """
    rounds = Rounds(model, optimizers, clip, accumulate, autocast)
    round_of = compiled_rounds(rounds).play if compile else rounds.play
    for number, batch in enumerate(batches, start):
        yield round_of(number, batch)


def compiled_rounds(rounds: Rounds, say: Callable[[str], None] | None = None) -> "CompiledRounds":
    """The same rounds, compiled; `say` is told how long that takes, and what it brings."""
    from .rounds.compiled import CompiledRounds  # torch's compiler takes seconds to import

    return CompiledRounds(rounds, say)


MakesOptimizers = Callable[[str, list[nn.Parameter]], Optimizer]  # from a player's name and weights


def adam(
    lr: float | Mapping[str, float],
    betas: tuple[float, float] = (0.9, 0.999),
    lazy: Mapping[str, int] | None = None,
) -> MakesOptimizers:
    """A function that creates Adam for each player: fused, which is three times as fast on a CPU.

    Args:
        lr: learning rate, of all or of each player under its name (two time scales).
        betas: decays of the two moments, in a round.
        lazy: number k for a player whose optimiser another shares in every k-th round. It takes
            k + 1 steps in k rounds; its rate and decays are corrected so that k rounds do what k
            steps did: with c = k / (k + 1), lr c and betas to the power of c.

    Source: Karras and others, "Analyzing and improving the image quality of StyleGAN", 2020,
        arXiv:1912.04958, appendix B (the correction).
    """

    def make(name: str, parameters: list[nn.Parameter]) -> Optimizer:
        rate = lr[name] if isinstance(lr, Mapping) else lr
        k = (lazy or {}).get(name)
        c = 1.0 if k is None else k / (k + 1)
        decays = (betas[0] ** c, betas[1] ** c)
        return torch.optim.Adam(parameters, lr=rate * c, betas=decays, fused=True)

    return make


def adamw(lr: float, decay: float) -> MakesOptimizers:
    """A function that creates AdamW for each player, fused.

    Args:
        lr: learning rate.
        decay: decay of every weight in a round, in units of the learning rate.
    """

    def make(name: str, parameters: list[nn.Parameter]) -> Optimizer:
        return torch.optim.AdamW(parameters, lr=lr, weight_decay=decay, fused=True)

    return make


class Average:
    """An exponential moving average of a model, as a copy that is updated after each round.

    Parameters are averaged, and buffers copied, but for those that are not saved, which do not change. The
    average follows quickly at first: the decay of a round is min(decay, (1 + round) / (10 + round)). Of a
    model of more than a million parameters, a slow average (decay at least 0.98) is updated in every fourth
    round, with the decays of the four: reading so many parameters in each round would cost a twentieth of a
    perceptron's training.

    Args:
        model: model that is averaged.
        decay: share of the average that a round keeps, in [0, 1).
    """

    def __init__(self, model: Model, decay: float):
        in_range("Average", "[0, 1)", decay=decay)
        self.decay = decay
        self.model = copy.deepcopy(model).requires_grad_(False)
        self._to: list[Tensor] = list(self.model.parameters())
        self._from: list[Tensor] = list(model.parameters())
        large = sum(p.numel() for p in self._to) > LARGE
        self._every = EVERY if large and decay >= SLOW else 1
        self._buffers = list(zip(_kept(self.model), _kept(model), strict=True))

    @torch.no_grad()
    def update(self, number: int) -> None:
        """Updates the average with the model after the round of this number, counted from 0."""
        every = self._every if number >= FIRST else 1
        if self._to and (number + 1) % every == 0:
            rounds = range(number + 1 - every, number + 1)
            decay = math.prod(min(self.decay, (1 + n) / (10 + n)) for n in rounds)
            torch._foreach_lerp_(self._to, self._from, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
        for ours, theirs in self._buffers:
            ours.copy_(theirs)


def _kept(model: nn.Module) -> Iterator[Tensor]:
    """The buffers of a model that are saved with it."""
    for module in model.modules():
        for name, buffer in module._buffers.items():
            if buffer is not None and name not in module._non_persistent_buffers_set:
                yield buffer
