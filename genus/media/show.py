"""show: anything that has samples, as a notebook displays it and as a file keeps it."""

import html
import io
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..core import (
    Attributes,
    Classes,
    GenerativeModel,
    Model,
    Reals,
    Refused,
    Space,
    at_least,
    sample,
)
from ..core.files import write
from ..core.html import embedded
from ..errors import RefusedType
from .arrays import save_arrays
from .files import PICTURES, Reading, natural_kind, save_picture, written
from .pictures import Picture, has_pictures, shown
from .waves import as_wave, wave_bytes

AS = {".png": "a picture", ".txt": "texts", ".wav": "sounds"}


class Showing:
    """Samples that a notebook displays: as a picture, as texts, or as sounds with players.

    Args:
        x: samples, (n, *space.shape).
        space: space of x.
        context: contexts of x, (n, *context_space.shape), if there are any.
        context_space: space of a context.
        data: data set whose symbols make texts of tokens, and whose rate makes sounds of levels.
        columns: number of images in a row of the picture; by default the whole is about square.
    """

    def __init__(
        self,
        x: Tensor,
        space: Space,
        context: Tensor | None = None,
        context_space: Space | None = None,
        data: Reading | None = None,
        columns: int | None = None,
    ):
        if x.shape == space.shape:
            x = x[None]
        if not len(x) or x.shape[1:] != space.shape:
            came = tuple(x.shape)
            raise Refused(f"show: x has shape {came}; it must be (n, *{space.shape}), n > 0")
        self.x, self.space, self.data, self.columns = x.detach().cpu(), space, data, columns
        self.context, self.context_space = context, context_space

    @property
    def kind(self) -> str:
        """What it is displayed as: .png, .txt or .wav."""
        data = self.data
        found = ".png" if data is None else natural_kind(self.space, lambda: data)
        return found if found in (".txt", ".wav") else ".png"

    @property
    def picture(self) -> Picture:
        """All samples as one picture, (height, width) or (height, width, 3), uint8."""
        return shown(self.x, self.space, self.context, self.context_space, self.columns)

    def save(self, path: Path | str, note: Mapping[str, Any] | None = None) -> Path:
        """Writes a picture, texts (.txt), sounds (.wav) or an array (.npy), and returns its path.

        Args:
            path: path of the file, whose suffix says what it is; its folder is created if missing.
            note: note that is stored in a picture, of JSON types.
        """
        path = Path(path)
        kind = path.suffix.lower()
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind in PICTURES:
            return save_picture(self.picture, path, note)
        if kind == ".npy":
            save_arrays([self.x], len(self.x), path)
        elif kind in (".txt", ".wav") and self.data is not None:
            write(path, written(self.data, self.x, kind))
        else:
            mend = (
                "" if kind not in (".txt", ".wav") else "; texts and sounds need show(..., data=)"
            )
            wanted = ", ".join([*PICTURES, ".npy", ".txt", ".wav"])
            raise Refused(f"show: {path}; the name must end in one of {wanted}{mend}")
        return path

    def __repr__(self) -> str:
        rows = "1 row" if len(self.x) == 1 else f"{len(self.x):,} rows"
        return (
            f"<{rows} of {self.space} as {AS[self.kind]}: a notebook displays it, "
            f'.save("samples{self.kind}") writes it>'
        )

    def _repr_png_(self) -> bytes | None:
        if self.kind != ".png":
            return None
        content = io.BytesIO()
        Image.fromarray(self.picture).save(content, "png")
        return content.getvalue()

    def _repr_html_(self) -> str | None:
        if self.data is None or self.kind == ".png":
            return None
        if self.kind == ".txt":
            texts = (html.escape(text) for text in self.data.text(self.x))
            style = "white-space:pre-wrap;border-left:2px solid #8a9099;padding-left:0.8em"
            return "".join(f'<pre style="{style}">{text}</pre>' for text in texts)
        waves = as_wave(self.x, self.space)
        files = (wave_bytes(wave[None], self.data.rate or 1) for wave in waves)
        players = (
            f'<audio controls src="{embedded(file, "audio/wav")}"></audio>' for file in files
        )
        return "".join(f"<div>{player}</div>" for player in players)

    def showing(self, n: int | None = None, seed: int = 0) -> Self:
        """Itself."""
        return self


@runtime_checkable
class Showable(Protocol):
    """What says itself how it is shown: data sets and their splits do."""

    def showing(self, n: int | None = None, seed: int = 0) -> Showing:
        """n rows, which a seed chooses."""
        ...


