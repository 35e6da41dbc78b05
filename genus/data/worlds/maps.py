"""Pictures of what stands where: the classes of pixels in colours, and the lines between them."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from .parameters import Parameters

FINER = 2  # pixels of the classes that lines are found in, along a pixel of the lines
Classes = Callable[[Parameters, int], Tensor]  # (n, size, size), the class of each pixel


def coloured(classes: Tensor, tones: Sequence[str]) -> Tensor:
    """Classes of pixels, (n, size, size), as a picture in the colours of the classes, (n, 3, size, size) uint8."""
    table = torch.tensor([[int(tone[i : i + 2], 16) for i in (1, 3, 5)] for tone in tones])
    return table.to(torch.uint8)[classes.long()].permute(0, 3, 1, 2).contiguous()


def outlined(classes: Tensor) -> Tensor:
    """Dark lines on white where classes meet, at half the size, (n, 3, size / 2, size / 2) uint8.

    Args:
        classes: the class of each pixel, (n, size, size), of an even size.
    """
    right, below = (classes.diff(dim=axis) != 0 for axis in (2, 1))
    line = pad(right, (0, 1)) | pad(below, (0, 0, 0, 1))
    thick = line | pad(line, (1, 0))[..., :-1] | pad(line, (0, 0, 1, 0))[..., :-1, :]
    share = avg_pool2d(thick[:, None].float(), FINER)
    return (255 * (1 - share)).round().to(torch.uint8).expand(-1, 3, -1, -1).contiguous()


def segmentation_in(classes: Classes, tones: Sequence[str]) -> Callable[[Parameters, int], Tensor]:
    """A map of a world: the classes of its pixels in colours."""

    def segmentation(parameters: Parameters, size: int) -> Tensor:
        return coloured(classes(parameters, size), tones)

    return segmentation


def edges_of(classes: Classes) -> Callable[[Parameters, int], Tensor]:
    """A map of a world: the lines between the classes of its pixels."""

    def edges(parameters: Parameters, size: int) -> Tensor:
        return outlined(classes(parameters, FINER * size))

    return edges
