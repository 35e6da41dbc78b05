"""A trained model, found again with its data: what `sample`, `evaluate` and `compare` begin with."""

import inspect
import io
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core import ConditionalModel, GenerativeModel, Model
from ..data import Data
from ..data import load as load_data
from ..functional.sequences.choices import DRAWN, Choice
from ..show import heard, in_turn, save_png, shown, wave_bytes
from ..train.artifact import load, read_config, write
from ..train.process import begin
from .parser import said_data

CHOICES = {field.name for field in fields(Choice)}
ROWS = 500  # rows that are drawn at once


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
    return model, load_data(data or said_data(folder)).view_for(model)


def contexts(model: Model, n: int, data: Callable[[], Data]) -> Tensor | None:
    """What a conditional model is given for n rows: labels in turn, or the test set's contexts.

    Args:
        data: in the model's view; asked for only if contexts cannot be made without them.
    """
    if not isinstance(model, ConditionalModel):
        return None
    if (labels := in_turn(model.context_space, n)) is not None:
        return labels
    rows = data().test.everything()[1]
    return rows[torch.arange(n) % len(rows)]


def drawn(
    model: Model,
    n: int,
    context: Tensor | None,
    seed: int,
    how: Mapping[str, Any] | None = None,
) -> Tensor:
    """n samples, (n, *space.shape), a few at a time.

    Args:
        model: what samples.
        n: how many.
        context: of a conditional model, (n, ...).
        seed: of the noise.
        how: what `sample` is told besides: `choice`, and `prefix`, (1, k), for all rows.
    """
    torch.manual_seed(seed)
    device = next((p.device for p in model.parameters()), None)

    def told(count: int) -> dict[str, Any]:
        rest = dict(how or {})
        if "prefix" in rest:
            rest["prefix"] = rest["prefix"].expand(count, -1).to(device)
        return rest

    if isinstance(model, GenerativeModel):
        counts = [min(ROWS, n - i) for i in range(0, n, ROWS)]
        parts = [model.sample(count, **told(count)) for count in counts]
    elif isinstance(model, ConditionalModel) and context is not None:
        parts = [model.sample(part.to(device), **told(len(part))) for part in context.split(ROWS)]
    else:
        raise TypeError(f"sample: {type(model).__name__} cannot sample")
    return torch.cat(parts).cpu()


def draw(
    folder: Path,
    n: int,
    out: Path,
    *,
    seed: int,
    raw: bool,
    data: str | None,
    device: str,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    prompt: str | None = None,
    bias: float | None = None,
    context: str | None = None,
    length: int | None = None,
) -> None:
    """Samples into a file, whole or not at all: a picture that says how it came about, and more.

    Args:
        folder: of a model.
        n: how many.
        out: .png; .npy, an array; .txt, of tokens that stand for characters or words; or .wav, of
            sounds, one after another.
        seed: of the noise.
        raw: takes the weights as they were trained, not their average.
        data: where contexts and symbols come from; without it, the data of the run.
        device: as in `Run`.
        temperature, top_k, top_p: as in `Choice`, of models that draw value by value.
        bias: of models of handwriting, which writes the neater the larger it is.
        prompt: a text that samples begin with, of models of tokens.
        context: what a conditional model is given, as `Data.asked` reads it; without it, labels in
            turn, or the test set's contexts.
        length: tokens that follow on the prompt, of models whose texts may be of any length.
    """
    model = load(folder, average=not raw, device=str(begin(device)))

    def source() -> Data:
        return load_data(data or said_data(folder)).view_for(model)

    choices = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "bias": bias}
    how = told(model, choices)
    if prompt is not None:
        how["prefix"] = prefix(model, source(), prompt, length is not None)
    given = contexts(model, n, source)
    if context is not None:
        if given is None:
            raise ValueError(
                f"sample: {type(model).__name__} takes no context: leave --context out"
            )
        given = source().asked(context).expand_as(given)
    x = drawn(model, n, given, seed, how) if length is None else long(model, n, length, seed, how)
    if out.suffix == ".png":
        note: dict[str, Any] = {
            "config": read_config(folder),
            "n": n,
            "seed": seed,
            "weights": "raw" if raw or not (folder / "ema.safetensors").exists() else "average",
            **({"choice": repr(how["choice"])} if "choice" in how else {}),
        }
        save_png(shown(x, model.space, given, getattr(model, "context_space", None)), out, note)
        return
    content = array(x) if out.suffix == ".npy" else written(source(), x, out.suffix)
    out.parent.mkdir(parents=True, exist_ok=True)
    write(out, content)


def long(model: Model, n: int, length: int, seed: int, how: Mapping[str, Any]) -> Tensor:
    """n texts, (n, prompt and `length` tokens)."""
    if "go_on" not in model.promises():
        raise ValueError(
            f"sample: {type(model).__name__} makes samples of one size: leave --length out"
        )
    torch.manual_seed(seed)
    device = next((p.device for p in model.parameters()), None)
    nothing = torch.empty(1, 0, dtype=torch.int64)
    first = how.get("prefix", nothing).expand(n, -1).to(device)
    return torch.cat([first, model.go_on(first, length, how.get("choice", DRAWN))], 1).cpu()


def told(model: Model, options: dict[str, Any]) -> dict[str, Any]:
    """What `sample` is told of how to choose, of those options that are said."""
    said = {name: value for name, value in options.items() if value is not None}
    sample = getattr(model, "sample", None)
    known = inspect.signature(sample).parameters if callable(sample) else {}
    how = {name: said.pop(name) for name in [*said] if name in known}
    if "choice" in known and said.keys() <= CHOICES:
        return how | ({"choice": Choice(**said)} if said else {})
    if said:
        names = " and ".join(f"--{name.replace('_', '-')}" for name in said)
        raise ValueError(f"sample: {type(model).__name__} has no such choice: leave {names} out")
    return how


def prefix(model: Model, data: Data, prompt: str, longer: bool) -> Tensor:
    """The tokens of a prompt, (1, k); `longer`: they may be more than a sample has."""
    if "complete" not in model.promises() or not data.symbols:
        raise ValueError(f"sample: {type(model).__name__} makes no texts: leave --prompt out")
    tokens = data.tokens(prompt)
    if len(tokens) > model.space.dims and not longer:
        raise ValueError(
            f"sample: the prompt has {len(tokens)} tokens; {type(model).__name__} makes "
            f"{model.space.dims}"
        )
    return tokens[None]


def array(x: Tensor) -> bytes:
    """A .npy file."""
    file = io.BytesIO()
    np.save(file, x.numpy(), allow_pickle=False)
    return file.getvalue()


def written(data: Data, x: Tensor, kind: str) -> bytes:
    """Texts, with a line of dashes between two that have more lines than one; or sounds.

    Args:
        data: what x are samples of.
        x: (n, ...).
        kind: .txt or .wav.
    """
    if kind == ".wav":
        if data.rate is None:
            raise ValueError(f"sample: {data.name} are no sounds; another file than .wav is wanted")
        return wave_bytes(heard(x, data.space), data.rate)
    if not data.symbols:
        raise ValueError(f"sample: {data.name} are no texts; another file than .txt is wanted")
    texts = data.text(x)
    between = f"\n{'-' * 40}\n" if any("\n" in text for text in texts) else "\n"
    return (between.join(texts) + "\n").encode()
