"""Weights that take the same steps, side by side, and the moves that a trace writes down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule
from torch.optim import Adam, AdamW, Optimizer

from ...compiling.sight import Unfit, as_before
from .plain import Move, Rounds

ALIGNED = 16  # elements: each weight begins at a multiple of so many


@dataclass
class Bundle:
    """Weights that take the same steps of an Adam, side by side, and their moments.

    Args:
        optimizer: Adam or AdamW.
        options: its options for these weights; the learning rate is read in each round.
        players: the players whose losses reach them.
        weights: the weights.
        count: number of steps that they have taken.
    """

    optimizer: Optimizer
    options: Mapping[str, Any]
    players: frozenset[str]
    weights: list[nn.Parameter]
    count: int
    places: list[int] = field(default_factory=list)  # where each of the weights begins

    def __post_init__(self) -> None:
        size = 0
        for weight in self.weights:
            self.places.append(size)
            size += -(-weight.numel() // ALIGNED) * ALIGNED
        like = self.weights[0].detach()
        self.flat, self.first, self.second = like.new_zeros(3, size).unbind()
        # of the type that torch gives it
        kind = torch.float32 if self.options["fused"] else torch.get_default_dtype()
        self.steps = torch.full((len(self.weights),), self.count, dtype=kind, device=like.device)

    @torch.no_grad()
    def take(self) -> None:
        """Makes the weights, and what the optimiser knows of them, views of the tensors of this bundle."""
        for k, (weight, begin) in enumerate(zip(self.weights, self.places, strict=True)):
            state = self.optimizer.state[weight]
            parts = [
                flat[begin : begin + weight.numel()].view(weight.shape)
                for flat in (self.flat, self.first, self.second)
            ]
            parts[0].copy_(weight)
            weight.data = parts[0]
            for name, part in zip(("exp_avg", "exp_avg_sq"), parts[1:], strict=True):
                if name in state:
                    part.copy_(state[name])
                state[name] = part
            state["step"] = self.steps[k]

    def count_step(self) -> list[float]:
        """Counts a step; returns what it depends on: rate, correction of the second moment, and decay."""
        self.count += 1
        self.steps.add_(1)
        (beta, gamma), rate = self.options["betas"], float(self.options["lr"])
        decay = self.options["weight_decay"] * (rate if self.decoupled else 1.0)
        return [rate / (1 - beta**self.count), (1 - gamma**self.count) ** 0.5, decay]

    @property
    def decoupled(self) -> bool:
        return isinstance(self.optimizer, AdamW)

    def step(self, gradient: Tensor, numbers: Tensor) -> None:
        """Adam's step, as operations on whole bundles; `numbers` are those of this step."""
        rate, root, decay = numbers.unbind()
        (beta, gamma), eps = self.options["betas"], self.options["eps"]
        if self.options["weight_decay"]:
            if self.decoupled:
                self.flat.mul_(1 - decay)
            else:
                gradient = gradient + decay * self.flat
        self.first.lerp_(gradient, 1 - beta)
        self.second.mul_(gamma).addcmul_(gradient, gradient, value=1 - gamma)
        self.flat.sub_(rate * self.first / (self.second.sqrt() / root + eps))


def bundled(rounds: Rounds, batch: Sequence[Tensor]) -> list[Bundle]:
    """The bundles of a game, found by a round in which all move, and whose effects are taken back."""
    reached: dict[nn.Parameter, set[str]] = {}
    with as_before(rounds.model, []):
        survey = {name: Survey(rounds, name, reached) for name in rounds.players}
        rounds.round(tuple(rounds.players), batch, survey)
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for optimizer in dict.fromkeys(rounds.optimizers.values()):
        if not suits(optimizer):
            continue
        for i, options in enumerate(optimizer.param_groups):
            for weight in options["params"]:
                if not (players := frozenset(reached.get(weight, ()))):
                    continue
                count = int(optimizer.state.get(weight, {}).get("step", 0))
                key = (id(optimizer), i, players, count, weight.dtype, weight.device)
                bundle = found.setdefault(key, (optimizer, options, players, [], count))
                bundle[3].append(weight)
    bundles = [Bundle(*parts) for parts in found.values()]
    for bundle in bundles:
        bundle.take()
    return bundles


