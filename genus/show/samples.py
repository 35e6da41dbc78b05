"""Samples of a model for pictures and files, drawn in batches, and contexts for them."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core import Attributes, Classes, GenerativeModel, Model, Reals, Refused, Space
from ..data import Data
from ..errors import RefusedType
from ..functional.sequences.choices import DRAWN
from .files import save_png
from .pictures import grid, shown

ROWS = 500  # rows that are drawn at once


def picture(
    model: Model,
    path: Path | str,
    n: int | None = None,
    *,
    context: Tensor | None = None,
    note: Mapping[str, Any] | None = None,
) -> Path:
    """Writes samples into a PNG file, and returns its path.

    Args:
        model: generative model that samples.
        path: path of the file; its folder is created if it is missing.
        n: number of samples; by default 64 images or 2,000 points.
        context: contexts of a conditional model; by default n labels in turn, if its contexts
            are labels. Contexts that are images stand at the left of their samples.
        note: note that is stored in the file, of JSON types.
    """
    space = model.space
    if n is None:
        n = 2000 if isinstance(space, Reals) and space.dims <= 2 else 64
    if not isinstance(model, GenerativeModel):
        raise RefusedType(f"picture: {type(model).__name__} cannot sample")
    if model.context_space is None:
        return save_png(grid(model.sample(n), space), path, note)
    if context is None:
        context = in_turn(model.context_space, n)
    if context is None:
        raise Refused(f"picture: {type(model).__name__} needs a context of {model.context_space}")
    device = next((p.device for p in model.parameters()), None)
    x = model.sample(context=context.to(device))
    return save_png(shown(x, space, context, model.context_space), path, note)


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


def contexts(model: Model, n: int, data: Callable[[], Data]) -> Tensor | None:
    """Contexts of a conditional model for n rows: labels in turn, or those of the test set.

    Args:
        data: function that loads the data in the model's view; called only if contexts need them.
    """
    if model.context_space is None:
        return None
    if (labels := in_turn(model.context_space, n)) is not None:
        return labels
    rows = data().test.everything()[1]
    return rows[torch.arange(n) % len(rows)]


def sampled(
    model: Model,
    n: int,
    context: Tensor | None,
    seed: int,
    how: Mapping[str, Any] | None = None,
) -> Tensor:
    """n samples, (n, *space.shape), drawn in batches of ROWS.

    Args:
        model: generative model that samples.
        n: number of samples.
        context: contexts of a conditional model, (n, ...).
        seed: random seed.
        how: further arguments of `sample`: `decoding`, and `prefix`, (1, k), for all rows.
    """
    torch.manual_seed(seed)
    device = next((p.device for p in model.parameters()), None)

    def rest(count: int) -> dict[str, Any]:
        given = dict(how or {})
        if "prefix" in given:
            given["prefix"] = given["prefix"].expand(count, -1).to(device)
        return given

    if not isinstance(model, GenerativeModel):
        raise RefusedType(f"sample: {type(model).__name__} cannot sample")
    if context is not None:
        parts = [
            model.sample(context=part.to(device), **rest(len(part))) for part in context.split(ROWS)
        ]
    else:
        counts = [min(ROWS, n - i) for i in range(0, n, ROWS)]
        parts = [model.sample(count, **rest(count)) for count in counts]
    return torch.cat(parts).cpu()


def long(model: Model, n: int, length: int, seed: int, how: Mapping[str, Any]) -> Tensor:
    """n texts, each of the prompt and `length` further tokens."""
    if "extend" not in model.promises():
        raise Refused(
            f"sample: {type(model).__name__} makes samples of one size: leave --length out"
        )
    torch.manual_seed(seed)
    device = next((p.device for p in model.parameters()), None)
    nothing = torch.empty(1, 0, dtype=torch.int64)
    first = how.get("prefix", nothing).expand(n, -1).to(device)
    return torch.cat([first, model.extend(first, length, how.get("decoding", DRAWN))], 1).cpu()


def sampling_arguments(model: Model, options: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of `sample` for the options that were given."""
    given = {name: value for name, value in options.items() if value is not None}
    kind = getattr(model, "sampling_options", None)
    known = {field.name for field in fields(kind)} if kind else set[str]()
    if unknown := [name for name in given if name not in known]:
        names = " and ".join(f"--{name.replace('_', '-')}" for name in unknown)
        raise Refused(f"sample: {type(model).__name__} does not know {names}: leave {names} out")
    return {"decoding": kind(**given)} if kind and given else {}


def prefix(model: Model, data: Data, prompt: str, longer: bool) -> Tensor:
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
