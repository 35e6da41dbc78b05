"""Squeezing: 2 x 2 squares of pixels become channels, so that channels are what is split and mixed.

(c, h, w -> 4c, h/2, w/2). A bijection of images squeezes, does what is inside, and undoes the
squeeze, so that z keeps the shape of x.

Source: Dinh, Sohl-Dickstein, Bengio, "Density estimation using Real NVP", 2017, arXiv:1605.08803,
    sections 3.4, 3.6 and figure 3.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...core import See
from ...errors import Refused, at_least
from ..bijection import Bijection, Chain


def squeeze(x: Tensor) -> Tensor:
    """(n, c, 2h, 2w) -> (n, 4c, h, w): first all upper left pixels, then upper right, ..."""
    x = x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2))  # (n, c, h, 2, w, 2)
    return x.permute(0, 3, 5, 1, 2, 4).flatten(1, 3)


def unsqueeze(y: Tensor) -> Tensor:
    """`squeeze` undone."""
    y = y.unflatten(1, (2, 2, -1))  # (n, 2, 2, c, h, w)
    return y.permute(0, 3, 4, 1, 5, 2).flatten(4, 5).flatten(2, 3)


class Squeezed(Bijection):
    """Bijections of a squeezed image, (n, 4c, h / 2, w / 2): from (n, c, h, w) to the same shape.

    A context that is a picture, (n, k, h, w), is squeezed along; a vector, (n, k), is passed on.

    Args:
        steps: at least one, for 4c channels; the first is next to the data.
    """

    def __init__(self, steps: Sequence[Bijection]):
        super().__init__()
        self.steps = tuple(steps)
        self.chain = Chain(steps)

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, c, h, w), and log |det dz/dx|, (n,)."""
        z, logdet = self.chain.encode_with_logdet(_halved(x), _squeezed(context))
        return unsqueeze(z), logdet

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, c, h, w)."""
        return unsqueeze(self.chain.decode(_halved(z), _squeezed(context)))

    def decode_watched(self, see: See, z: Tensor, context: Tensor | None = None) -> Tensor:
        """`decode`, with a look after each step."""

        def look(y: Tensor) -> None:
            see(unsqueeze(y))

        return unsqueeze(self.chain.decode_watched(look, _halved(z), _squeezed(context)))

    @torch.no_grad()
    def prepare(self, x: Tensor, context: Tensor | None = None) -> None:
        """Each step sees what those before it make of the squeezed data."""
        self.chain.prepare(_halved(x), _squeezed(context))


class FactorOut(Bijection):
    """Half of the channels are done; the others, the first ones, go through more bijections.

    Put behind a coupling that keeps the first half, this is a multi-scale level with a learned prior:
    the coupling takes from the second half the mean and the scale that the first half predicts.

    Args:
        channels: channels of x, at least 2; of an odd number one more is done.
        steps: at least one, for channels // 2 channels.
    """

    def __init__(self, channels: int, steps: Sequence[Bijection]):
        super().__init__()
        at_least(2, "FactorOut", channels=channels)
        self.channels, self.steps = channels, tuple(steps)
        self.chain = Chain(steps)

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, channels, h, w), and log |det dz/dx|, (n,)."""
        more, done = self._halves(x)
        more, logdet = self.chain.encode_with_logdet(more, context)
        return torch.cat([more, done], 1), logdet

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, channels, h, w)."""
        more, done = self._halves(z)
        return torch.cat([self.chain.decode(more, context), done], 1)

    def decode_watched(self, see: See, z: Tensor, context: Tensor | None = None) -> Tensor:
        """`decode`, with a look after each step inside."""
        more, done = self._halves(z)

        def look(y: Tensor) -> None:
            see(torch.cat([y, done], 1))

        return torch.cat([self.chain.decode_watched(look, more, context), done], 1)

    @torch.no_grad()
    def prepare(self, x: Tensor, context: Tensor | None = None) -> None:
        """What is inside sees the first half."""
        self.chain.prepare(self._halves(x)[0], context)

    def _halves(self, x: Tensor) -> tuple[Tensor, ...]:
        half = self.channels // 2
        return x.split([half, self.channels - half], 1)


def _halved(x: Tensor) -> Tensor:
    """A squeezed image, if there is a 2 x 2 square for each pixel."""
    if x.dim() != 4 or x.shape[2] % 2 or x.shape[3] % 2:
        raise Refused(
            f"Squeezed: x has shape {tuple(x.shape)}; (n, channels, height, width) with even sides is "
            f"wanted: pad the images, or take fewer levels"
        )
    return squeeze(x)


def _squeezed(context: Tensor | None) -> Tensor | None:
    return squeeze(context) if context is not None and context.dim() == 4 else context
