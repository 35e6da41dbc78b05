"""How a row comes about, of models that draw one value after another: the values that are there so far."""

import torch
from torch import Tensor

from ..core import Bits, See, Space

STAGES = 64  # looks at a row on its way, at most


def unveil(see: See, x: Tensor, rank: Tensor, count: int, blank: Tensor | float) -> None:
    """Shows x with what comes later left blank, from nothing on; not x itself.

    Args:
        see: what is shown x on the way, (n, *shape).
        x: rows, (n, *shape).
        rank: number of each value in the order in which they came, in 0 .. count - 1; it broadcasts
            to x.
        count: number of steps in which x came.
        blank: what stands where nothing is yet; it broadcasts to x.
    """
    for step in sorted({count * i // STAGES for i in range(STAGES)}):
        see(torch.where(rank < step, x, blank))


def blank_of(space: Space) -> float:
    """What stands for a value that is not there yet: grey, or the end of a text."""
    if isinstance(space, Bits):
        return 0.5
    return getattr(space, "end", None) or 0


def grown_watched(see: See, x: Tensor) -> Tensor:
    """Graphs, (n, nodes, nodes), as they are, with looks at their first nodes and the edges among these."""
    numbers = torch.arange(x.shape[1], device=x.device)
    unveil(see, x, numbers.maximum(numbers[:, None]), x.shape[1], 0.0)
    return x
