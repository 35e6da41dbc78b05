"""Samples of a model for pictures, contexts for them, and what sampling is told."""

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core import Attributes, Classes, GenerativeModel, Model, Reals, Refused, Space, sample
from ..errors import RefusedType
from .files import Reading, save_png
from .origin import origin
from .pictures import Picture, grid, has_pictures, shown


def picture(
    model: Model,
    path: Path | str,
    n: int | None = None,
    *,
    context: Tensor | None = None,
    seed: int = 0,
    note: Mapping[str, Any] | None = None,
) -> Path:
    """Writes samples into a PNG file, and returns its path.

    Args:
        model: generative model that samples.
        path: path of the file; its folder is created if it is missing.
        n: number of samples; by default 64 images or 2,000 points.
        context: contexts of a conditional model; by default n labels in turn, if its contexts
            are labels. Contexts that are images stand at the left of their samples.
        seed: random seed.
        note: note that is stored in the file, of JSON types; by default the folder, or that of the
            run if it is one of its samples, the seed, the command and the version.
    """
    space, path = model.space, Path(path)
    if note is None:
        note = origin(path.parent.parent if path.parent.name == "samples" else path.parent, seed)
    if n is None:
        n = 2000 if isinstance(space, Reals) and space.dims <= 2 else 64
    if not isinstance(model, GenerativeModel):
        raise RefusedType(f"picture: {type(model).__name__} cannot sample")
    if model.context_space is None:
        return save_png(_means_above_draws(model, n, seed), path, note)
    if context is None:
        context = in_turn(model.context_space, n)
    if context is None:
        raise Refused(f"picture: {type(model).__name__} needs a context of {model.context_space}")
    x = sample(model, None, seed, context)
    return save_png(shown(x, space, context, model.context_space), path, note)


def _means_above_draws(model: GenerativeModel, n: int, seed: int) -> Picture:
    """The grid of samples; of models that draw x with a noise of its own, of its means, and draws.

    A line of means stands above the line of draws from the same latents.
    """
    space, options = model.space, model.sampling_options
    noiseless = options is None or "mean" not in {field.name for field in fields(options)}
    if options is None or noiseless or not has_pictures(space):
        return grid(sample(model, n, seed), space)
    columns = max(1, math.isqrt(n))
    lines = math.ceil(n / 2 / columns)
    pairs = [
        sample(model, lines * columns, seed, decoding=how)
        for how in (options(mean=True), options())
    ]
    both = torch.stack([x.unflatten(0, (lines, columns)) for x in pairs], 1)
    return grid(both.flatten(0, 2), space, columns)


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


def contexts(model: Model, n: int, rows: Callable[[], Tensor]) -> Tensor | None:
    """Contexts of a conditional model for n rows: labels in turn, or those of the test set.

    Args:
        rows: function that gives the contexts of the test set; called only if they are needed.
    """
    if model.context_space is None:
        return None
    if (labels := in_turn(model.context_space, n)) is not None:
        return labels
    found = rows()
    return found[torch.arange(n) % len(found)]


def sampling_arguments(model: Model, options: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of `sample` for the options that were given."""
    given = {name: value for name, value in options.items() if value is not None}
    kind = getattr(model, "sampling_options", None)
    known = {field.name for field in fields(kind)} if kind else set[str]()
    if unknown := [name for name in given if name not in known]:
        names = " and ".join(f"--{name.replace('_', '-')}" for name in unknown)
        raise Refused(f"sample: {type(model).__name__} does not know {names}: leave {names} out")
    return {"decoding": kind(**given)} if kind and given else {}


def prefix(model: Model, data: Reading, prompt: str, longer: bool) -> Tensor:
    """The tokens of a prompt, (1, k), which may exceed the length of a sample if `longer`."""
    if "complete" not in model.promises() or not data.symbols:
        raise Refused(f"sample: {type(model).__name__} makes no texts: leave --prompt out")
    tokens = data.tokens(prompt)
    if len(tokens) > model.space.dims and not longer:
        raise Refused(
            f"sample: the prompt has {len(tokens)} tokens; {type(model).__name__} makes "
            f"{model.space.dims}"
        )
    return tokens[None]
