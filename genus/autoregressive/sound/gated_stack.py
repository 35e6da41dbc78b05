"""A stack of dilated causal convolutions with gates, residual sums and skips: WaveNet's network.

a_l = W_l * h_l + s_l                      dilated and causal; s_l, what the context adds
z_l = tanh(a_l, first half) sigmoid(a_l, second half)
h_l+1 = h_l + R_l z_l,      out = B relu(A relu(sum_l S_l z_l))
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from ...errors import Refused
from .causal_conv import CausalConv, Ring


class GatedStack(nn.Module):
    """(n, length, channels) -> (n, length, d_out), no output sees later inputs.

    Args:
        channels: channels of the residual stream, and of the gates.
        skip: channels of the sum of what all layers found, and of the hidden layer after it.
        d_out: numbers at each time that come out.
        dilations: dilations of the layers, from the first one on.
        kernel: width of each convolution's window.
        context: dimension of the embedded context, for all times or frame by frame; 0 for none.
    """

    def __init__(
        self,
        channels: int,
        skip: int,
        d_out: int,
        dilations: Sequence[int],
        kernel: int = 2,
        context: int = 0,
    ):
        super().__init__()
        if min(channels, skip, *dilations, len(dilations)) < 1 or kernel < 2:
            raise Refused(
                f"GatedStack: channels is {channels}, skip {skip}, dilations {tuple(dilations)}, "
                f"kernel {kernel}; numbers of 1 or more are wanted, and a kernel of 2 or more"
            )
        self.channels, self.skip, self.d_out = channels, skip, d_out
        self.dilations, self.kernel, self.context = tuple(dilations), kernel, context
        self.convolutions = nn.ModuleList(
            CausalConv(channels, 2 * channels, kernel, d) for d in dilations
        )
        self.residuals = nn.ModuleList(nn.Linear(channels, channels) for _ in dilations[1:])
        self.skips = nn.Linear(len(dilations) * channels, skip)
        self.hidden, self.last = nn.Linear(skip, skip), nn.Linear(skip, d_out)
        self.conditioning = (
            nn.Linear(context, len(dilations) * 2 * channels, bias=False) if context else None
        )

    @property
    def span(self) -> int:
        """How many inputs before the present one reach what comes out."""
        return (self.kernel - 1) * sum(self.dilations)

    def shifts(self, context: Tensor) -> Tensor:
        """The s_l, (n, frames, layers, 2 channels), of embedded contexts, (n, frames, context)."""
        if self.conditioning is None:
            raise Refused(
                "GatedStack: it was built without a context, and got one; build it with context=..."
            )
        return self.conditioning(context).unflatten(-1, (len(self.dilations), -1))

    def forward(self, h: Tensor, shifts: Tensor | None = None) -> Tensor:
        """What comes out, given `shifts`, whose frames are equally long."""
        found = []
        for number, convolve in enumerate(self.convolutions):
            a = convolve(h)
            if shifts is not None:  # a frame's shift is that of all its times
                a = a.unflatten(1, (shifts.shape[1], -1)) + shifts[:, :, None, number]
                a = a.flatten(1, 2)
            z = gated(a)
            found.append(z)
            if number < len(self.residuals):
                h = h + self.residuals[number](z)
        return self.head(torch.cat(found, 2))

    def head(self, found: Tensor) -> Tensor:
        """(..., layers channels) -> (..., d_out), in the weights' own precision, also under autocast."""
        deep = self.hidden(self.skips(found).relu()).relu()
        with torch.autocast(deep.device.type, enabled=False):  # means of narrow bins need digits
            return self.last(deep.to(self.last.weight.dtype))

    def begin(self, n: int, length: int) -> list[Ring]:
        """What `step` keeps, for n sequences of at most `length`."""
        return [cast(CausalConv, c).begin(n, length) for c in self.convolutions]

    def step(self, h: Tensor, memory: list[Ring], shift: Tensor | None = None) -> Tensor:
        """What comes out next, (n, d_out), of the next h_t, (n, channels).

        Args:
            h: the next input.
            memory: what `begin` returned.
            shift: shift of its frame, (n, layers, 2 channels).
        """
        found = []
        for number, (convolve, kept) in enumerate(zip(self.convolutions, memory, strict=True)):
            a = cast(CausalConv, convolve).step(h, kept)
            z = gated(a if shift is None else a + shift[:, number])
            found.append(z)
            if number < len(self.residuals):
                h = h + self.residuals[number](z)
        return self.head(torch.cat(found, 1))


def gated(a: Tensor) -> Tensor:
    """(..., 2 d) -> (..., d)."""
    value, gate = a.chunk(2, -1)
    return value.tanh() * gate.sigmoid()
