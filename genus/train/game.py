"""The rounds of a game: a generator, so that the training loop belongs to the caller."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from ..core import Losses, Model, Player, Refused, in_range
from .ranks import ranks


def play(
    model: Model,
    batches: Iterable[Sequence[Tensor]],
    optimizers: Mapping[str, Optimizer],
    *,
    start: int = 0,
    clip: float | None = None,
    accumulate: int = 1,
    autocast: bool = False,
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
    """
    players = model.players()
    if own_optimizers(players) != optimizers.keys():
        wanted = sorted(own_optimizers(players))
        raise Refused(f"play: optimizers are for {sorted(optimizers)}; {wanted} is wanted")
    moves = {name: optimizers[player.optimizer or name] for name, player in players.items()}
    turns = {name: _turn(model, player) for name, player in players.items()}
    owns = {name: player.parameters() for name, player in players.items()}
    last = next(reversed(players), None)
    for number, batch in enumerate(batches, start):
        parts = _parts(batch, accumulate)
        dealt = None
        losses: Losses = {}
        for name, player in players.items():
            if number % player.every:
                continue
            moves[name].zero_grad()
            for i, part in enumerate(parts):
                with _precision(batch[0].device, autocast), _quiet(turns[name], i + 1 < accumulate):
                    if dealt is None or accumulate > 1:
                        dealt = model.deal(*part)
                    terms = turns[name](*dealt)
                    total = torch.stack([*terms.values()]).sum() / accumulate
                shared = name != last and _has_gradients(dealt)
                total.backward(inputs=owns[name], retain_graph=shared)
                for term, value in terms.items():
                    key = f"{name}/{term}"
                    losses[key] = losses.get(key, 0) + value.detach() / accumulate
            if clip is not None:
                clip_grad_norm_(owns[name], clip)
            moves[name].step()
            if player.after is not None:
                with torch.no_grad():
                    player.after()
        yield losses


def own_optimizers(players: Mapping[str, Player]) -> set[str]:
    """The names of the players that have an optimiser of their own."""
    for name, player in players.items():
        if (other := player.optimizer) is None:
            continue
        if other not in players or players[other].optimizer is not None:
            raise Refused(f"players: {name} shares the optimiser of {other}, which has none")
        if {*player.parameters()} != {*players[other].parameters()}:
            raise Refused(
                f"players: {name} shares the optimiser of {other}, but owns other weights"
            )
    return {name for name, player in players.items() if player.optimizer is None}


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


class Turn(nn.Module):
    """A player's loss as a module, for DistributedDataParallel."""

    def __init__(self, model: Model, player: Player):
        super().__init__()
        self.model, self.loss = model, player.loss

    def forward(self, *dealt: Tensor | None) -> Losses:
        return self.loss(*dealt)


def _turn(model: Model, player: Player) -> nn.Module:
    """The player's loss; over several ranks, wrapped to average its own gradients only."""
    turn = Turn(model, player)
    if ranks()[1] == 1:
        return turn
    everyone = list(model.parameters())
    wanted = [p.requires_grad for p in everyone]
    owned = {id(p) for p in player.parameters()}
    try:
        for p in everyone:
            p.requires_grad_(id(p) in owned and p.requires_grad)
        return DistributedDataParallel(turn, broadcast_buffers=False)
    finally:
        for p, was in zip(everyone, wanted, strict=True):
            p.requires_grad_(was)


def _has_gradients(dealt: tuple[Any, ...]) -> bool:
    """Whether a dealt tensor, also of a component, has a graph."""
    return any(
        _has_gradients(x) if isinstance(x, tuple) else x is not None and x.requires_grad
        for x in dealt
    )


def _parts(batch: Sequence[Tensor], count: int) -> list[tuple[Tensor, ...]]:
    rows = len(batch[0])
    if rows % count:
        raise Refused(f"play: accumulate is {count}; it must divide the batch's {rows} rows")
    return list(zip(*(x.split(rows // count) for x in batch), strict=True))


def _precision(device: torch.device, on: bool) -> AbstractContextManager[object]:
    return torch.autocast(device.type, torch.bfloat16) if on else nullcontext()


def _quiet(turn: nn.Module, on: bool) -> AbstractContextManager[object]:
    """A context without gradient averaging over ranks, for all but the last part of a batch."""
    return turn.no_sync() if on and isinstance(turn, DistributedDataParallel) else nullcontext()


class Average:
    """An exponential moving average of a model, as a copy that is updated after each round.

    Parameters are averaged, buffers copied. The average follows quickly at first: its decay is
    min(decay, (1 + round) / (10 + round)).

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
        self._buffers = list(zip(self.model.buffers(), model.buffers(), strict=True))

    @torch.no_grad()
    def update(self, number: int) -> None:
        """Updates the average with the model after the round of this number, counted from 0."""
        decay = min(self.decay, (1 + number) / (10 + number))
        if self._to:
            torch._foreach_lerp_(self._to, self._from, 1 - decay)  # pyright: ignore[reportPrivateImportUsage]
        for ours, theirs in self._buffers:
            ours.copy_(theirs)
