"""A model on disk: a folder that is safe to open, for nothing in it is ever executed.

    config.json          the class, its hyper-parameters, its space and its origin, and a hash of the former
    model.safetensors    the weights; ema.safetensors the averaged ones, if there are any
    README.md            a model card, in the layout of the Hugging Face hub

What config.json names, and when it is built, parts.py says. A weights file carries the hash of its tensors in its header, so a damaged one is noticed.
Each file is written whole or not at all.
"""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from .._version import __version__
from ..core import Model
from ..core.files import write
from .finite import first_endless
from .parts import ArtifactError, decode, encode

BUILT = ("format", "model", "promises", "parameters", "averaged")  # what the hash is of
FORMAT = 2  # 2: public paths. Nothing that was released has written format 1


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
    built = {
        "format": FORMAT,
        "model": encode(model),
        "promises": sorted(model.promises()),
        "parameters": sum(p.numel() for p in model.parameters()),
        "averaged": average is not None,
    }
    config = {
        **built,
        "hash": hash_of(built),
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
        allow: full names of classes outside genus that may be built, such as "my.module.Net", and of
            builders that may be called, such as "my.module:build". Both run their code: name only
            what you trust.
        device: device of the loaded model.

    Raises:
        ArtifactError: the folder is no model, or is damaged, or wants a class that is not allowed.
    """
    folder = Path(folder)
    config = read_config(folder)
    path = _weights_file(folder, average and _averaged(folder, config))
    tensors, told = read_weights(path), config.get("parameters")
    held = sum(tensor.numel() for tensor in tensors.values())
    if not isinstance(told, int) or told > held:
        raise ArtifactError(
            f"{path}: holds {held:,} numbers, and config.json says that the model has "
            f"{told} parameters: they do not belong together"
        )
    try:
        model = decode(config["model"], allow=allow)
    except (MemoryError, RuntimeError) as error:  # torch says so that it has not got the memory
        first = str(error).splitlines()[0] if str(error) else "out of memory"
        raise ArtifactError(f"{folder}: its model cannot be built here: {first}") from None
    if not isinstance(model, Model):
        raise ArtifactError(f"{folder}: config.json describes {type(model).__name__}, not a model")
    for name, tensor in model.state_dict().items():
        if name in tensors and tensors[name].dtype != tensor.dtype:
            raise ArtifactError(
                f"{path}: {name} is {tensors[name].dtype}; {tensor.dtype} is wanted"
            )
    if name := first_endless(tensors.items(), {name for name, _ in model.named_buffers()}):
        raise ArtifactError(f"{path}: {name} has values that are not finite")
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
    told = config.get("hash")  # an older genus wrote none
    if told is not None and told != hash_of({name: config.get(name) for name in BUILT}):
        raise ArtifactError(
            f"{path}: what it says of the model does not have the hash that stands in it: damaged"
        )
    return config


def hash_of(built: Mapping[str, Any]) -> str:
    """SHA-256 of what config.json says of a model, in hexadecimal."""
    return hashlib.sha256(json.dumps(built, sort_keys=True).encode()).hexdigest()


def weights_hash(folder: Path, *, average: bool = True) -> str:
    """The hash of the weights that `load` reads, after a check."""
    averaged = average and _averaged(folder, read_config(folder))
    return digest(read_weights(_weights_file(folder, averaged)))


def _averaged(folder: Path, config: Mapping[str, Any]) -> bool:
    """Whether an artifact has averaged weights; if it says so and they are not there, that is an error."""
    known = config.get("averaged")
    return known if isinstance(known, bool) else (folder / "ema.safetensors").exists()


def _weights_file(folder: Path, average: bool) -> Path:
    return folder / ("ema.safetensors" if average else "model.safetensors")


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
