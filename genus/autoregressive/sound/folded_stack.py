"""A gated stack step by step, folded into few products: for one sound, or a few, on a CPU.

Where a step is small, what it costs is calls, not arithmetic. With sigmoid(a) = (1 + tanh(a / 2)) / 2
a gate is one tanh of both halves and one product, f g + f in the place of 2 z; and what a layer does with
z, the residual stream h and its kept inputs is linear up to the next gate. So a layer is three calls:

    [a_l; h_l] = M_l [f; f g; h_l-1; kept inputs of layer l; 1]      one product
    a_l = tanh(a_l),    a_l's second half *= its first               in place

Rows lie side by side, (numbers, n). Arrays are numpy's, whose calls cost a third of torch's, and share
no memory with the module: fold again after weights have changed.
"""

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .causal_conv import CausalConv
from .gated_stack import GatedStack

Array = NDArray[np.float32] | NDArray[np.float64]


class FoldedStack:
    """What `GatedStack.step` gives, up to rounding.

    Args:
        stack: stack of float32 or float64, on the CPU.
        n: number of sequences at once.
        length: the most steps of each.
    """

    def __init__(self, stack: GatedStack, n: int, length: int):
        self.c, self.layers, self.n = stack.channels, len(stack.dilations), n
        c, layers, taps = self.c, self.layers, stack.kernel - 1
        weight = stack.last.weight
        dtype = np.dtype(str(weight.dtype).removeprefix("torch."))
        self.width = 3 * c + taps * c + 1
        self.maps = [np.asfortranarray(m) for m in numpy(folded(stack))]
        self.shifts: Array | None = None
        # inputs of each layer's product; where it writes, and what the gate works on
        self.values = np.zeros((layers + 1, self.width, n), dtype)
        self.values[:, -1] = 1
        v = self.values[:, :, 0] if n == 1 else self.values
        self.calls = [
            (m, seen, out[: 3 * c], out[: 2 * c], out[:c], out[c : 2 * c])
            for m, seen, out in zip(self.maps, v[:-1], v[1:], strict=True)
        ]
        self.stream = self.values[1:, 2 * c : 3 * c]  # h of all layers
        self.seen = self.values[:layers, 3 * c : -1].reshape(layers, taps, c, n)
        self.places, self.slots, slots = ring(stack, length)
        self.kept = np.zeros((slots, c, n), dtype)
        self.found = np.zeros((layers, c, n), dtype)  # 2 z of all layers
        self.flat = self.found.reshape(layers * c, n)
        self.head = head(stack)
        self.hidden = np.zeros((stack.skip, n), dtype)
        self.deep = np.zeros((stack.skip, n), dtype)
        self.out = np.zeros((stack.d_out, n), dtype)
        self.time = 0

    def condition(self, shifts: Tensor) -> None:
        """From now on, s_l of every row is that of shifts, (n, layers, 2 channels)."""
        c = self.c
        added = numpy([shifts.permute(1, 2, 0)])[0].copy()  # (layers, 2 c, n)
        added[:, c:] /= 2
        self.shifts = None if self.n == 1 else added
        if self.n == 1:
            if not hasattr(self, "biases"):
                self.biases = [m[: 2 * c, -1].copy() for m in self.maps]
            for bias, shift, m in zip(self.biases, added, self.maps, strict=True):
                m[: 2 * c, -1] = bias + shift[:, 0]

    def step(self, h: Array) -> Array:
        """What comes out next, (d_out, n), of the next h_t, (channels, n); overwritten next time."""
        t = self.time
        self.values[0, 2 * self.c : 3 * self.c] = h
        self.seen[...] = self.kept[self.places[t]]
        dot, tanh, multiply = np.dot, np.tanh, np.multiply
        if self.shifts is None:
            for m, x, y, both, value, gate in self.calls:
                dot(m, x, y)
                tanh(both, both)
                multiply(value, gate, gate)
        else:
            for (m, x, y, both, value, gate), shift in zip(self.calls, self.shifts, strict=True):
                dot(m, x, y)
                both += shift
                tanh(both, both)
                multiply(value, gate, gate)
        self.kept[self.slots[t]] = self.stream
        self.time += 1
        return self._head()

    def _head(self) -> Array:
        (skips, bias), (deeper, bias_of_deep), (last, bias_of_last) = self.head
        np.add(self.values[1:, : self.c], self.values[1:, self.c : 2 * self.c], self.found)
        hidden, deep, out = self.hidden, self.deep, self.out
        np.dot(skips, self.flat, hidden)
        hidden += bias
        np.maximum(hidden, 0, out=hidden)
        np.dot(deeper, hidden, deep)
        deep += bias_of_deep
        np.maximum(deep, 0, out=deep)
        np.dot(last, deep, out)
        out += bias_of_last
        return out


def folded(stack: GatedStack) -> list[Tensor]:
    """The M_l, (3 channels, width)."""
    c, found = stack.channels, []
    for number, convolve in enumerate(stack.convolutions):
        now, *before = cast(CausalConv, convolve).taps()
        of_stream = torch.zeros(c, 3 * c).to(now)  # h_l of [f; f g; h_l-1]
        of_stream[:, 2 * c :] = torch.eye(c)
        constant = now.new_zeros(c, 1)
        if number:
            residual = cast(nn.Linear, stack.residuals[number - 1])
            of_stream[:, : 2 * c] = torch.cat([residual.weight, residual.weight], 1) / 2
            constant = residual.bias[:, None]
        past, bias = torch.cat(before, 1), cast(CausalConv, convolve).bias[:, None]
        gates = [now @ of_stream, past, now @ constant + bias]
        gate = torch.cat(gates, 1)
        gate[c:] /= 2  # sigmoid(a) = (1 + tanh(a / 2)) / 2
        found.append(
            torch.cat([gate, torch.cat([of_stream, torch.zeros_like(past[:c]), constant], 1)])
        )
    return found


def head(stack: GatedStack) -> list[tuple[Array, Array]]:
    """Weights and biases, (d_out, 1), of what follows the layers, given 2 z."""
    weights = [stack.skips.weight / 2, stack.hidden.weight, stack.last.weight]
    biases = [part.bias[:, None] for part in (stack.skips, stack.hidden, stack.last)]
    return list(zip(numpy(weights), numpy(biases), strict=True))


def ring(stack: GatedStack, length: int) -> tuple[NDArray[np.intp], NDArray[np.intp], int]:
    """Where kept inputs lie at each step, (length, layers, taps), and where new ones go, (length, layers).

    And how many slots there are: the last one is of what was before the start.
    """
    spans = [min((stack.kernel - 1) * d, length) for d in stack.dilations]
    first = np.cumsum([0, *spans])
    slots, t = int(first[-1]) + 1, np.arange(length)[:, None, None]
    then = t - np.array(stack.dilations)[:, None] * np.arange(1, stack.kernel)
    size, start = np.array(spans)[:, None], first[:-1, None]
    places = np.where(then < 0, slots - 1, start + then % size)
    return places, (start + t % size)[..., 0], slots


def numpy(tensors: list[Tensor]) -> list[Array]:
    """Arrays of the same numbers."""
    return [t.detach().contiguous().numpy() for t in tensors]
