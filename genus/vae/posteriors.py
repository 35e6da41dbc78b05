"""Guesses of z that are no normal distributions: a normal one, bent by steps that see what the encoder hints.

    z_0 = m(x) + s(x) eps
    z_t = g_t z_{t-1} + (1 - g_t) c_t,     (c_t, logit g_t) of feature i see z_{t-1} before i, and the hint h(x)
    log q(z_T | x) = log N(z_0; m, s^2) - sum_t sum_i log g_{t,i}

A step is one pass, since each feature sees what comes before it in z_{t-1}, which is there at once; its inverse, and
so the density of a z that was not drawn here, would take a pass for each feature, and nothing needs it.

Source: Kingma, Salimans, Jozefowicz, Chen, Sutskever, Welling, "Improving variational inference with inverse
    autoregressive flow", 2016, arXiv:1606.04934, algorithm 1.
"""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from ..errors import at_least
from ..nn.masked import MaskedMLP

OPEN = 2.0  # what is added to the logit of g: a fresh step changes little, so that the guess starts as a normal


@runtime_checkable
class PosteriorFlow(Protocol):
    """A map of z that sees `hints` numbers of the encoder: forward(z, hint) -> (z, log |det|), (n, latent) and (n,)."""

    hints: int

    def forward(self, z: Tensor, hint: Tensor) -> tuple[Tensor, Tensor]: ...


class IAF(nn.Module):
    """Inverse autoregressive flow; each step takes the features in the order opposite to the one before.

    Args:
        latent: the size of z.
        hidden: widths of the hidden layers of each step.
        steps: number of steps.
        hints: how many numbers of the encoder all steps see, beside mean and deviation.
    """

    def __init__(
        self, latent: int, hidden: tuple[int, ...] = (128,), steps: int = 2, hints: int = 32
    ):
        super().__init__()
        at_least(1, "IAF", latent=latent, steps=steps, hints=hints)
        self.latent, self.hidden, self.steps, self.hints = latent, tuple(hidden), steps, hints
        self.moves = nn.ModuleList(
            MaskedMLP(latent, 1, 2, hidden, context=hints, backwards=step % 2 == 1)
            for step in range(steps)
        )

    def forward(self, z: Tensor, hint: Tensor) -> tuple[Tensor, Tensor]:
        """z, (n, latent), bent, and log |det| of that, (n,), by the hint, (n, hints)."""
        log_det = z.new_zeros(len(z))
        for move in self.moves:
            change, logit = move(z[:, :, None], context=hint).unbind(2)
            logit = logit + OPEN
            gate = torch.sigmoid(logit)
            z = gate * z + (1 - gate) * change
            log_det = log_det + logsigmoid(logit).sum(1)
        return z, log_det
