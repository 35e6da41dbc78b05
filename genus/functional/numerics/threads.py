"""How many threads work at what is small."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, tensors are computed by one thread; also a decorator.

    For chains of small steps: several threads would wait for each other at every one of them, and
    where other processes hold the cores, for hundreds of times as long as the step takes.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
