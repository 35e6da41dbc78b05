"""Samples in blocks, so that a row does not depend on how many are drawn, nor memory on their number.

A model draws all rows of a call from one random stream, so that the first of eight rows need not be
the first of four. Here rows are drawn in blocks. The size of a block follows from the space and from
the block's number alone, and so does its seed from the number and the seed that was given. The last
block is drawn whole, and cut: the first k rows are the same rows for any n.

Blocks grow, so that few rows cost little and many are drawn fast: each is as large as all before it
together, up to a bound that keeps what a network needs for them small.
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import torch
from torch import Tensor

from ..errors import Refused, RefusedType
from . import seeds
from .model import GenerativeModel, Model, given
from .parts import device_of, rows_of, whole

# from the number of rows, and row by row what they are given, to (rows, *shape)
Draws = Callable[..., Tensor]


def sample(
    model: Model, n: int | None = None, seed: int = 0, context: Tensor | None = None, **how: Any
) -> Tensor:
    """Samples, (n, *space.shape), the first k of which are the same rows for any n.

    The model is in evaluation mode meanwhile; its mode and the random streams stay as they were.

    Args:
        model: generative model.
        n: number of samples, at least 0; by default as many as context has rows.
        seed: random seed.
        context: contexts of a conditional model, (n, ...), one row for each sample.
        how: further arguments of `model.sample`, which are those of all rows, such as `decoding`.
    """
    parts = blocks(model, n, seed, context, **how)
    first = next(parts)
    if len(first) == (count := model.sample_count(n, context)):
        return first
    found = first.new_empty(count, *first.shape[1:])  # parts and their whole would take it twice
    found[: (end := len(first))] = first
    for part in parts:
        found[end : (end := end + len(part))] = part
    return found


def blocks(
    model: Model, n: int | None = None, seed: int = 0, context: Tensor | None = None, **how: Any
) -> Iterator[Tensor]:
    """The rows of `sample`, (rows, *space.shape) at a time; one empty block where n is 0.

    Args:
        model, n, seed, context, how: arguments as in `sample`.
    """
    if not isinstance(model, GenerativeModel):
        raise RefusedType(f"sample: {type(model).__name__} cannot sample; a generative model can")
    if n is not None and n < 0:
        raise Refused(f"sample: n is {n}; at least 0 is wanted")
    n = model.sample_count(n, context)
    if context is not None:
        model.check_given(context)

    def draw(rows: int, context: Tensor | None = None) -> Tensor:
        return (
            model.sample(rows, **how) if context is None else model.sample(context=context, **how)
        )

    return in_blocks(model, draw, n, seed, *given(context))


def in_blocks(model: Model, draw: Draws, n: int, seed: int, *rows: Tensor) -> Iterator[Tensor]:
    """n rows of anything that a model draws, block by block; one empty block where n is 0.

    Args:
        model: model that draws: its space decides how large a block is, and it is in evaluation
            mode and without gradients meanwhile.
        draw: gives (rows, ...) from the number of rows, and what they are given.
        n: number of rows.
        seed: random seed.
        rows: what each row is given, (n, ...).
    """
    begin = 0
    for number in count():
        size = rows_of(model.space, number)
        end = min(n, begin + size)
        parts = [whole(part[begin:end], size).to(device_of(model)) for part in rows]
        yield _drawn(model, draw, size if n or not rows else 0, seeds.mix(seed, number), parts)[
            : end - begin
        ]
        begin = end
        if begin == n:
            return


@torch.no_grad()
def _drawn(model: Model, draw: Draws, size: int, number: int, parts: list[Tensor]) -> Tensor:
    was, device = model.training, device_of(model)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        seeds.seed(number, device)
        model.eval()
        try:
            return draw(size, *parts)
        finally:
            model.train(was)
