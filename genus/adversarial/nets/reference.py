"""Batch normalisation whose statistics in evaluation are a function of the weights alone."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

REFERENCE = 128  # rows whose statistics normalise a generator's layers when it samples


class ReferenceNorm(nn.Module):
    """Batch normalisation without running statistics, (n, channels, ...) to the same shape.

    In training all rows of the batch are normalised by its own mean and variance. In evaluation
    the statistics are those of the first `rows` rows alone: whoever runs the network puts the same
    reference inputs in front of every batch, and drops what becomes of them. So an output depends
    on its own input and on the weights, never on its neighbours; and it is right for any weights,
    averaged ones too, for which the running statistics of other weights would be wrong.

    Args:
        channels: number of channels.
        rows: number of rows of a batch that are the reference in evaluation; 0 takes all.
    """

    def __init__(self, channels: int, rows: int = 0):
        super().__init__()
        self.channels, self.rows = channels, rows
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        rows = 0 if self.training else self.rows
        return normalised(x, rows, self.weight, self.bias)


def normalised(
    x: Tensor, rows: int, weight: Tensor | None = None, bias: Tensor | None = None
) -> Tensor:
    """x, (n, channels, ...), by mean and variance of the first `rows` rows, or of all of them for 0."""
    if not rows:
        return batch_norm(x, None, None, weight, bias, training=True)
    axes = [0, *range(2, x.dim())]
    variance, mean = torch.var_mean(x[:rows].detach(), axes, correction=0)
    return batch_norm(x, mean, variance, weight, bias)


class Referenced(nn.Module, ABC):
    """A generator whose rows do not meet in evaluation: it puts reference latents before its own.

    Args:
        latent: the size of z.
        rows: number of reference latents, drawn once from N(0, I); 0 if none of its layers
            wants them.
    """

    reference: Tensor

    def __init__(self, latent: int, rows: int):
        super().__init__()
        self.latent = latent
        self.register_buffer("reference", torch.randn(rows, latent))

    @abstractmethod
    def make(self, z: Tensor) -> Tensor:
        """What becomes of z, (n, latent), all rows together."""

    def forward(self, z: Tensor) -> Tensor:
        """The same of each row; in evaluation its own, whatever the others are."""
        if self.training or not len(self.reference):
            return self.make(z)
        return self.make(torch.cat([self.reference, z]))[len(self.reference) :]
