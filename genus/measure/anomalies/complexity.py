"""The complexity of a picture: what a compressor that knows no data needs to write it down.

A likelihood is high for pictures that are simple, whatever they show: a model of clothes finds digits
likelier than clothes. A compressor does so, too. The ratio of the two, log p(x) - log 2^(-bits), is what
the model knows beyond that all pictures have in common.

Source: Serra, Alvarez, Gomez, Slizovskaia, Nunez, Luque, "Input complexity and out-of-distribution
    detection with likelihood-based generative models", 2020, arXiv:1909.11480, section 4; their S(x)
    is minus this ratio, in bits.
Departs: one compressor, PNG; theirs is the best of three for each picture.
"""

import io
import math

import torch
from PIL import Image
from torch import Tensor

from ...core import Bits, Pixels, Refused, Space


def has_complexity(space: Space) -> bool:
    """Whether one x is a picture of one or three channels, of at most 256 levels."""
    known = isinstance(space, Bits) or (isinstance(space, Pixels) and space.levels <= 256)
    return known and len(space.shape) == 3 and space.shape[0] in (1, 3)


def complexity(x: Tensor, space: Space) -> Tensor:
    """The length of each picture as a PNG, (n,), nats.

    Args:
        x: pictures, (n, c, h, w).
        space: space of the pictures.

    Raises:
        Refused: they are no pictures.
    """
    if not has_complexity(space):
        raise Refused(f"complexity: is of pictures of 1 or 3 channels; the rows are {space}")
    levels = space.indices(x.cpu()).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    lengths = []
    for one in levels:
        image = Image.fromarray(one[..., 0] if one.shape[2] == 1 else one)
        if isinstance(space, Bits) and one.shape[2] == 1:
            image = image.point([255 * (level > 0) for level in range(256)]).convert("1")
        content = io.BytesIO()
        image.save(content, "png", optimize=True)
        lengths.append(8 * content.tell() * math.log(2))
    return torch.tensor(lengths, dtype=torch.float64)
