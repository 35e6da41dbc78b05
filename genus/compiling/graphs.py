"""Passes over the graph of a function: random numbers as arguments, and none that nothing uses."""

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from .sight import Unfit, is_inplace

LIKE = {  # random operations of which an argument matters by its shape alone
    torch.ops.aten.randn_like.default,
    torch.ops.aten.rand_like.default,
    torch.ops.aten.randint_like.default,
    torch.ops.aten.randint_like.low_dtype,
    torch.ops.aten.bernoulli.p,
}
EMPTY = {
    torch.ops.aten.empty.memory_format,
    torch.ops.aten.empty_like.default,
    torch.ops.aten.new_empty.default,
}


def lifted(graph: GraphModule) -> list[Callable[[], Tensor]]:
    """Makes random numbers arguments of a graph; returns functions that draw them, in order.

    Raises:
        Unfit: the law of numbers depends on a tensor, so that they cannot be drawn before.
    """
    draws: list[Callable[[], Tensor]] = []
    last = [n for n in graph.graph.nodes if n.op == "placeholder"][-1]
    for node in list(graph.graph.nodes):
        if not is_random(node):
            continue
        inplace = torch.Tag.inplace in node.target.tags
        given = node.args[1:] if inplace or node.target in LIKE else node.args
        if any(isinstance(x, Node) for x in (*given, *node.kwargs.values())):
            name = str(node.target).split(".")[1]
            raise Unfit(f"it draws by chances that it computes ({name})")
        draws.append(drawing(node, first=inplace or node.target in LIKE))
        with graph.graph.inserting_after(last):
            last = graph.graph.placeholder(f"noise_{len(draws)}")
            last.meta = dict(node.meta)
        noise = last
        if inplace and not (node.args[0].target in EMPTY and len(node.args[0].users) == 1):
            with graph.graph.inserting_before(node):
                noise = graph.graph.call_function(
                    torch.ops.aten.copy_.default, (node.args[0], noise)
                )
        node.replace_all_uses_with(noise)
        graph.graph.erase_node(node)
    return draws


def is_random(node: Node) -> bool:
    """Whether an operation draws numbers; attention does where it drops some."""
    if torch.Tag.nondeterministic_seeded not in getattr(node.target, "tags", ()):
        return False
    schema = cast(Any, node.target)._schema
    places = [i for i, argument in enumerate(schema.arguments) if argument.name == "dropout_p"]
    dropped = [node.args[i] if i < len(node.args) else 0.0 for i in places]
    return not places or dropped != [0.0]


def drawing(node: Node, first: bool) -> Callable[[], Tensor]:
    """A function that does what a random operation does; its first argument may be any tensor of its shape."""
    target, args, kwargs = cast(Any, node.target), node.args, dict(node.kwargs)
    if not first:
        return lambda: target(*args, **kwargs)
    like, rest = cast(Node, args[0]).meta["val"], args[1:]
    size, stride = tuple(like.shape), like.stride()
    dtype, device = like.dtype, like.device

    def draw() -> Tensor:
        empty = torch.empty_strided(size, stride, dtype=dtype, device=device)
        return target(empty, *rest, **kwargs)

    return draw


def drop_unused(graph: GraphModule) -> list[int]:
    """Removes arguments that nothing uses and writes the code anew; returns the numbers of those that stay."""
    graph.graph.eliminate_dead_code(
        lambda node: is_inplace(node) or node.op in ("placeholder", "output")
    )
    used = []
    for i, node in enumerate([n for n in graph.graph.nodes if n.op == "placeholder"]):
        if node.users:
            used.append(i)
        else:
            graph.graph.erase_node(node)
    graph.recompile()
    return used
