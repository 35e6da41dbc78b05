"""A trained model, found again with its data: what `sample`, `evaluate` and `compare` begin with."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .artifact import load, read_config, write
from .core import Classes, ConditionalModel, GenerativeModel, Model
from .data import Data, picture
from .data import load as load_data
from .run import begin

ROWS = 500  # rows that are drawn at once
CONTROL = Path("/sys/fs/cgroup")  # where Linux tells a container what is its own
VIEWS: tuple[Callable[[Data], Data], ...] = (
    lambda data: data,
    lambda data: data.labelled(),
    lambda data: data.binarised(),
    lambda data: data.binarised().labelled(),
    lambda data: data.coarse(),
)


def opened(
    folder: Path, *, data: str | None = None, average: bool = True, device: str = "auto"
) -> tuple[Model, Data]:
    """The model in a folder, and data in the view that the model takes.

    Args:
        folder: of a model.
        data: name or path; without it, the data of the run.
        average: takes the averaged weights where there are any.
        device: as in `Run`.
    """
    model = load(folder, average=average, device=str(begin(device)))
    return model, view_for(model, load_data(data or data_of(folder)))


def data_of(folder: Path) -> str:
    """The name of the data that the run in a folder learnt from."""
    recipe = read_config(folder).get("recipe")
    name = recipe.get("options", {}).get("data") if isinstance(recipe, dict) else None
    if not name:
        raise ValueError(f"{folder}: does not say which data it learnt from; name them with --data")
    return name


def view_for(model: Model, data: Data) -> Data:
    """Data in the view that a model takes: as they are, with labels, as bits, or as pairs."""
    wanted = (model.space, getattr(model, "context_space", None))
    for view in VIEWS:
        try:
            seen = view(data)
        except ValueError:  # these data cannot be seen so
            continue
        if (seen.space, seen.context_space) == wanted:
            return seen
    context = f" given {wanted[1]}" if wanted[1] else ""
    raise ValueError(
        f"{data.name}: is {data.space}; {type(model).__name__} was made for {wanted[0]}{context}"
    )


def contexts(model: Model, n: int, data: Callable[[], Data]) -> Tensor | None:
    """What a conditional model is given for n rows: labels in turn, or the test set's contexts.

    Args:
        data: in the model's view; asked for only if contexts cannot be made without them.
    """
    if not isinstance(model, ConditionalModel):
        return None
    if isinstance(model.context_space, Classes):
        return torch.arange(n) % model.context_space.count
    rows = data().test.everything()[1]
    return rows[torch.arange(n) % len(rows)]


def drawn(model: Model, n: int, context: Tensor | None, seed: int) -> Tensor:
    """n samples, (n, *space.shape), a few at a time."""
    torch.manual_seed(seed)
    if isinstance(model, GenerativeModel):
        parts = [model.sample(min(ROWS, n - i)) for i in range(0, n, ROWS)]
    elif isinstance(model, ConditionalModel) and context is not None:
        device = next((p.device for p in model.parameters()), None)
        parts = [model.sample(part.to(device)) for part in context.split(ROWS)]
    else:
        raise TypeError(f"sample: {type(model).__name__} cannot sample")
    return torch.cat(parts).cpu()


def draw(
    folder: Path, n: int, out: Path, *, seed: int, raw: bool, data: str | None, device: str
) -> None:
    """Samples into a file, whole or not at all: a picture that says how it came about, or an array.

    Args:
        folder: of a model.
        n: how many.
        out: .png or .npy.
        seed: of the noise.
        raw: takes the weights as they were trained, not their average.
        data: where contexts come from; without it, the data of the run.
        device: as in `Run`.
    """
    model = load(folder, average=not raw, device=str(begin(device)))
    context = contexts(model, n, lambda: view_for(model, load_data(data or data_of(folder))))
    if out.suffix == ".npy":
        content = io.BytesIO()
        np.save(content, drawn(model, n, context, seed).numpy(), allow_pickle=False)
        out.parent.mkdir(parents=True, exist_ok=True)
        write(out, content.getvalue())
        return
    torch.manual_seed(seed)
    note: dict[str, Any] = {
        "config": read_config(folder),
        "n": n,
        "seed": seed,
        "weights": "raw" if raw or not (folder / "ema.safetensors").exists() else "average",
    }
    picture(model, out, n, context=context, note=note)


# --- threads ----------------------------------------------------------------------------------


def fit_threads(control: Path = CONTROL) -> None:
    """Lets torch use no more threads than a container has processors: more would wait in turn.

    Who sets OMP_NUM_THREADS has decided.
    """
    if "OMP_NUM_THREADS" not in os.environ and (own := share(control)) is not None:
        torch.set_num_threads(min(torch.get_num_threads(), own))


def share(control: Path) -> int | None:
    """How many processors a container may use; None if nobody says."""
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota, period = " ".join((control / name).read_text() for name in names).split()
        except (OSError, ValueError):  # another version of this interface, or another system
            continue
        if quota.isdigit() and int(period) > 0:
            return max(1, int(quota) // int(period))
    return None
