"""Samples of a model for pictures, contexts for them, and what sampling is told."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core import Model, Refused
from .files import Reading
from .origin import origin
from .show import drawn, in_turn


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
    path = Path(path)
    if note is None:
        note = origin(path.parent.parent if path.parent.name == "samples" else path.parent, seed)
    if path.suffix.lower() != ".png":
        raise Refused(f"picture: {path}; the name must end in .png")
    return drawn(model, n, context, seed).save(path, note)


def contexts(model: Model, n: int, rows: Callable[[], Tensor]) -> Tensor | None:
    """Contexts of a conditional model for n rows: labels in turn, or those of the test set.

    Args:
        rows: function that gives n contexts of the test set, or all if it has fewer; called only if
            they are needed.
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
