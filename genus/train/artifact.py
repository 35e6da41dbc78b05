"""A model on disk: a folder that is safe to open, for nothing in it is ever executed.

    config.json          the class, its hyper-parameters, its space and its origin
    model.safetensors    the weights; ema.safetensors the averaged ones, if there are any
    README.md            a model card, in the layout of the Hugging Face hub

config.json names classes by their public path, such as genus.vae.VAE: the folder of genus that
exports the class, not the file that defines it. So files may move, and saved models still load.
A weights file carries the hash of its tensors in its header, so a damaged one is noticed.
Each file is written whole or not at all.
"""

import hashlib
import importlib
import inspect
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from .._version import __version__
from ..core import Model, Refused, hyperparameters
from ..core.files import write
from ..errors import RefusedType
from ..families import FAMILIES

FORMAT = 2  # 2: public paths. Nothing that was released has written format 1
# the folders whose functions a saved model may name; what it may build lies anywhere
FORMULAS = {"functional", "nn", *FAMILIES}


class ArtifactError(Refused):
    """A folder that is not a whole model, or one that may not be opened."""


# --- saving -----------------------------------------------------------------------------------


def save(
    model: Model,
    folder: Path | str,
    *,
    average: Model | None = None,
    note: Mapping[str, object] | None = None,
) -> Path:
    """Writes the model into a folder, creates it if it is missing, and returns it.

    Args:
        average: model of the same kind with averaged weights.
        note: further entries of config.json, of JSON types: recipe, seed, data, metrics.
    """
    folder = Path(folder)
    config = {
        "format": FORMAT,
        "model": encode(model),
        "promises": sorted(model.promises()),
        "parameters": sum(p.numel() for p in model.parameters()),
        "versions": {
            "genus": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        **(note or {}),
    }
    text = json.dumps(config, indent=2)  # before anything is written: it may raise
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "model.safetensors", _weights(model))
    if average is not None:
        write(folder / "ema.safetensors", _weights(average))
    write(folder / "config.json", text.encode())
    write(folder / "README.md", card(config).encode())
    return folder


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and values, in hexadecimal."""
    whole = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        whole.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        whole.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()


def _weights(model: nn.Module) -> bytes:
    tensors = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    # one entry only: safetensors writes several in any order, and equal weights are equal files
    return to_bytes({k: v.clone() for k, v in tensors.items()}, {"sha256": digest(tensors)})


# --- loading ----------------------------------------------------------------------------------


def load(
    folder: Path | str, *, average: bool = True, allow: Sequence[str] = (), device: str = "cpu"
) -> Any:
    """The model that `save` wrote, in evaluation mode.

    Args:
        average: whether to load the averaged weights, if there are any.
        allow: full names of classes outside genus that may be built, such as "my.module.Net".
            To build a class is to run its code: name only what you trust.
        device: device of the loaded model.

    Raises:
        ArtifactError: the folder is no model, or is damaged, or wants a class that is not allowed.
    """
    folder = Path(folder)
    config = read_config(folder)
    model = decode(config["model"], allow=allow)
    if not isinstance(model, Model):
        raise ArtifactError(f"{folder}: config.json describes {type(model).__name__}, not a model")
    path = _weights_file(folder, average)
    tensors = read_weights(path)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise ArtifactError(f"{path}: does not fit config.json: {first}") from None
    model.loaded_from = _origin(folder, config)
    return model.to(device).eval()


def _origin(folder: Path, config: Mapping[str, Any]) -> str:
    """A folder in words, with the recipe, the data and the seed that its model came from."""
    recipe = config.get("recipe")
    options = recipe.get("options", {}) if isinstance(recipe, dict) else {}
    parts = [f"recipe {recipe['name']}"] if isinstance(recipe, dict) and "name" in recipe else []
    parts += [f"{key} {options[key]}" for key in ("data", "seed") if key in options]
    return f"{folder} ({', '.join(parts)})" if parts else str(folder)


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of an artifact."""
    path = folder / "config.json"
    if not folder.is_dir():
        raise ArtifactError(f"{folder}: there is no such folder")
    if not path.exists():
        raise ArtifactError(f"{folder}: no config.json in it, so it is not a model saved by genus")
    try:
        config = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path}: is not JSON: {error}") from None
    if not isinstance(config, dict) or "model" not in config:
        raise ArtifactError(f"{path}: does not describe a model")
    if config.get("format") != FORMAT:
        raise ArtifactError(
            f"{path}: is of format {config.get('format')}, which this genus {__version__} does not "
            f"read; it reads format {FORMAT}: train the model again, or read it with the genus that "
            f"wrote it"
        )
    return config


def weights_hash(folder: Path, *, average: bool = True) -> str:
    """The hash of the weights that `load` reads, after a check."""
    return digest(read_weights(_weights_file(folder, average)))


