"""The rounds of a model's game, each played as Python comes to it: losses, gradients, steps of optimisers."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from ...core import Losses, Model, Player, Refused
from ..ranks import ranks


class Move(Protocol):
    """How a player's weights move in a round."""

    def begin(self) -> None:
        """Forgets the gradient of the round before."""
        ...

    def learn(self, total: Tensor, retain: bool) -> None:
        """Adds the gradient of a loss; `retain` keeps its graph for the players that follow."""
        ...

    def finish(self) -> None:
        """Takes a step."""
        ...


class Rounds:
    """A model and all that its rounds depend on.

    Args:
        model, optimizers, clip, accumulate, autocast: arguments as in `play`.
    """

    def __init__(
        self,
        model: Model,
        optimizers: Mapping[str, Optimizer],
        clip: float | None = None,
        accumulate: int = 1,
        autocast: bool = False,
    ):
        self.model, self.players = model, model.players()
        if own_optimizers(self.players) != optimizers.keys():
            wanted = sorted(own_optimizers(self.players))
            raise Refused(f"play: optimizers are for {sorted(optimizers)}; {wanted} is wanted")
        self.clip, self.accumulate, self.autocast = clip, accumulate, autocast
        self.turns = {name: _turn(model, player) for name, player in self.players.items()}
        self.owns = {name: player.parameters() for name, player in self.players.items()}
        self.optimizers = {
            name: optimizers[player.optimizer or name] for name, player in self.players.items()
        }
        self.moves: dict[str, Move] = {name: Step(self, name) for name in self.players}

    def play(self, number: int, batch: Sequence[Tensor]) -> Losses:
        """Plays the round of a number; returns its losses."""
        return self.round(self.moving(number), batch, self.moves)

    def moving(self, number: int) -> tuple[str, ...]:
        """The players that move in a round."""
        return tuple(name for name, p in self.players.items() if not number % p.every)

    def round(
        self, names: Sequence[str], batch: Sequence[Tensor], moves: Mapping[str, Move]
    ) -> Losses:
        """A round in which the named players move: one loss after another, and what follows each move."""
        parts = _parts(batch, self.accumulate)
        last = next(reversed(self.players), None)
        dealt = None
        losses: Losses = {}
        for name in names:
            player, turn, move = self.players[name], self.turns[name], moves[name]
            move.begin()
            for i, part in enumerate(parts):
                more = i + 1 < self.accumulate
                with _precision(batch[0].device, self.autocast), _quiet(turn, more):
                    if dealt is None or self.accumulate > 1:
                        dealt = self.model.deal(*part)
                    terms = turn(*dealt)
                    total = torch.stack([*terms.values()]).sum() / self.accumulate
                move.learn(total, retain=name != last and _has_gradients(dealt))
                for term, value in terms.items():
                    key = f"{name}/{term}"
                    losses[key] = losses.get(key, 0) + value.detach() / self.accumulate
            move.finish()
            if player.after is not None:
                with torch.no_grad():
                    player.after()
        return losses


class Step:
    """A move by a player's optimiser.

    Args:
        rounds: rounds in which the player moves.
        name: the player.
    """

    def __init__(self, rounds: Rounds, name: str):
        self.weights, self.optimizer, self.clip = (
            rounds.owns[name],
            rounds.optimizers[name],
            rounds.clip,
        )

    def begin(self) -> None:
        self.optimizer.zero_grad()

    def learn(self, total: Tensor, retain: bool) -> None:
        total.backward(inputs=self.weights, retain_graph=retain)

    def finish(self) -> None:
        if self.clip is not None:
            clip_grad_norm_(self.weights, self.clip)
        self.optimizer.step()


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
