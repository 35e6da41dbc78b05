"""Other ways to sample than from nothing, of any model that keeps the promise which they need.

    filled         rows of which a part is kept, and the rest drawn       inpaint, or complete
    walked         from one latent code to another                        decode
    watched        samples, and how they came about                       sample_watched

All of them are drawn in the blocks of `genus.sample`: the first rows are the same rows for any number.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ..core import Bits, Graphs, Model, Pixels, Refused, Space, given
from ..core.blocks import in_blocks

Fill = Callable[..., Tensor]  # from rows, and their contexts, to rows
ALIKE = 1e-3  # sine of the angle of two codes below which they count as on one line


def _promised(model: Model, name: str) -> Fill:
    return getattr(model, name)


# --- a part is kept ---------------------------------------------------------------------------


def upper_half(space: Space) -> Tensor:
    """True in the upper half of an image, and in the first half of anything else, (*shape)."""
    known = torch.zeros(space.shape, dtype=torch.bool)
    axis = 1 if len(space.shape) == 3 else 0
    if not space.shape or space.shape[axis] < 2:
        raise Refused(f"sample: one x of {space} has no halves; something longer is wanted")
    known.narrow(axis, 0, space.shape[axis] // 2).fill_(True)
    return known


def filled(
    model: Model,
    x: Tensor,
    known: Tensor,
    seed: int,
    context: Tensor | None = None,
    how: Mapping[str, Any] | None = None,
) -> Iterator[Tensor]:
    """Rows whose known part is kept and whose rest is drawn, block by block, (rows, *space.shape).

    Args:
        model: model that has `inpaint`, or `complete` if what is known comes first in its order.
        x: rows, (n, *space.shape).
        known: true where x is kept, (*space.shape).
        seed: random seed.
        context: contexts of a conditional model, (n, ...).
        how: further arguments of `complete`, such as `decoding`.
    """
    fill = _filler(model, known, how or {})

    def draw(rows: int, x: Tensor, *context: Tensor) -> Tensor:
        return fill(x, *context)

    return in_blocks(model, draw, len(x), seed, x, *given(context))


def _filler(model: Model, known: Tensor, how: Mapping[str, Any]) -> Fill:
    name, can = type(model).__name__, model.promises()
    if "complete" in can and (count := _leading(model, known)) is not None:
        complete = _promised(model, "complete")
        return lambda x, *context: complete(x, count, *context, **how)
    if "inpaint" in can:
        if how:
            raise Refused(f"sample: {name} inpaints without choices: leave {', '.join(how)} out")
        inpaint = _promised(model, "inpaint")
        return lambda x, *context: inpaint(x, known.to(x.device), *context)
    if "complete" in can:
        raise Refused(
            f"sample: {name} can keep only what comes first in its own order of values, and this part "
            f"does not; a model that inpaints is wanted, such as a diffusion"
        )
    raise Refused(
        f"sample: {name} cannot keep a part of x; a model with complete or inpaint is wanted: one that "
        f"samples value by value, or a diffusion"
    )


def _leading(model: Model, known: Tensor) -> int | None:
    """How many values are known, if these come first in each order of the model; otherwise None."""
    if isinstance(model.space, Graphs):  # in whole nodes
        return int(known.any(1).sum())
    count, places = int(known.sum()), known.flatten().nonzero()[:, 0]
    order: Tensor = model.order  # pyright: ignore[reportAssignmentType]
    orders: Tensor = getattr(model, "orders", order[None])
    first = orders[:, :count].sort(1).values.cpu()
    return count if bool((first == places).all()) else None


# --- from one code to another -----------------------------------------------------------------


def walked(
    model: Model,
    n: int,
    steps: int,
    seed: int,
    ends: tuple[Tensor, Tensor] | None = None,
    context: Tensor | None = None,
) -> Iterator[Tensor]:
    """Ways from one latent code to another, block by block, (rows, steps, *space.shape).

    Args:
        model: model that has `decode`.
        n: number of ways.
        steps: points of each way, with both of its ends.
        seed: random seed.
        ends: rows whose codes are the ends, (n, *space.shape) each, of a model that has `encode`;
            without, the codes of draws.
        context: contexts of a conditional model, (n, ...).
    """
    name, can = type(model).__name__, model.promises()
    if "decode" not in can:
        raise Refused(f"sample: {name} has no latent codes: leave --interpolate out")
    if ends is not None and "encode" not in can:
        raise Refused(f"sample: {name} has no codes of rows; --between draws is wanted")
    decode = _promised(model, "decode")
    rows = (*(ends or ()), *given(context))

    def draw(count: int, *rows: Tensor) -> Tensor:
        held, context = (rows[:2], rows[2:]) if ends is not None else ((), rows)
        first, last = _codes(model, count, held, context)
        shares = torch.linspace(0, 1, steps).tolist()
        found = [decode(between(first, last, share), *context) for share in shares]
        return torch.stack([model.space.quantise(x) for x in found], 1)

    return in_blocks(model, draw, n, seed, *rows)


def _codes(
    model: Any, n: int, rows: tuple[Tensor, ...], context: tuple[Tensor, ...]
) -> tuple[Tensor, Tensor]:
    """The codes of both rows, or of two draws."""
    if not rows and isinstance(getattr(model, "latent", None), int):
        return model.noise(n, model.latent), model.noise(n, model.latent)
    if not rows:
        who = {"context": context[0]} if context else {"n": n}
        rows = model.sample(**who), model.sample(**who)
    return model.encode(rows[0], *context), model.encode(rows[1], *context)


def between(first: Tensor, last: Tensor, share: float) -> Tensor:
    """The code at this share of the way, (n, ...): along the arc, as normal codes keep their size.

    Codes on one line with the origin are joined by that line.
    """
    a, b = first.flatten(1), last.flatten(1)
    cosine = torch.cosine_similarity(a, b, dim=1, eps=1e-12).clamp(-1, 1)[:, None]
    angle = cosine.acos()
    sine = angle.sin()
    line = sine < ALIKE
    sine = sine.masked_fill(line, 1)
    of_a = torch.where(line, 1 - share, ((1 - share) * angle).sin() / sine)
    of_b = torch.where(line, share, (share * angle).sin() / sine)
    return (of_a * a + of_b * b).reshape(first.shape)


# --- how it comes about -----------------------------------------------------------------------


class Film:
    """At most so many of the frames that it is shown, evenly spaced, with the first and the last.

    Args:
        frames: number of frames, at least 2.
    """

    def __init__(self, frames: int):
        self.frames, self.kept, self.each, self.seen = frames, [], 1, 0
        self.last: Tensor | None = None

    def see(self, x: Tensor) -> None:
        """Takes a frame, (n, *shape)."""
        if self.seen % self.each == 0:
            self.kept.append(x.detach().cpu().clone())
            if len(self.kept) > 4 * self.frames:
                self.kept, self.each = self.kept[::2], 2 * self.each
        self.seen += 1

    def reel(self, x: Tensor) -> Tensor:
        """The frames, (n, frames, *shape), of which x is the last."""
        frames = [*self.kept, x.detach().cpu()]
        places = torch.linspace(0, len(frames) - 1, min(self.frames, len(frames))).round().long()
        return torch.stack([frames[place].to(x.dtype) for place in places.tolist()], 1)


def watched(
    model: Model,
    n: int,
    frames: int,
    seed: int,
    context: Tensor | None = None,
    how: Mapping[str, Any] | None = None,
) -> Iterator[Tensor]:
    """Samples as they come about, block by block, (rows, frames, *space.shape); the last is the sample.

    Args:
        model: model that has `sample_watched`.
        n: number of samples.
        frames: largest number of frames; a model may have fewer steps.
        seed: random seed.
        context: contexts of a conditional model, (n, ...).
        how: further arguments of `sample`, such as `decoding`.
    """
    if "sample_watched" not in model.promises():
        raise Refused(
            f"sample: {type(model).__name__} draws in one step: leave --frames out; models that sample "
            f"value by value, diffusions, Gibbs chains and flows have frames"
        )
    sample = _promised(model, "sample_watched")

    def draw(rows: int, *context: Tensor) -> Tensor:
        film = Film(frames)
        who = {"context": context[0]} if context else {"n": rows}
        return film.reel(sample(film.see, **who, **(how or {})))

    return in_blocks(model, draw, n, seed, *given(context))


# --- pictures ---------------------------------------------------------------------------------


def masked(x: Tensor, known: Tensor, space: Space) -> Tensor:
    """Images whose unknown part is grey, (n, *shape)."""
    grey = 0.5 if isinstance(space, Bits) else 0.0
    return torch.where(known, x.float(), x.new_full((), grey, dtype=torch.float32))


def mask_of(path: Any, space: Space) -> Tensor:
    """What is kept, by a mask whose white part is to be drawn, (*space.shape).

    Args:
        path: path of an image as large as those of the space.
        space: space of images.
    """
    from PIL import Image, UnidentifiedImageError

    if not isinstance(space, Pixels | Bits) or len(space.shape) != 3:
        raise Refused(f"sample: --inpaint is for images; the model is of {space}")
    height, width = space.shape[1:]
    try:
        with Image.open(path) as image:
            size, levels = image.size, torch.tensor([*image.convert("L").tobytes()])
    except UnidentifiedImageError:
        raise Refused(f"sample: --inpaint is {path}, which is not an image") from None
    if size != (width, height):
        raise Refused(
            f"sample: --inpaint is {path}, of {size[0]} x {size[1]} pixels; {width} x {height} are "
            f"wanted, as the images have"
        )
    known = (levels < 128).reshape(1, height, width).expand(space.shape)
    if known.all() or not known.any():
        raise Refused(
            f"sample: --inpaint is {path}, which is all {'black' if known.all() else 'white'}; white "
            f"where x is to be drawn and black where it is kept are wanted"
        )
    return known
