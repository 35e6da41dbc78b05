"""Blocks of PixelSNAIL: what is close by is convolved, what came before is looked at.

Pixels come in raster order. A block is run on a whole image, or pixel by pixel: `begin` makes room
for the rows that its convolutions see and for the keys and values of its attention, `step` takes
the next pixel.

Source: Chen, Mishra, Rohaninejad, Abbeel, "PixelSNAIL: an improved autoregressive generative model",
    2017, arXiv:1712.09763.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, scaled_dot_product_attention

from ...nn.attention import KeysValues
from .masked_conv import MaskedConv2d, PixelMemory


class _Residual(nn.Module):
    """x + a sigmoid(b), of two 2 x 2 convolutions: (n, width, h, w) -> the same."""

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.enter = MaskedConv2d(width, width, 1, 1, 0)
        self.leave = MaskedConv2d(width, 2 * width, 1, 1, 0)
        self.drop = nn.Dropout2d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.leave(self.drop(elu(self.enter(elu(x))))).chunk(2, 1)
        return x + a * b.sigmoid()

    def begin(self, n: int, across: int) -> tuple[PixelMemory, PixelMemory]:
        return self.enter.begin(n, across), self.leave.begin(n, across)

    def step(self, x: Tensor, memory: tuple[PixelMemory, PixelMemory]) -> Tensor:
        """The next pixel: (n, width) -> the same."""
        h = elu(self.enter.step(elu(x), memory[0]))
        a, b = self.leave.step(h, memory[1]).chunk(2, 1)
        return torch.addcmul(x, a, b.sigmoid())


@dataclass
class _Looked:
    """What attention keeps."""

    past: KeysValues
    places: Tensor  # what each place adds to its query, key and value, (h w, 3 look)
    show: Tensor  # of the last pixel, its key and value but for its colours, (n, 2 look)


class _Attention(nn.Module):
    """Each pixel looks at those before it: (n, h w, width) and (n, h w, colours) -> (n, h w, look)."""

    def __init__(self, width: int, look: int, heads: int, colours: int):
        super().__init__()
        self.size, self.heads = look, heads
        self.look = nn.Linear(width, 3 * look)  # query, key and value
        self.place = nn.Linear(2, 3 * look, bias=False)
        self.colour = nn.Linear(colours, 2 * look, bias=False)  # for key and value
        self.start = nn.Parameter(0.1 * torch.randn(2 * look))

    def forward(self, r: Tensor, pixels: Tensor, positions: Tensor) -> Tensor:
        q, show = (self.look(r) + self.place(positions)).split((self.size, 2 * self.size), 2)
        show = show + self.colour(pixels)
        show = torch.cat([self.start.expand(len(r), 1, -1), show[:, :-1]], 1)  # those before
        k, v = show.unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q = q.unflatten(2, (self.heads, -1)).transpose(1, 2)
        return scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)

    def begin(self, n: int, positions: Tensor) -> _Looked:
        past = KeysValues(n, self.heads, len(positions), self.size // self.heads, positions)
        return _Looked(past, self.place(positions), self.start.expand(n, -1))

    def step(self, r: Tensor, pixel: Tensor, memory: _Looked) -> Tensor:
        """The next pixel: its features, (n, width), and the colours of the last -> (n, look)."""
        count, show = memory.past.count, memory.show
        if count:
            show = torch.addmm(show, pixel, self.colour.weight.T)
        k, v = show.view(len(r), 2, self.heads, 1, -1).unbind(1)
        k, v = memory.past.add(k, v)
        q, memory.show = (self.look(r) + memory.places[count]).split((self.size, 2 * self.size), 1)
        q = q.unflatten(1, (self.heads, 1, -1))
        return scaled_dot_product_attention(q, k, v).flatten(1)


Memory = tuple[list[tuple[PixelMemory, PixelMemory]], _Looked]  # of a block


class SnailBlock(nn.Module):
    """Residual layers, a look at all pixels before, and both together, added: (n, width, h, w).

    Args:
        width: channels.
        residuals: gated residual layers.
        look: numbers of a query, a key and a value, all heads together; a multiple of heads.
        heads: attention heads.
        colours: channels of the image that is looked at.
        dropout: share of channels set to zero in a round of training, in [0, 1).
    """

    def __init__(
        self, width: int, residuals: int, look: int, heads: int, colours: int, dropout: float
    ):
        super().__init__()
        self.residuals = nn.ModuleList(_Residual(width, dropout) for _ in range(residuals))
        self.attention = _Attention(width, look, heads, colours)
        self.near, self.both = nn.Linear(width, width), nn.Linear(width, width)
        self.far = nn.Linear(look, width)

    def forward(self, x: Tensor, pixels: Tensor, positions: Tensor) -> Tensor:
        """Features, (n, width, h, w), colours, (n, h w, c), and where they are, (h w, 2) -> features."""
        r = x
        for residual in self.residuals:
            r = residual(r)
        r = r.flatten(2).mT  # (n, h w, width)
        joined = self._joined(r, self.attention(r, pixels, positions))
        return x + joined.mT.unflatten(2, x.shape[2:])

    def _joined(self, r: Tensor, y: Tensor) -> Tensor:
        return elu(self.both(elu(elu(self.near(elu(r))) + elu(self.far(elu(y))))))

    def begin(self, n: int, across: int, positions: Tensor) -> Memory:
        """Room for n images, of rows of `across` pixels."""
        near = [residual.begin(n, across) for residual in self.residuals]
        return near, self.attention.begin(n, positions)

    def step(self, x: Tensor, pixel: Tensor, memory: Memory) -> Tensor:
        """The next pixel: its features, (n, width), and the colours of the last -> features."""
        r = x
        for residual, mine in zip(self.residuals, memory[0], strict=True):
            r = residual.step(r, mine)
        return x + self._joined(r, self.attention.step(r, pixel, memory[1]))
