"""Images as one value after another: row by row, in a row from left to right, in a pixel by channel."""

import torch
from torch import Tensor

from ...core import Bits, Pixels, Refused, Space, require
from ..stepwise import level_count


def image_shape(space: Space, who: str) -> tuple[int, int, int]:
    """(channels, height, width) of the space of images; Refused of any other, in the name of `who`."""
    require(who, space, Bits, Pixels, axes="channels, height, width")
    channels, height, width = space.shape
    return channels, height, width


def check_widths(who: str, channels: int, first: int, *widths: int) -> None:
    """Raises Refused if the first window has no middle, or if channels cannot be shared out to values."""
    if first < 3 or first % 2 == 0:
        raise Refused(f"{who}: first is {first}; it must be odd, at least 3")
    for width in widths:
        if width < 1 or width % channels:
            raise Refused(
                f"{who}: {width} channels cannot be shared by the {channels} values of a pixel; "
                f"a multiple of {channels} is wanted"
            )


def numbers(space: Space) -> int:
    """How many numbers give the chances of a value: one for each level, or one for a bit."""
    return 1 if isinstance(space, Bits) else level_count(space, "numbers")


def raster(shape: tuple[int, ...]) -> Tensor:
    """The numbers of the values of an image laid flat, (channels * height * width,), as they come."""
    channels = shape[0]
    return torch.arange(torch.Size(shape).numel()).reshape(channels, -1).T.flatten()


def signed(space: Space, x: Tensor) -> Tensor:
    """Values of the space as networks see them, in [-1, 1]: 0 is left for what is not there."""
    return 2 * x - 1 if isinstance(space, Bits) else x


def by_value(space: Space, out: Tensor) -> Tensor:
    """Outputs, (n, channels * k, h, w), as (n, channels, h, w, k), or of bits without k."""
    channels = space.shape[0]
    out = out.unflatten(1, (channels, -1)).movedim(2, -1)
    return out[..., 0] if isinstance(space, Bits) else out
