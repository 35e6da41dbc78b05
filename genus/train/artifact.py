"""A model on disk: a folder that is safe to open, for nothing in it is ever executed.

    config.json          the class, its hyper-parameters, its space and its origin
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
from .parts import ArtifactError, decode, encode

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
        allow: full names of classes outside genus that may be built, such as "my.module.Net", and of
            builders that may be called, such as "my.module:build". Both run their code: name only
            what you trust.
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
