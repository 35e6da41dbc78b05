"""What rebuilds a model, as JSON: its class, and the arguments of its constructor.

    {"class": "genus.nn.MLP", "arguments": {...}}      a module, a space or another plain record
    {"class": "torch.nn.Linear", "arguments": {...}}   a layer of PyTorch; layers.py says which
    {"class": ..., "builder": "my.nets:build", "arguments": {...}}   what a function of yours builds
    {"function": "genus.functional.adversarial.r1"}    a formula of genus

Classes are named by their public path, such as genus.vae.VAE: the folder of genus that exports the
class, not the file that defines it. So files may move, and saved models still load. What is outside
genus and PyTorch's plain layers is code of its own: it is built only where its name is allowed.
"""

import importlib
import inspect
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from types import FunctionType, ModuleType
from typing import Any

from torch import nn

from ...core import Refused, hyperparameters
from ...errors import RefusedType
from ...families import FAMILIES
from . import layers

# the folders whose functions a saved model may name; what it may build lies anywhere
FORMULAS = {"functional", "nn", *FAMILIES}
NOTED = "built_by"  # attribute of a module that a builder has built
MEND = (
    "keep each argument as an attribute of the same name, or build it by "
    "genus.train.built('package.module:function'), a function of yours"
)


class ArtifactError(Refused):
    """A folder that is not a whole model, or one that may not be opened."""


def built(builder: str, **arguments: object) -> Any:
    """The module that a function of yours builds, which can then be saved, whatever it is made of.

    `save` notes the function and its arguments, with the weights. `load` calls it again, and only if
    it is allowed by name: `genus.load(folder, allow=["my.nets:build"])`.

    Args:
        builder: name of the function, "package.module:function", which returns an `nn.Module`.
        arguments: its arguments: numbers, strings, sequences, spaces, modules that can be saved.

    Raises:
        Refused: there is no such function, or it returns something else.
    """
    noted = {name: encode(value) for name, value in arguments.items()}
    module_name, colon, name = builder.partition(":")
    if not (colon and module_name and name) or module_name == "__main__":
        raise Refused(
            f"built: the builder is '{builder}'; 'package.module:function' is wanted, of a file that "
            f"can be imported"
        )
    if (home := imported(module_name)) is None:
        raise Refused(f"built: there is no module {module_name}, of the builder {builder}")
    if (function := getattr(home, name, None)) is None:
        raise Refused(f"built: {module_name} has no {name}, of the builder {builder}")
    module = function(**arguments)
    if not isinstance(module, nn.Module):
        raise RefusedType(f"built: {builder} returns {type(module).__name__}; a module is wanted")
    setattr(module, NOTED, {"builder": builder, "arguments": noted})
    return module


def imported(name: str) -> ModuleType | None:
    """The module of this name; None if there is none. An error inside it is that of its author."""
    try:
        return importlib.import_module(name) if name else None
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        return None


def encode(value: object) -> Any:
    """A hyper-parameter as JSON. Modules, spaces and functions become their names and arguments."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, FunctionType) and "<" not in value.__qualname__:
        return {"function": _known(value)}
    if isinstance(value, nn.Module) and isinstance(how := getattr(value, NOTED, None), dict):
        kind = type(value)
        return {"class": f"{kind.__module__}.{kind.__qualname__}", **how}
    if isinstance(value, nn.Module) and layers.is_torchs(value):
        return layers.encoded(value, encode)
    if isinstance(value, nn.Module):
        arguments = _arguments(value)
    elif is_dataclass(value) and not isinstance(value, type):
        arguments = {field.name: getattr(value, field.name) for field in fields(value)}
    else:
        raise RefusedType(
            f"save: a hyper-parameter is {type(value).__name__}: {value!r}; wanted are "
            f"numbers, strings, sequences, spaces, modules and named functions; or {MEND}"
        )
    return {
        "class": _known(type(value)),
        "arguments": {name: encode(item) for name, item in arguments.items()},
    }


def outside(value: Any) -> list[str]:
    """The names in what `encode` wrote that are of code outside genus: what `load` must be allowed."""
    found: list[str] = []
    if isinstance(value, list):
        found = [name for item in value for name in outside(item)]
    elif isinstance(value, dict):
        own = next((value[word] for word in ("builder", "function", "class") if word in value), "")
        if (
            isinstance(own, str)
            and own
            and not own.startswith("genus.")
            and not layers.is_name(own)
        ):
            found.append(own)
        for word in ("arguments", "children"):
            found += outside([*value.get(word, {}).values()])
    return [*dict.fromkeys(found)]


def _arguments(module: nn.Module) -> dict[str, object]:
    """The arguments of a module's constructor."""
    try:
        return hyperparameters(module)
    except RefusedType as error:
        raise RefusedType(f"save: {str(error).partition('; ')[0]}; {MEND}") from None


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
    if "builder" in value:
        return _rebuilt(value, allow)
    if layers.is_name(value.get("class")):
        return _of_torch(value, allow)
    kind = _find(value.get("class"), allow)
    if not (inspect.isclass(kind) and (issubclass(kind, nn.Module) or is_dataclass(kind))):
        raise ArtifactError(f"config.json: {value['class']} is not a module or a plain record")
    arguments = _given(value, allow)
    try:
        return kind(**arguments)
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"config.json: cannot build {value['class']}: {error}") from None


def _given(value: dict[str, Any], allow: Sequence[str], word: str = "arguments") -> dict[str, Any]:
    """The arguments that are written with a class or a builder."""
    given = value.get(word, {})
    if not isinstance(given, dict):
        raise ArtifactError(f"config.json: the {word} of {value.get('class')} are not named")
    return {name: decode(item, allow=allow) for name, item in given.items()}


def _rebuilt(value: dict[str, Any], allow: Sequence[str]) -> Any:
    """What a builder builds, if it is allowed."""
    if (builder := value["builder"]) not in allow:
        raise ArtifactError(
            f"config.json: wants {builder} to build a {value.get('class')}, which is outside genus; if "
            f"you trust its code, load with allow=[{builder!r}], or --allow {builder}"
        )
    return built(builder, **_given(value, allow))


def _of_torch(value: dict[str, Any], allow: Sequence[str]) -> nn.Module:
    """A layer or a container of PyTorch."""
    word, build = "arguments", layers.layer
    if "children" in value:
        word, build = "children", layers.container
    given = _given(value, allow, word)
    try:
        return build(value["class"], given)
    except (TypeError, ValueError, RuntimeError) as error:
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
            f"allow=[{path!r}], or --allow {path}"
        )
    if (found := getattr(imported(module), name, None)) is None:
        rest = "here: it was defined in a script" if module == "__main__" else "in this version"
        raise ArtifactError(f"config.json: there is no {path} {rest}")
    home = str(getattr(found, "__module__", "")).split(".")
    if isinstance(found, FunctionType) and inside and not FORMULAS & {*home[1:2]}:
        raise ArtifactError(f"config.json: {path} is no formula, so no model may name it")
    if not (isinstance(found, type | FunctionType) and home[0] == module.split(".")[0]):
        raise ArtifactError(f"config.json: {path} is not defined there")
    if (public := public_path(found)) != path:
        raise ArtifactError(f"config.json: {path} is not its public name, which is {public}")
    return found
