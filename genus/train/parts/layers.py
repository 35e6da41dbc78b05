"""Layers and containers of PyTorch, which are rebuilt from plain arguments, without being allowed by name.

They are safe to build: the constructor of each class below keeps numbers and words, and draws weights.
It takes no code, opens no file, and looks nothing up by name. A class that is not below, one of your
own that inherits from it, and a layer that was changed after it was built need another way: an
argument of your class, or `genus.train.built`.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from ...errors import RefusedType

PREFIX = "torch.nn."
CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")
DIMS = ("1d", "2d", "3d")
LAYERS = {
    *("Linear", "Bilinear", "Identity", "Embedding", "Flatten", "Unflatten", "MultiheadAttention"),
    *("RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell"),
    *(
        f"{kind}{d}"
        for d in DIMS
        for kind in ("Conv", "ConvTranspose", "BatchNorm", "InstanceNorm")
    ),
    *("GroupNorm", "LayerNorm", "RMSNorm", "LocalResponseNorm"),
    *("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"),
    *(f"{kind}{d}" for d in DIMS for kind in ("MaxPool", "AvgPool", "LPPool")),
    *(f"Adaptive{kind}Pool{d}" for d in DIMS for kind in ("Max", "Avg")),
    *(f"{kind}Pad{d}" for d in DIMS for kind in ("Zero", "Reflection", "Replication", "Circular")),
    *("ConstantPad1d", "ConstantPad2d", "ConstantPad3d", "Upsample", "UpsamplingNearest2d"),
    *("UpsamplingBilinear2d", "PixelShuffle", "PixelUnshuffle", "ChannelShuffle"),
    *(
        "ReLU",
        "ReLU6",
        "LeakyReLU",
        "PReLU",
        "RReLU",
        "ELU",
        "SELU",
        "CELU",
        "GELU",
        "SiLU",
        "Mish",
    ),
    *("Sigmoid", "LogSigmoid", "Tanh", "Tanhshrink", "Softplus", "Softshrink", "Softsign", "GLU"),
    *("Hardtanh", "Hardsigmoid", "Hardswish", "Hardshrink", "Threshold"),
    *("Softmax", "Softmin", "LogSoftmax", "Softmax2d"),
}
PLACED = {"device", "dtype"}  # arguments that say where weights lie
RECURRENT = (
    *("input_size", "hidden_size", "num_layers", "nonlinearity", "bias", "batch_first", "dropout"),
    *("bidirectional", "proj_size"),
)


def is_name(name: object) -> bool:
    """Whether this is the name of a layer or a container of PyTorch."""
    word = name.removeprefix(PREFIX) if isinstance(name, str) and name.startswith(PREFIX) else ""
    return word in LAYERS or word in CONTAINERS


def is_torchs(module: nn.Module) -> bool:
    """Whether a module is a layer or a container of PyTorch itself."""
    name = type(module).__name__
    return is_name(PREFIX + name) and getattr(nn, name) is type(module)


def encoded(module: nn.Module, encode: Callable[[object], Any]) -> dict[str, Any]:
    """A layer or a container of PyTorch as JSON.

    Args:
        module: one for which `is_torchs` holds.
        encode: function that writes an argument or a part.

    Raises:
        RefusedType: the layer is no longer as its arguments say.
    """
    name = type(module).__name__
    if name in CONTAINERS:
        parts = {key: encode(part) for key, part in module.named_children()}
        return {"class": PREFIX + name, "children": parts}
    arguments = {key: _plain(value) for key, value in _arguments(module).items()}
    with torch.device("meta"):
        twin = getattr(nn, name)(**arguments)
    if _shape(twin) != _shape(module):
        raise RefusedType(
            f"save: {name} was changed after it was built: {module!r}; build it by "
            f"genus.train.built('package.module:function'), a function of yours"
        )
    written = {key: encode(value) for key, value in arguments.items()}
    return {"class": PREFIX + name, "arguments": written}


def layer(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """The layer of this name.

    Args:
        name: name for which `is_name` holds.
        arguments: arguments of its constructor: numbers, words and sequences of them.
    """
    kind = getattr(nn, name.removeprefix(PREFIX))
    if strange := [key for key in arguments if key not in _parameters(kind)]:
        raise ValueError(f"it takes no {', '.join(strange)}")
    if odd := [key for key, value in arguments.items() if not _is_plain(value)]:
        raise ValueError(f"{', '.join(odd)} must be plain")
    return kind(**arguments)


def container(name: str, parts: Mapping[str, Any]) -> nn.Module:
    """The container of this name, of parts by their names."""
    kind = getattr(nn, name.removeprefix(PREFIX))()
    if odd := [key for key, part in parts.items() if not isinstance(part, nn.Module)]:
        raise ValueError(f"{', '.join(odd)} must be a module")
    for key, part in parts.items():
        kind.add_module(key, part)
    return kind


def _parameters(kind: type[nn.Module]) -> dict[str, Any]:
    """The arguments of a layer's constructor, with their defaults."""
    if issubclass(kind, nn.RNNBase):
        return dict.fromkeys(RECURRENT, None)
    found = inspect.signature(kind).parameters
    return {
        name: p.default
        for name, p in found.items()
        if name not in PLACED and not name.startswith("_")
    }


def _arguments(module: nn.Module) -> dict[str, Any]:
    """The arguments that a layer was built with; what it does not keep is its default."""
    found = {
        name: getattr(module, name)
        for name in _parameters(type(module))
        if hasattr(module, name) and name != "bias"
    }
    if isinstance(module, nn.RNNBase | nn.RNNCellBase):
        if not isinstance(module, nn.LSTM):
            found.pop("proj_size", None)  # they have it, and do not take it
        return found | {"bias": module.bias}
    if isinstance(module, nn.MultiheadAttention):
        own = {"bias": module.in_proj_bias, "add_bias_kv": module.bias_k}
        return found | {name: weight is not None for name, weight in own.items()}
    if "bias" in _parameters(type(module)):
        found["bias"] = module.bias is not None
    return found


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, tuple | list) else value


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _shape(module: nn.Module) -> tuple[str, dict[str, torch.Size]]:
    """The settings that a layer prints, and the shapes of its weights."""
    return repr(module), {name: x.shape for name, x in module.state_dict().items()}
