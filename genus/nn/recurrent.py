"""Recurrent layers: a state goes from place to place, and takes in what comes.

    Elman  h_t = tanh(W x_t + U h_t-1 + b)
    GRU    h_t = (1 - z) * n + z * h_t-1        n = tanh(W x_t + r * (U h_t-1 + c) + b)
    LSTM   c_t = f * c_t-1 + i * g              h_t = o * tanh(c_t)

A whole sequence runs through torch's fused kernels; `step` has the same weights and one place.

Source: Elman, "Finding structure in time", 1990, doi:10.1207/s15516709cog1402_1; Cho and others,
    "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation", 2014, arXiv:1406.1078; Hochreiter, Schmidhuber, "Long short-term memory", 1997,
    doi:10.1162/neco.1997.9.8.1735; skips: Graves, "Generating sequences with recurrent neural
    networks", 2013, arXiv:1308.0850, section 2.
Departs: the GRU resets U h and not h, which is torch's; the LSTM has a forget gate, which the first
    had not, and no peepholes.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from ..core.parts import has_bfloat16
from ..errors import Refused

Cell = Literal["elman", "gru", "lstm"]
LAYERS = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


class State:
    """What a stack of recurrent layers remembers: of each layer h, (n, width), and of an LSTM also c.

    It is not written to: each place replaces its tensors, so gradients run through it.
    """

    def __init__(self, layers: list[tuple[Tensor, ...]]):
        self.layers = layers

    def detached(self) -> "State":
        """The same, cut off from the gradients of what came before."""
        return State([tuple(part.detach() for part in layer) for layer in self.layers])


class Recurrent(nn.Module):
    """Recurrent layers one after another: (n, length, d_in) -> (n, length, d_out).

    Args:
        d_in: numbers of a place.
        width: numbers of the state of a layer.
        layers: number of layers.
        cell: "elman", "gru" or "lstm".
        skips: True if all layers see x, and all are seen in the end: d_out is then width * layers,
            and otherwise width.
        dropout: share of the numbers between two layers set to zero in a round of training, in [0, 1).
    """

    def __init__(
        self,
        d_in: int,
        width: int,
        layers: int = 1,
        cell: Cell = "lstm",
        skips: bool = False,
        dropout: float = 0.0,
    ):
        super().__init__()
        if cell not in LAYERS or layers < 1:
            raise Refused(
                f"Recurrent: {layers} layers of {cell!r}; 1 or more of {', '.join(LAYERS)} are wanted"
            )
        self.d_in, self.width, self.layers, self.cell = d_in, width, layers, cell
        self.skips, self.dropout = skips, dropout
        self.d_out = width * layers if skips else width
        widths = [d_in, *([width + d_in if skips else width] * (layers - 1))]
        self.stack = nn.ModuleList(LAYERS[cell](d, width, batch_first=True) for d in widths)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.fill(x, self.begin(len(x)))

    def begin(self, n: int, length: int = 0) -> State:
        """The state before the first place: zeros. Any number of places may follow."""
        zeros = next(self.parameters()).new_zeros(n, self.width)
        return State([(zeros, zeros) if self.cell == "lstm" else (zeros,)] * self.layers)

    def fill(self, x: Tensor, memory: State) -> Tensor:
        """The next k places at once: (n, k, d_in) -> (n, k, d_out)."""
        return self._through(x, memory)

    def step(self, x: Tensor, memory: State) -> Tensor:
        """The next place: (n, d_in) -> (n, d_out)."""
        return self._through(x, memory)

    def _through(self, x: Tensor, memory: State) -> Tensor:
        """Through all layers; what comes is one place or several."""
        seen, outs = x, []
        for number, layer in enumerate(self.stack):
            if number:
                seen = self.drop(seen)
                seen = torch.cat([x, seen], -1) if self.skips else seen
            run = _place if x.dim() == 2 else _places
            state = memory.layers[number]
            seen, memory.layers[number] = run(layer, seen, state)  # pyright: ignore[reportArgumentType]
            outs.append(seen)
        return torch.cat(outs, -1) if self.skips else seen


def _places(
    layer: nn.RNNBase, x: Tensor, state: tuple[Tensor, ...]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Several places through a layer of torch's: what it gives, and its state after them."""
    if isinstance(layer, nn.LSTM):
        h, c = state
        if (
            x.device.type == "cpu"
            and torch.is_autocast_enabled("cpu")
            and not has_bfloat16(x.device)
        ):
            # the processor's kernel has the precision of the weights only
            x, h, c = (part.to(layer.all_weights[0][0].dtype) for part in (x, h, c))
            with torch.autocast("cpu", enabled=False):
                seen, (h, c) = layer(x, (h[None], c[None]))
        else:
            seen, (h, c) = layer(x, (h[None], c[None]))
        return seen, (h[0], c[0])
    seen, h = layer(x, state[0][None])
    return seen, (h[0],)


def _place(
    layer: nn.RNNBase, x: Tensor, state: tuple[Tensor, ...]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """One place through the same weights."""
    if isinstance(layer, nn.LSTM):
        h, c = torch.lstm_cell(x, state, *layer.all_weights[0])
        return h, (h, c)
    cell = torch.gru_cell if isinstance(layer, nn.GRU) else torch.rnn_tanh_cell
    h = cell(x, state[0], *layer.all_weights[0])
    return h, (h,)