def show(
    x: object,
    space: Space | None = None,
    context: Tensor | None = None,
    *,
    context_space: Space | None = None,
    n: int | None = None,
    seed: int = 0,
    data: Any = None,
    columns: int | None = None,
) -> Showing:
    """Samples, as a notebook displays them; `.save(path)` writes them into a file.

    Args:
        x: samples, (n, *space.shape), or one of them; or a data set, a split, or a model, which then
            samples.
        space: space of samples; by default that of `data`.
        context: contexts of samples, or for a conditional model. Contexts of a model that are labels
            are by default all of them in turn. Contexts that are images stand at the left.
        context_space: space of the contexts of samples; by default that of `data`.
        n: number of rows of a data set or a model; by default as many as can be taken in.
        seed: random seed of the rows.
        data: data set that samples or models belong to: texts and sounds need its symbols and rate.
        columns: number of images in a row; by default the whole is about square.
    """
    at_least(1, "show", n=n, columns=columns)
    if isinstance(x, Model):
        return drawn(x, n, context, seed, data, columns)
    if isinstance(x, Showable):
        found = x.showing(n, seed)
        found.columns = columns or found.columns
        return found
    if not isinstance(x, Tensor | np.ndarray):
        raise RefusedType(
            f"show: x is {type(x).__name__}; samples, a data set, a split or a model are wanted"
        )
    if space is None and data is None:
        raise Refused("show: the space of x is not known; give show its space, or data")
    if context is not None and context_space is None:
        context_space = getattr(data, "context_space", None)
    return Showing(
        torch.as_tensor(x),
        data.space if space is None else space,
        context,
        context_space,
        data,
        columns,
    )


def drawn(
    model: Model,
    n: int | None = None,
    context: Tensor | None = None,
    seed: int = 0,
    data: Reading | None = None,
    columns: int | None = None,
) -> Showing:
    """Samples of a model. Of one that draws x with a noise of its own, means stand above draws.

    Args:
        model: generative model that samples.
        n: number of samples; by default as many as can be taken in.
        context: contexts of a conditional model; by default n labels in turn, if its contexts
            are labels.
        seed: random seed.
        data: data set that the model belongs to, for texts and sounds.
        columns: number of images in a row; by default the whole is about square.
    """
    name = type(model).__name__
    if not isinstance(model, GenerativeModel):
        raise RefusedType(f"show: {name} cannot sample")
    if n is None:
        n = usual(model.space, data)
    if model.context_space is None:
        model.check_context(context)
        return _means_above_draws(model, n, seed, data, columns)
    if context is None:
        context = in_turn(model.context_space, n)
    if context is None:
        raise Refused(f"show: {name} needs a context of {model.context_space}")
    x = sample(model, None, seed, context)
    return Showing(x, model.space, context, model.context_space, data, columns)


def _means_above_draws(
    model: GenerativeModel, n: int, seed: int, data: Reading | None, columns: int | None
) -> Showing:
    """Samples; of models that draw x with a noise of its own, lines of its means and of draws.

    A line of means stands above the line of draws from the same latents.
    """
    space, options = model.space, model.sampling_options
    noiseless = options is None or "mean" not in {field.name for field in fields(options)}
    if options is None or noiseless or not has_pictures(space):
        return Showing(sample(model, n, seed), space, data=data, columns=columns)
    columns = columns or max(1, math.isqrt(n))
    lines = math.ceil(n / 2 / columns)
    pairs = [
        sample(model, lines * columns, seed, decoding=how)
        for how in (options(mean=True), options())
    ]
    both = torch.stack([x.unflatten(0, (lines, columns)) for x in pairs], 1)
    return Showing(both.flatten(0, 2), space, data=data, columns=columns)


def usual(space: Space, data: Reading | None = None, pictures: int = 64) -> int:
    """A number of samples that can be taken in: 4 texts or sounds, 2,000 points, else `pictures`."""
    if data is not None and natural_kind(space, lambda: data) in (".txt", ".wav"):
        return 4
    return 2000 if isinstance(space, Reals) and space.dims <= 2 else pictures


def in_turn(space: Space, n: int) -> Tensor | None:
    """n contexts that are labels, one after another; None if contexts are something else."""
    count = torch.arange(n)
    if isinstance(space, Classes):
        return count % space.count
    if isinstance(space, Attributes):
        columns = []
        for labels in space.counts:
            columns.append(count % labels)
            count = count // labels
        return torch.stack(columns, 1)
    return None
