"""Ranks: processes that train one model together, and what they agree upon.

Gradients travel in the default group, in which all ranks are at work at once: one that is missing ends the
others after `JOIN`. What is decided between two rounds travels in a group of its own, on the processors,
where ranks may wait for the evaluation of the first one, for `WAIT` at most.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

import torch
import torch.distributed as dist

JOIN = timedelta(minutes=3)
WAIT = timedelta(hours=2)


def ranks() -> tuple[int, int]:
    """The rank of this process, and the number of ranks."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def join(backend: str) -> None:
    """Joins the ranks that `torchrun` has started."""
    if not dist.is_initialized():
        dist.init_process_group(backend, timeout=JOIN)


@cache
def _table() -> Any:
    """The group in which decisions travel. All ranks make it at the same time."""
    return dist.new_group(backend="gloo", timeout=WAIT)


def any_of(flags: Sequence[bool]) -> list[bool]:
    """For each flag, whether a rank has set it."""
    if ranks()[1] == 1:
        return list(flags)
    said = torch.tensor(flags, dtype=torch.int32)
    dist.all_reduce(said, dist.ReduceOp.MAX, group=_table())
    return [bool(flag) for flag in said.tolist()]


def mean_of(values: torch.Tensor) -> torch.Tensor:
    """The mean over all ranks of numbers on the processor."""
    world = ranks()[1]
    if world > 1 and values.numel():
        dist.all_reduce(values, group=_table())
        values = values / world
    return values


def said_by_first(what: Any) -> Any:
    """What the first rank says, for all of them."""
    if ranks()[1] == 1:
        return what
    said = [what]
    dist.broadcast_object_list(said, 0, group=_table())
    return said[0]


def gathered(what: Any) -> list[Any]:
    """What each rank says, on the first one; nothing on the others."""
    rank, world = ranks()
    if world == 1:
        return [what]
    said = [None] * world if rank == 0 else None
    dist.gather_object(what, said, 0, group=_table())
    return said or []
