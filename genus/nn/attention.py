"""Attention: each place of a sequence looks at others, and takes what it looked for.

    q, k, v = W_q x, W_k x, W_v x        seen_i = sum_j softmax_j(q_i . k_j / sqrt(d)) v_j

In causal attention j is at most i. Then places can also come one after another: `begin` makes room
for all keys and values, and `fill` (several places at once) and `step` (one) add theirs and look at
all so far. Nothing is computed twice.

Source: Vaswani and others, "Attention is all you need", 2017, arXiv:1706.03762, section 3.2;
    rotary positions are of Su and others, "RoFormer: enhanced transformer with rotary position
    embedding", 2021, arXiv:2104.09864.
Departs: pairs that are rotated are a number of the first half and one of the second, and not
    neighbours.
"""

import math
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from ..errors import Refused


class KeysValues:
    """Room for the keys and values of `length` places; `count` of them are known so far.

    Args:
        n: rows.
        heads: attention heads.
        length: largest number of positions.
        d: numbers of a key, and of a value.
        like: a tensor of the type and device that is wanted.
        turning: True turns keys and queries by their places; d must then be even.
    """

    def __init__(
        self, n: int, heads: int, length: int, d: int, like: Tensor, turning: bool = False
    ):
        self.keys = like.new_empty(n, heads, length, d)
        self.values = like.new_empty(n, heads, length, d)
        self.turns = rotary(length, d, like) if turning else None
        self.count = 0

    def add(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Takes the next k of both, (n, heads, k, d), and gives all so far, (n, heads, count, d)."""
        end = self.end(keys.shape[2])
        self.keys[:, :, self.count : end] = keys
        self.values[:, :, self.count : end] = values
        self.count = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def end(self, places: int) -> int:
        """The count after so many more places; raises Refused if there is no room for them."""
        end, room = self.count + places, self.keys.shape[2]
        if end > room:
            raise Refused(
                f"KeysValues: {end} places came; there is room for {room}; begin with a larger length"
            )
        return end


class CausalAttention(nn.Module):
    """Each place looks at itself and those before it: (n, length, width) -> the same.

    Args:
        width: numbers of a place.
        heads: number of attention heads; width must be a multiple, of an even number if rotary.
        rotary: True turns keys and queries by their places, so that what is seen depends on how far
            apart two places are; if not, x must contain the places.
        dropout: share of the attention weights set to zero in a round of training, in [0, 1).
    """

    def __init__(self, width: int, heads: int, rotary: bool = True, dropout: float = 0.0):
        super().__init__()
        _check("CausalAttention", width, heads)
        if rotary and (width // heads) % 2:
            raise Refused(
                f"CausalAttention: a head has {width // heads} numbers; rotary wants an even number"
            )
        self.width, self.heads, self.rotary, self.dropout = width, heads, rotary, dropout
        self.look = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        turns = rotary(x.shape[1], self.width // self.heads, x) if self.rotary else None
        q, k, v = self._parts(x, turns)
        dropout = self.dropout if self.training else 0.0
        return self._out(_attended(q, k, v, is_causal=True, dropout=dropout))

    def begin(self, n: int, length: int) -> KeysValues:
        """Room for n rows of `length` places."""
        weight = self.output.weight
        return KeysValues(n, self.heads, length, self.width // self.heads, weight, self.rotary)

    def fill(self, x: Tensor, memory: KeysValues) -> Tensor:
        """The next k places at once: (n, k, width) -> the same."""
        first, places = memory.count, x.shape[1]
        end = memory.end(places)
        turns = None if memory.turns is None else memory.turns[:, first:end]
        q, k, v = self._parts(x, turns)
        k, v = memory.add(k, v)
        if first == 0:
            return self._out(_attended(q, k, v, is_causal=places > 1))
        if places == 1:
            return self._out(_attended(q, k, v))
        mask = torch.ones(places, first + places, dtype=torch.bool, device=x.device).tril(first)
        return self._out(_attended(q, k, v, mask))

    def step(self, x: Tensor, memory: KeysValues) -> Tensor:
        """The next place: (n, width) -> the same."""
        return self.fill(x[:, None], memory)[:, 0]

    def _parts(self, x: Tensor, turns: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, (n, heads, places, d)."""
        parts = self.look(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        q, k = parts[:2] if turns is None else turned(parts[:2], turns)
        return q, k, parts[2]

    def _out(self, seen: Tensor) -> Tensor:
        return self.output(seen.transpose(1, 2).flatten(2))


class CrossAttention(nn.Module):
    """Each place looks at all places of another sequence, the source: (n, length, width) -> the same.

    Args:
        width: numbers of a place.
        heads: number of attention heads; width must be a multiple.
        source: numbers of a place of the source; None for as many as width.
    """

    def __init__(self, width: int, heads: int, source: int | None = None):
        super().__init__()
        _check("CrossAttention", width, heads)
        self.width, self.heads, self.source = width, heads, source
        self.look = nn.Linear(width, width)
        self.show = nn.Linear(source or width, 2 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor, source: Tensor, seen: Tensor | None = None) -> Tensor:
        """What x takes from the source, (n, m, source); `seen`, (n, m) bool: places that are there."""
        return self.fill(x, self.begin(source, seen))

    def begin(self, source: Tensor, seen: Tensor | None = None) -> tuple[Tensor, ...]:
        """The source's keys and values, once for all steps, and which of them are there."""
        parts = self.show(source).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        there = () if seen is None else (seen[:, None, None],)
        return (parts[0], parts[1], *there)

    def fill(self, x: Tensor, memory: tuple[Tensor, ...]) -> Tensor:
        """Several places at once: (n, k, width) -> the same."""
        q = self.look(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
        k, v, *mask = memory
        found = _attended(q, k, v, mask[0] if mask else None)
        return self.output(found.transpose(1, 2).flatten(2))

    def step(self, x: Tensor, memory: tuple[Tensor, ...]) -> Tensor:
        """One place: (n, width) -> the same."""
        return self.fill(x[:, None], memory)[:, 0]

    @torch.no_grad()
    def weights(self, x: Tensor, source: Tensor, seen: Tensor | None = None) -> Tensor:
        """How much each place looks at each of the source, (n, heads, length, m); sums to 1."""
        q = self.look(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
        k, _, *mask = self.begin(source, seen)
        scores = q @ k.mT / math.sqrt(q.shape[3])
        return (scores.masked_fill(~mask[0], -torch.inf) if mask else scores).softmax(-1)


def _attended(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    is_causal: bool = False,
    dropout: float = 0.0,
) -> Tensor:
    """What each query, (n, heads, places, d), takes of the values.

    On a CPU in single precision also where the rest is in half: there the gradient of torch's fused
    kernel takes twice as long in half precision (torch 2.13).
    """
    single = q.device.type == "cpu" and torch.is_autocast_enabled("cpu")
    with torch.autocast("cpu", enabled=False) if single else nullcontext():
        q, k, v = (q.float(), k.float(), v.float()) if single else (q, k, v)
        return scaled_dot_product_attention(q, k, v, mask, dropout, is_causal)


def rotary(length: int, d: int, like: Tensor) -> Tensor:
    """Cosines and sines of the angles of `length` places, (2, length, d / 2), each pair its speed."""
    speeds = 10_000 ** -(torch.arange(0, d, 2, dtype=torch.float64, device=like.device) / d)
    angles = torch.arange(length, dtype=torch.float64, device=like.device)[:, None] * speeds
    return torch.stack([angles.cos(), angles.sin()]).to(like.dtype)


def turned(x: Tensor, turns: Tensor) -> Tensor:
    """x, (..., places, d), each pair of numbers rotated by its angle, (2, places, d / 2)."""
    cos, sin = turns
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


def sinusoids(length: int, width: int, like: Tensor) -> Tensor:
    """Places as sines and cosines of falling frequencies, (length, width); width is even."""
    return torch.cat([*rotary(length, width, like).flip(0)], -1)


def _check(who: str, width: int, heads: int) -> None:
    if heads < 1 or width % heads:
        raise Refused(f"{who}: width is {width}; it must be a multiple of heads, {heads}")
