"""The oracle: a small frozen classifier of a data set, through whose eyes samples are judged.

Distances between pixels mean little, and features of a large net trained on photographs mean little
on digits. So each labelled data set has a net of its own, trained by `genus.recipes.oracle` on the
train split alone. It sees the features before its last layer, and the most likely class.

    oracles/digits/    config.json and model.safetensors: an artifact, as `genus.fit` writes it

An oracle is known by the hash of its weights: figures of two oracles are not compared.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..core import Bits, Classes, Model, Pixels, Reals, Space, Terms
from ..nn import MLP
from .likelihood.likelihood import parts

SHIPPED = Path(__file__).parent / "oracles"
SPACES: dict[str, type[Space]] = {
    f"genus.core.{kind.__name__}": kind for kind in (Bits, Pixels, Reals)
}


class Seen(NamedTuple):
    """What an oracle makes of n rows."""

    features: Tensor  # (n, features), float64
    classes: Tensor  # (n,), int64: the most likely class


class Oracle(Model):
    """A classifier of x: convolutions for images (c, h, w), else a perceptron.

    Its features are normalised: a . b / d of two rows is a correlation, so that distances have a scale
    and the kernel has a bound.

    Args:
        space: what one x is. Bits are seen as 2 x - 1, so an oracle of images sees bits too.
        classes: how many.
        features: size of the layer before the last.
        width: channels after the first convolution, doubled when the image is halved.
        dropout: share of the features that is dropped while it learns, in [0, 1).
    """

    def __init__(
        self, space: Space, classes: int, features: int = 32, width: int = 32, dropout: float = 0.5
    ):
        super().__init__()
        if classes < 2:
            raise ValueError(f"Oracle: classes is {classes}; at least 2 are wanted")
        self.space, self.classes, self.features = space, classes, features
        self.width, self.dropout = width, dropout
        self.context_space = Classes(classes)
        if len(space.shape) == 3:
            body, size = _convolutions(space.shape, width)
        else:
            body, size = (
                [nn.Flatten(), MLP(space.dims, 4 * width, (4 * width,)), nn.SiLU()],
                4 * width,
            )
        last = [nn.Linear(size, features), nn.LayerNorm(features, elementwise_affine=False)]
        self.body = nn.Sequential(*body, nn.Dropout(dropout), *last)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(features, classes))

    def loss(self, x: Tensor, label: Tensor) -> Terms:
        """Cross-entropy of the label, nats per example."""
        return {"cross_entropy": cross_entropy(self.head(self.body(x)), label)}

    @torch.no_grad()
    def see(self, x: Tensor, space: Space) -> Seen:
        """Features and classes of rows of a space of the same shape, (n, *shape).

        Pixels are laid on their grid first: what is judged is what would be stored.
        """
        self.suits(space)
        at = next(self.parameters())
        features = []
        for (rows,) in parts((x,)):
            if isinstance(space, Bits):
                rows = 2 * rows - 1
            elif isinstance(space, Pixels):
                rows = space.quantise(rows)
            features.append(self.body(rows.to(at)))
        found = torch.cat(features)
        return Seen(found.double().cpu(), self.head(found).argmax(1).cpu())

    def suits(self, space: Space) -> None:
        """Raises ValueError if the oracle cannot see rows of this space."""
        if space.shape != self.space.shape:
            raise ValueError(
                f"Oracle: sees x of shape {self.space.shape}, not of {space}; train one on data "
                f"of that shape with the recipe 'oracle'"
            )

    def identity(self) -> str:
        """SHA-256 of names, types, shapes and values of the weights, in hexadecimal."""
        return _digest(self.state_dict())

    def account(self) -> dict[str, Any]:
        """What a protocol says of it."""
        return {"hash": self.identity()[:16], "features": self.features}


def _convolutions(shape: tuple[int, ...], width: int) -> tuple[list[nn.Module], int]:
    """Convolutions that halve the image until no side is above 4; and the size of what they give."""
    (channels, *sides), layers = shape, []
    while True:
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.SiLU()]
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.SiLU()]
        if max(sides) <= 4:
            return [*layers, nn.Flatten()], width * sides[0] * sides[1]
        layers.append(nn.AvgPool2d(2, ceil_mode=True))
        sides = [(side + 1) // 2 for side in sides]
        channels, width = width, 2 * width


# --- from disk --------------------------------------------------------------------------------


def oracle(source: str | Path) -> Oracle:
    """The frozen oracle of a data set of this name that ships with genus, or of a folder.

    Args:
        source: "digits"; or the folder that `genus fit oracle --out FOLDER` wrote.

    Raises:
        ValueError: there is no such oracle, or its files are damaged.
    """
    shipped = SHIPPED / str(source)
    folder = shipped if (shipped / "config.json").exists() else Path(source)
    try:
        made = json.loads((folder / "config.json").read_text())["model"]
        if made["class"] != f"{Oracle.__module__}.Oracle":
            raise ValueError(f"oracle: {folder} holds {made['class']}, not an oracle")
        arguments = dict(made["arguments"])
        told = arguments.pop("space")
        shape = tuple(told["arguments"].pop("shape"))
        with torch.random.fork_rng():  # who asks for an oracle draws the same noise as before
            found = Oracle(SPACES[told["class"]](shape, **told["arguments"]), **arguments)
    except FileNotFoundError:
        raise ValueError(
            f"oracle: there is none for '{source}', and no such folder; there are "
            f"{', '.join(shipped_names())}; train one with the recipe 'oracle'"
        ) from None
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"oracle: {folder}/config.json is damaged: {error!r}") from None
    averaged = folder / "ema.safetensors"
    weights = _weights(averaged if averaged.exists() else folder / "model.safetensors")
    try:
        found.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"oracle: {folder}: weights do not fit config.json: {error}") from None
    return found.requires_grad_(False).eval()


def shipped_names() -> list[str]:
    """Names of the data sets whose oracle ships with genus."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/config.json"))


def oracle_for(name: str, space: Space) -> Oracle | None:
    """The shipped oracle for data of this name, such as "digits" or "digits_pairs"; None without one."""
    for shipped in shipped_names():
        if name.split()[0] in (shipped, f"{shipped}_pairs"):
            found = oracle(shipped)
            return found if found.space.shape == space.shape else None
    return None


def _weights(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            said = (file.metadata() or {}).get("sha256")
    except (SafetensorError, OSError) as error:
        raise ValueError(f"oracle: {path} is missing, truncated, or damaged: {error}") from None
    if said != _digest(tensors):
        raise ValueError(f"oracle: {path} does not have the hash in its header: damaged")
    return tensors


def _digest(tensors: dict[str, Tensor]) -> str:
    whole = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        whole.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        whole.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return whole.hexdigest()
