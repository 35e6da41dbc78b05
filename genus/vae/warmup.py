"""How much the KL counts: all of it, or a share that grows over the first rounds.

A guess that is still bad costs more than it tells, and a model that pays for it at once learns to leave it out.
"""

import torch
from torch import Tensor, nn


class WarmUp(nn.Module):
    """A share that grows to 1 with the rounds that are counted.

    Args:
        length: rounds until the share is 1, at least 0; 0 begins with 1.
    """

    rounds: Tensor  # int64: that were played

    def __init__(self, length: int = 0):
        super().__init__()
        self.length = length
        self.register_buffer("rounds", torch.zeros((), dtype=torch.int64))

    def share(self, like: Tensor) -> Tensor:
        """Of this round, (), of the dtype of `like`: 1 / length, 2 / length, ..., 1."""
        if not self.length:
            return like.new_ones(())
        return ((self.rounds + 1) / self.length).clamp(max=1).to(like.dtype)

    def count(self) -> None:
        self.rounds += 1