def suits(optimizer: Optimizer) -> bool:
    """Whether an optimiser is one that is part of the program: Adam or AdamW, in their usual form."""
    return type(optimizer) in (Adam, AdamW) and not any(
        g["amsgrad"] or g["maximize"] or g["differentiable"] for g in optimizer.param_groups
    )


class Survey(Move):
    """Notes which weights a player's loss reaches."""

    def __init__(self, rounds: Rounds, name: str, reached: dict[nn.Parameter, set[str]]):
        self.weights, self.name, self.reached = rounds.owns[name], name, reached

    def begin(self) -> None: ...

    def learn(self, total: Tensor, retain: bool) -> None:
        found = torch.autograd.grad(total, self.weights, retain_graph=retain, allow_unused=True)
        for weight, gradient in zip(self.weights, found, strict=True):
            if gradient is not None:
                self.reached.setdefault(weight, set()).add(self.name)

    def finish(self) -> None: ...


class Traced(Move):
    """A move that the tracer writes down: gradients, clipping and Adam.

    Args:
        rounds: rounds in which the player moves.
        name: the player.
        bundles: bundles that its loss reaches; none if its optimiser steps after the program.
        numbers: what the steps depend on, (bundles, 3).
    """

    def __init__(self, rounds: Rounds, name: str, bundles: Sequence[Bundle], numbers: Tensor):
        self.weights, self.clip, self.bundles = rounds.owns[name], rounds.clip, bundles
        self.numbers, self.name = numbers, name
        self.gradients: dict[nn.Parameter, Tensor] = {}

    def begin(self) -> None:
        self.gradients = {}

    def learn(self, total: Tensor, retain: bool) -> None:
        found = torch.autograd.grad(total, self.weights, retain_graph=retain, allow_unused=True)
        for weight, new in zip(self.weights, found, strict=True):
            if new is not None:
                before = self.gradients.get(weight)
                self.gradients[weight] = new if before is None else before + new

    @torch.no_grad()
    def finish(self) -> None:
        if not self.bundles:
            return
        if {*self.gradients} != {w for bundle in self.bundles for w in bundle.weights}:
            raise Unfit(f"the loss of {self.name} reaches other weights in other rounds")
        flat = [self.flattened(bundle) for bundle in self.bundles]
        if self.clip is not None:
            norm = torch.stack([g.square().sum() for g in flat]).sum().sqrt()
            factor = (self.clip / (norm + 1e-6)).clamp(max=1.0)
            flat = [g * factor for g in flat]
        for bundle, gradient, numbers in zip(self.bundles, flat, self.numbers, strict=True):
            bundle.step(gradient, numbers)

    def flattened(self, bundle: Bundle) -> Tensor:
        """The gradient of a bundle, with zeros in its gaps."""
        parts: list[Tensor] = []
        for weight in bundle.weights:
            parts.append(self.gradients[weight].reshape(-1))
            if gap := -weight.numel() % ALIGNED:
                parts.append(bundle.flat.new_zeros(gap))
        return torch.cat(parts)


def views_of_bundles(
    graph: GraphModule, arguments: Sequence[Tensor], bundles: Sequence[Bundle]
) -> None:
    """Makes the arguments that are weights of bundles views of those that are the bundles' own tensors.

    Args:
        graph: graph of a round.
        arguments: its first arguments.
        bundles: all bundles.
    """
    nodes = [n for n in graph.graph.nodes if n.op == "placeholder"]
    node_of = {id(x): node for x, node in zip(arguments, nodes, strict=False)}
    call = graph.graph.call_function
    with graph.graph.inserting_after(nodes[-1]):
        for bundle in bundles:
            flat = node_of[id(bundle.flat)]
            for weight, begin in zip(bundle.weights, bundle.places, strict=True):
                node, end = node_of[id(weight)], begin + weight.numel()
                view = call(torch.ops.aten.slice.Tensor, (flat, 0, begin, end))
                shaped = call(torch.ops.aten.view.default, (view, list(weight.shape)))
                view.append(shaped)
                node.replace_all_uses_with(shaped)
                graph.graph.erase_node(node)