def _weights_file(folder: Path, average: bool) -> Path:
    averaged = folder / "ema.safetensors"
    return averaged if average and averaged.exists() else folder / "model.safetensors"


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, checked against the hash in its header."""
    if not path.exists():
        raise ArtifactError(f"{path}: there is no such file")
    if path.suffix != ".safetensors":
        raise ArtifactError(f"{path}: only safetensors are read; a pickle can run code")
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            stored = (file.metadata() or {}).get("sha256")
    except (SafetensorError, OSError) as error:
        raise ArtifactError(f"{path}: truncated, or not safetensors: {error}") from None
    if stored != digest(tensors):
        raise ArtifactError(f"{path}: its tensors do not have the hash in its header: damaged")
    return tensors


# --- hyper-parameters as JSON -----------------------------------------------------------------


def encode(value: object) -> Any:
    """A hyper-parameter as JSON. Modules, spaces and functions become their names and arguments."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, FunctionType) and "<" not in value.__qualname__:
        return {"function": _known(value)}
    if isinstance(value, nn.Module):
        arguments = hyperparameters(value)
    elif is_dataclass(value) and not isinstance(value, type):
        arguments = {field.name: getattr(value, field.name) for field in fields(value)}
    else:
        raise RefusedType(
            f"save: a hyper-parameter is {type(value).__name__}: {value!r}; wanted are "
            f"numbers, strings, sequences, spaces, modules and named functions"
        )
    return {
        "class": _known(type(value)),
        "arguments": {name: encode(item) for name, item in arguments.items()},
    }


def public_path(thing: type | FunctionType) -> str | None:
    """The name of a class or function in artifacts, which stays when files move.

    It is the name in the outermost folder of genus that exports it: genus.vae.VAE,
    genus.core.Pixels, genus.functional.adversarial.r1; None if no folder does. Outside genus, it
    is the full name of the definition.
    """
    parts = thing.__module__.split(".")
    if parts[0] != "genus":
        return f"{thing.__module__}.{thing.__qualname__}"
    for depth in range(2, len(parts)):
        folder = ".".join(parts[:depth])
        if getattr(importlib.import_module(folder), thing.__name__, None) is thing:
            return f"{folder}.{thing.__name__}"
    return None


def _known(thing: type | FunctionType) -> str:
    """The public path, without which nothing can be saved."""
    if path := public_path(thing):
        return path
    raise RefusedType(
        f"save: {thing.__module__}.{thing.__qualname__} has no public path; an __init__ of a folder "
        f"above it must import it, so that saved models can name it"
    )


def decode(value: Any, *, allow: Sequence[str] = ()) -> Any:
    """The value that `encode` wrote, rebuilt. Sequences come back as tuples."""
    if isinstance(value, list):
        return tuple(decode(item, allow=allow) for item in value)
    if not isinstance(value, dict):
        return value
    if "function" in value:
        found = _find(value["function"], allow)
        if not isinstance(found, FunctionType):
            raise ArtifactError(f"config.json: {value['function']} is not a function")
        return found
    kind = _find(value.get("class"), allow)
    if not (inspect.isclass(kind) and (issubclass(kind, nn.Module) or is_dataclass(kind))):
        raise ArtifactError(f"config.json: {value['class']} is not a module or a plain record")
    given = value.get("arguments", {})
    if not isinstance(given, dict):
        raise ArtifactError(f"config.json: the arguments of {value['class']} are not named")
    arguments = {k: decode(v, allow=allow) for k, v in given.items()}
    try:
        return kind(**arguments)
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"config.json: cannot build {value['class']}: {error}") from None


def _find(path: object, allow: Sequence[str]) -> Any:
    """The class or function of this public path, or the one of this full name that is allowed."""
    if not isinstance(path, str):
        raise ArtifactError(f"config.json: {path!r} is not the name of a class")
    module, _, name = path.rpartition(".")
    inside = module.split(".")[0] == "genus"
    if not inside and path not in allow:
        raise ArtifactError(
            f"config.json: wants {path}, which is outside genus; if you trust its code, load with "
            f"allow=[{path!r}]"
        )
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        raise ArtifactError(f"config.json: there is no {path} in this version") from None
    home = str(getattr(found, "__module__", "")).split(".")
    if isinstance(found, FunctionType) and inside and not FORMULAS & {*home[1:2]}:
        raise ArtifactError(f"config.json: {path} is no formula, so no model may name it")
    if not (isinstance(found, type | FunctionType) and home[0] == module.split(".")[0]):
        raise ArtifactError(f"config.json: {path} is not defined there")
    if (public := public_path(found)) != path:
        raise ArtifactError(f"config.json: {path} is not its public name, which is {public}")
    return found


# --- the card ---------------------------------------------------------------------------------


def card(config: Mapping[str, Any]) -> str:
    """A model card in the layout of the Hugging Face hub: the model and its figures."""
    name = config["model"]["class"].rpartition(".")[2]
    lines = [
        "---",
        "library_name: genus",
        "license: apache-2.0",
        f"tags: [generative-model, {name.lower()}]",
        "---",
        "",
        f"# {name}",
        "",
        f"{config['parameters']:,} parameters; it can {', '.join(config['promises']) or 'only look'}.",
        "",
        "```python",
        "import genus",
        'model = genus.load("this folder")',
        "```",
        "",
    ]
    for title in ("recipe", "data", "training", "metrics"):
        if content := config.get(title):
            if title == "data":  # the names of its symbols and classes are for programs
                content = {k: v for k, v in content.items() if not isinstance(v, list | dict)}
            body = json.dumps(content, indent=2)
            lines += [f"## {title.capitalize()}", "", "```json", body, "```", ""]
    return "\n".join(lines)
