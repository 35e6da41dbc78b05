"""Ranks: processes that train one model together, and what they agree upon.

Gradients travel in the default group, in which all ranks are at work at once: one that is missing ends the
others after `JOIN`. What is decided between two rounds travels in a group of its own, on the processors,
where ranks may wait for the evaluation of the first one, for `WAIT` at most. When `torchrun` itself is
killed, its ranks end within seconds.
"""

import os
import sys
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

import torch
import torch.distributed as dist

JOIN = timedelta(minutes=3)
WAIT = timedelta(hours=2)
WATCH = 1.0  # seconds between two looks at the parent


def ranks() -> tuple[int, int]:
    """The rank of this process, and the number of ranks."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def join(backend: str) -> None:
    """Joins the ranks that `torchrun` has started, and ends this process when `torchrun` has gone.

    Who waits for a store that is no longer there would wait for minutes, and not hear of a restart.
    """
    if dist.is_initialized():
        return
    joined = threading.Event()
    if "TORCHELASTIC_RUN_ID" in os.environ:
        threading.Thread(target=_watch, args=(os.getppid(), joined), daemon=True).start()
    dist.init_process_group(backend, timeout=JOIN)
    joined.set()


def _watch(parent: int, joined: threading.Event) -> None:
    """Ends this process when its parent has ended, or when the others have not come in time."""
    begun = time.monotonic()
    while True:
        late = not joined.is_set() and time.monotonic() - begun > JOIN.total_seconds()
        if late or os.getppid() != parent:
            told = f"the other ranks did not come within {JOIN}" if late else "torchrun has gone"
            print(f"genus: {told}: this rank ends", file=sys.stderr, flush=True)
            os._exit(1)
        time.sleep(WATCH)


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
