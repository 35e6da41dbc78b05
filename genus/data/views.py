"""Views: splits whose batches are changed by a function."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from ..core import Attributes, Bits, Classes, Pixels, Reals, Refused, Space
from ..core.model import TakesApart
from .splits import Batch, Split, stream

MANY = 10_000  # combinations of labels that can be classes
BLOCK = 1000  # rows that are read at once where a view has noise


class MappedSplit(Split):
    """A view of a split: each batch passes through a function.

    Args:
        inner: split that is viewed.
        change: function of a batch and a random stream, which is the same for the same batch.
        what: description of the change, part of name and fingerprint.
        settled: function of rows for `everything`, by default `change` with a fixed stream, which
            must draw the noise of one row after the other.
        space: space of x after the change, if it differs.
        context_space: space of the context after the change, if it differs.
    """

    def __init__(
        self,
        inner: Split,
        change: Callable[[Batch, torch.Generator], Batch],
        what: str,
        *,
        settled: Callable[[Batch], Batch] | None = None,
        space: Space | None = None,
        context_space: Space | None = None,
    ):
        self.inner, self.change, self.what, self.settled = inner, change, what, settled
        self.own = (space, context_space)
        self.name = f"{inner.name} {what}"
        self.space, self.context_space = space or inner.space, context_space or inner.context_space
        self.labels, self.classes = inner.labels, inner.classes
        self.unpaired = inner.unpaired

    def __len__(self) -> int:
        return len(self.inner)

    @property
    def source_fingerprint(self) -> str:
        return self.inner.source_fingerprint

    def content(self) -> str:
        return f"{self.inner.fingerprint} {self.what}"

    def batch(self, number: int, size: int, seed: int) -> Batch:
        return self.change(self.inner.batch(number, size, seed), stream(self.what, seed, number))

    def everything(self) -> Batch:
        rows = self.inner.everything()
        if self.settled is not None:
            return self.settled(rows)
        return self.change(rows, stream(self.what, self.inner.fingerprint))

    def first(self, n: int) -> Batch:
        rows = self.inner.first(n)
        if self.settled is not None:
            return self.settled(rows)
        return self.change(rows, stream(self.what, self.inner.fingerprint))

    def take(self, indices: Tensor) -> Batch:
        if self.settled is not None:
            return self.settled(self.inner.take(indices))
        noise, order = stream(self.what, self.inner.fingerprint), indices.argsort()
        end = int(indices.max()) + 1 if len(indices) else 1
        ends, found = torch.searchsorted(indices[order], torch.arange(0, end + BLOCK, BLOCK)), []
        for start, first, last in zip(range(0, end, BLOCK), ends[:-1], ends[1:], strict=True):
            block = torch.arange(start, min(start + BLOCK, end))  # its noise is that of all rows
            rows = self.change(self.inner.take(block), noise)
            found.append(tuple(part[indices[order[first:last]] - start] for part in rows))
        back = order.argsort()
        return tuple(torch.cat(part)[back] for part in zip(*found, strict=True))

    def labelled(self) -> "MappedSplit":
        space, context_space = self.own
        if context_space is not None:
            raise Refused(f"{self.name}: has a context already; labels would replace it")
        inner = self.inner.labelled()
        return MappedSplit(inner, self.change, self.what, settled=self.settled, space=space)


def binarised(split: Split) -> Split:
    """A view in bits: each pixel is 1 with probability (x + 1) / 2, drawn anew in each batch."""
    if isinstance(split.space, Bits):
        return split
    space = pixels(split, "binarised")

    def draw(batch: Batch, noise: torch.Generator) -> Batch:
        x, *context = batch
        return (torch.rand(x.shape, generator=noise, dtype=x.dtype) * 2 - 1 < x).to(
            x.dtype
        ), *context

    return MappedSplit(split, draw, "binarised", space=Bits(space.shape))


def crossed(split: Split) -> Split:
    """A view with one class for each combination of several labels, of which the last changes fastest."""
    if not isinstance(split.context_space, Attributes):
        given = split.context_space or "nothing"
        raise Refused(f"{split.name}: gives {given} with each x; several labels are wanted")
    counts = split.context_space.counts
    if (many := math.prod(counts)) > MANY:
        raise Refused(
            f"{split.name}: its labels have {many:,} combinations; at most {MANY:,} are wanted: ask for fewer"
        )
    steps = torch.tensor([math.prod(counts[k + 1 :]) for k in range(len(counts))])

    def number(batch: Batch, noise: torch.Generator | None = None) -> Batch:
        x, labels = batch
        return x, (labels * steps.to(labels.device)).sum(1)

    classes = Classes(math.prod(counts))
    view = MappedSplit(split, number, "crossed", settled=number, context_space=classes)
    view.labels, view.classes = None, classes.count
    return view


def parted(split: Split, parting: TakesApart) -> Split:
    """A view of rows with x as a part of each, and the rest as its context."""

    def apart(batch: Batch, noise: torch.Generator | None = None) -> Batch:
        return parting.apart(batch[0])

    spaces = {"space": parting.missing_space, "context_space": parting.known_space}
    return MappedSplit(split, apart, parting.words, settled=apart, **spaces)


def coarse(split: Split, factor: int) -> Split:
    """A view with x as context, averaged over blocks of factor x factor and enlarged again."""
    if split.context_space is not None:
        raise Refused(f"{split.name}: has a context already")
    space = pixels(split, "made coarse")
    _image_sides(split, "made coarse")
    if factor < 1 or any(side % factor for side in space.shape[1:]):
        raise Refused(f"{split.name}: factor is {factor}; it must divide {space.shape[1:]}")

    def pool(batch: Batch, noise: torch.Generator | None = None) -> Batch:
        (x,) = batch
        return x, interpolate(avg_pool2d(x, factor), scale_factor=factor)

    what = f"coarse {factor}"
    return MappedSplit(split, pool, what, settled=pool, context_space=Reals(space.shape))


def staged(split: Split, factors: Sequence[int]) -> Split:
    """A view of images as stages, from coarse to fine, stacked along the channels of x.

    The context is each image averaged over blocks of the first factor and enlarged again; x has those
    of the other factors, on the levels of the image, and the image itself.
    """
    if split.context_space is not None:
        raise Refused(f"{split.name}: has a context already")
    space = pixels(split, "stacked as stages")
    sides = _image_sides(split, "stacked as stages")
    if not factors or any(one < 1 or any(side % one for side in sides) for one in factors):
        raise Refused(f"{split.name}: factors are {tuple(factors)}; they must divide {sides}")

    def stack(batch: Batch, noise: torch.Generator | None = None) -> Batch:
        (x,) = batch
        first, *others = (interpolate(avg_pool2d(x, k), scale_factor=k) for k in factors)
        return torch.cat([*map(space.quantise, others), x], 1), first

    what = f"staged {' '.join(map(str, factors))}"
    whole = Pixels((len(factors) * space.shape[0], *sides), space.levels)
    given = Reals(space.shape)
    return MappedSplit(split, stack, what, settled=stack, space=whole, context_space=given)


def augmented(
    split: Split, *, flip: bool = False, shift: int = 0, crop: int | None = None
) -> Split:
    """A view in which images are flipped, shifted and cropped at random, anew in each batch.

    Args:
        split: split of images.
        flip: whether to mirror half of the images, left to right.
        shift: largest shift in pixels, up or down and left or right; the edge is repeated.
        crop: side in pixels of a square that is cut out anywhere.
    """
    height, width = _image_sides(split, "augmented")
    if split.context_space is not None and len(split.context_space.shape) > 1:
        raise Refused(f"{split.name}: augment before the context is computed from the image")
    if not 0 <= shift < min(height, width):
        raise Refused(f"{split.name}: shift is {shift}; 0 .. {min(height, width) - 1} is wanted")
    if crop is not None and not 1 <= crop <= min(height, width):
        raise Refused(f"{split.name}: crop is {crop}; 1 .. {min(height, width)} is wanted")
    if not (flip or shift or crop):
        raise Refused(f"{split.name}: neither flip nor shift nor crop is given")
    size = (height, width) if crop is None else (crop, crop)
    free = (height - size[0] + 2 * shift, width - size[1] + 2 * shift)

    def change(batch: Batch, noise: torch.Generator) -> Batch:
        x, *context = batch
        if flip:
            mirrored = torch.rand(len(x), 1, 1, 1, generator=noise) < 0.5
            x = torch.where(mirrored, x.flip(3), x)
        if shift:
            x = pad(x, (shift,) * 4, mode="replicate")
        corner = [torch.randint(k + 1, (len(x),), generator=noise) for k in free]
        return _windows(x, torch.stack(corner, 1), size), *context

    space = _resized(split.space, size)
    what = f"augmented flip={flip} shift={shift} crop={crop}"
    return MappedSplit(split, change, what, settled=_middle(size), space=space)


def cropped(split: Split, crop: int | None) -> Split:
    """The middle square of each image, of so many pixels; the split itself without a number."""
    if crop is None:
        return split
    middle, space = _middle((crop, crop)), _resized(split.space, (crop, crop))
    return MappedSplit(
        split, lambda batch, noise: middle(batch), f"cropped {crop}", settled=middle, space=space
    )


def _middle(size: tuple[int, int]) -> Callable[[Batch], Batch]:
    def cut(batch: Batch) -> Batch:
        x, *context = batch
        top, left = ((x.shape[i] - side) // 2 for i, side in zip((2, 3), size, strict=True))
        return x[:, :, top : top + size[0], left : left + size[1]], *context

    return cut


def _windows(x: Tensor, corner: Tensor, size: tuple[int, int]) -> Tensor:
    """The part of each image of this size whose corner, (n, 2), is given as top and left."""
    rows = corner[:, :1] + torch.arange(size[0])
    columns = corner[:, 1:] + torch.arange(size[1])
    channels = torch.arange(x.shape[1])[None, :, None, None]
    each = torch.arange(len(x))[:, None, None, None]
    return x[each, channels, rows[:, None, :, None], columns[:, None, None, :]]


def _resized(space: Space, size: tuple[int, int]) -> Space:
    shape = (space.shape[0], *size)
    if isinstance(space, Pixels):
        return Pixels(shape, space.levels)
    return Bits(shape) if isinstance(space, Bits) else Reals(shape)


def _image_sides(split: Split, wish: str) -> tuple[int, int]:
    """Height and width of the split's images."""
    shape = split.space.shape
    if len(shape) != 3:
        raise Refused(f"{split.name}: is {split.space}; only images (c, h, w) can be {wish}")
    return shape[1], shape[2]


def pixels(split: Split, wish: str) -> Pixels:
    """The split's space, which must be `Pixels` for the view that is wished."""
    if isinstance(split.space, Pixels):
        return split.space
    raise Refused(f"{split.name}: is {split.space}; only Pixels can be {wish}")
