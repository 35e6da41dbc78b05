"""Whether pictures belong together, from what they show: the two sides of pairs, and frames of a clip."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]  # (side, side), grey


def belong_together(first: Sequence[Picture], second: Sequence[Picture]) -> bool:
    """Whether the k-th pictures of two lists show the same thing, such as a map and its photograph.

    The edges of each picture are compared with those of its partner, and with those of the others'
    partners: what all pictures have in common, such as a sky above, counts in both.
    """
    n = len(first)
    if n < 3 or n != len(second):
        return False
    a, b = (np.stack([_edges(picture).ravel() for picture in side]) for side in (first, second))
    like = a @ b.T  # correlations
    own = like.diagonal()
    gap = own - (like.sum(1) - own) / (n - 1)
    sure = 3 if n >= 8 else 2
    return bool(gap.mean() > 0.08 and gap.mean() > sure * gap.std() / n**0.5)


def _edges(picture: Picture) -> Picture:
    """How steep a picture is at each place, without what whole lines share, as a unit vector."""
    down, right = np.gradient(picture)
    steep = np.hypot(down, right)
    steep -= steep.mean(1, keepdims=True)
    return steep / max(1e-6, float(np.sqrt((steep**2).sum())))


def move_slowly(frames: Sequence[Picture]) -> bool:
    """Whether neighbours are much more alike than any two pictures: then they are frames of a clip."""
    if len(frames) < 6:
        return False
    x = np.stack(frames)
    near = np.abs(np.diff(x, axis=0)).mean()
    half = len(x) // 2
    far = np.abs(x[:half] - x[half : 2 * half]).mean()
    return bool(far > 0 and near < 0.5 * far)
