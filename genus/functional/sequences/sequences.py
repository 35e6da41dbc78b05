"""Sequences that end: what is there, and what comes before each value."""

import torch
from torch import Tensor


def present(x: Tensor, end: int | None) -> Tensor:
    """The places up to the first end, and that one too, (n, length) bool; all where nothing ends."""
    if end is None:
        return torch.ones_like(x, dtype=torch.bool)
    ended = (x == end).cumsum(1)
    return torch.cat([torch.ones_like(ended[:, :1]), ended[:, :-1] == 0], 1).bool()


def shifted(x: Tensor, start: int) -> Tensor:
    """What comes before each value, (n, length): `start`, and then x without its last."""
    return torch.cat([torch.full_like(x[:, :1], start), x[:, :-1]], 1)
