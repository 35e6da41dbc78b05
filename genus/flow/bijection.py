"""What a flow is made of: maps that can be undone, and give by how much they stretch."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ..core import See
from ..errors import Refused

PART = 4096  # rows at a time, a thread: fewer fit better into a cache, more take fewer steps


class Bijection(nn.Module, ABC):
    """An invertible map of rows, (n, ...) to the same shape; usable alone, or as a part of a flow.

    Every method also takes a context, (n, k) floats that may decide the map of each row. One that
    was built without a context leaves it alone.
    """

    @abstractmethod
    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, of the shape of x, and log |det dz/dx|, (n,)."""

    @abstractmethod
    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, of the shape of z: `encode_with_logdet` undone, with its gradient."""

    def decode_with_logdet(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x, of the shape of z, and log |det dx/dz|, (n,)."""
        x = self.decode(z, context)
        return x, -self.encode_with_logdet(x, context)[1]

    def decode_watched(self, see: See, z: Tensor, context: Tensor | None = None) -> Tensor:
        """`decode`, with a look at what comes out, and at what lies between where there is more."""
        x = self.decode(z, context)
        see(x)
        return x

    def prepare(self, x: Tensor, context: Tensor | None = None) -> None:
        """Takes from rows of data, as they arrive at this map, what it starts from; most need none."""


class Chain(Bijection):
    """Bijections one after another; the first is next to the data.

    Args:
        steps: at least one.
    """

    def __init__(self, steps: Sequence[Bijection]):
        super().__init__()
        if not steps:
            raise Refused("Chain: steps is empty; at least one bijection is wanted")
        self.steps = nn.ModuleList(steps)

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z and the sum of the steps' logdets."""
        total = x.new_zeros(len(x))
        for step in self.steps:
            x, logdet = step.encode_with_logdet(x, context)
            total = total + logdet
        return x, total

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """The last step is undone first."""
        for step in reversed(self.steps):
            z = step.decode(z, context)
        return z

    def decode_watched(self, see: See, z: Tensor, context: Tensor | None = None) -> Tensor:
        """`decode`, with a look after each step."""
        for step in reversed(self.steps):
            z = step.decode_watched(see, z, context)
        return z

    def decode_with_logdet(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x and the sum of the steps' logdets."""
        total = z.new_zeros(len(z))
        for step in reversed(self.steps):
            z, logdet = step.decode_with_logdet(z, context)
            total = total + logdet
        return z, total

    @torch.no_grad()
    def prepare(self, x: Tensor, context: Tensor | None = None) -> None:
        """Each step sees what those before it make of the data."""
        for step in self.steps:
            step.prepare(x, context)
            x = step.encode_with_logdet(x, context)[0]


class Inverse(Bijection):
    """A bijection, the other way round: what was fast to encode is now fast to decode.

    An inverse autoregressive flow is made of inverses of `Autoregressive`: one pass draws, and
    scores what it draws (`decode_with_logdet`), while other x must be solved for.

    Source: Kingma and others, "Improving variational inference with inverse autoregressive flow",
        2016, arXiv:1606.04934, sections 3 and 4.

    Args:
        bijection: what is turned round. It is not prepared: what it takes in is no data.
    """

    def __init__(self, bijection: Bijection):
        super().__init__()
        self.bijection = bijection

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, of the shape of x, and log |det dz/dx|, (n,)."""
        return self.bijection.decode_with_logdet(x, context)

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, of the shape of z."""
        return self.bijection.encode_with_logdet(z, context)[0]

    def decode_with_logdet(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x and log |det dx/dz|, (n,)."""
        return self.bijection.encode_with_logdet(z, context)


def parted(call: Callable[..., Tensor], most: int, *rows: Tensor) -> Tensor:
    """What `call` makes of rows, of at most so many a thread at a time where no gradient is kept.

    On a CPU the hidden units of so many rows stay in its cache: large calls take half as long, and a
    fraction of the memory.
    """
    most *= torch.get_num_threads()
    if torch.is_grad_enabled() or len(rows[0]) <= most or rows[0].device.type != "cpu":
        return call(*rows)
    parts = zip(*(x.chunk(-(-len(x) // most)) for x in rows), strict=True)
    return torch.cat([call(*part) for part in parts])


def wanted(context: Tensor | None, features: int, who: str) -> Tensor:
    """The context, (n, features), of a bijection that has one."""
    if context is None or context.shape[1:] != (features,):
        came = None if context is None else f"of shape {tuple(context.shape)}"
        raise Refused(f"{who}: context is {came}; it must be (n, {features})")
    return context
