"""The oracle: a small frozen classifier of a data set, whose features and classes judge samples.

Distances between pixels mean little, and features of a large net trained on photographs mean little
on digits. So each labelled data set has a net of its own, trained by `genus.recipes.measure.oracle`
on the training split alone. It gives the features before its last layer, and the most likely class.

    genus/oracles/digits/    config.json and model.safetensors: an artifact, as `genus.fit` writes it

An oracle is identified by the hash of its weights: figures of two oracles are not compared.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..core import Bits, Classes, Losses, Model, Pixels, Refused, Space, at_least
from ..nn import MLP
from ..train.artifact import digest
from .frozen import frozen

ROWS = 500  # rows in one pass
SHIPPED = Path(__file__).parent.parent / "oracles"


class OracleOutput(NamedTuple):
    """The features and classes of n rows."""

    features: Tensor  # (n, features), float64
    classes: Tensor  # (n,), int64: the most likely class


class Oracle(Model):
    """A classifier of x: convolutions for images (c, h, w), else a perceptron.

    Its features are normalised: a . b / d of two rows is a correlation, which fixes the scale of
    distances and bounds the kernel.

    Args:
        space: space of x. Bits are read as 2 x - 1, so an oracle of images can judge bits too.
        classes: number of classes.
        features: size of the layer before the last.
        width: channels after the first convolution, doubled when the image is halved.
        dropout: share of the features set to zero in a round of training, in [0, 1).
    """

    def __init__(
        self, space: Space, classes: int, features: int = 32, width: int = 32, dropout: float = 0.5
    ):
        super().__init__()
        at_least(2, "Oracle", classes=classes)
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

    def loss(self, x: Tensor, label: Tensor) -> Losses:
        """Cross-entropy of the label, nats per example."""
        return {"cross_entropy": cross_entropy(self.head(self.body(x)), label)}

    @torch.no_grad()
    def see(self, x: Tensor | Iterable[Tensor], space: Space) -> OracleOutput:
        """The features and classes of rows of a space of the same shape, (n, *shape), or blocks of them.

        Pixels are rounded to their grid first, as they would be stored.
        """
        self.suits(space)
        at = next(self.parameters())
        features = []
        for rows in x.split(ROWS) if isinstance(x, Tensor) else x:
            if isinstance(space, Bits):
                rows = 2 * rows - 1
            elif isinstance(space, Pixels):
                rows = space.quantise(rows)
            features.append(self.body(rows.to(at)))
        found = torch.cat(features)
        return OracleOutput(found.double().cpu(), self.head(found).argmax(1).cpu())

    def suits(self, space: Space) -> None:
        """Raises Refused if the oracle cannot see rows of this space."""
        if space.shape != self.space.shape:
            raise Refused(
                f"Oracle: sees x of shape {self.space.shape}, not of {space}; train one on data "
                f"of that shape with the recipe 'oracle'"
            )

    def identity(self) -> str:
        """SHA-256 of names, types, shapes and values of the weights, in hexadecimal."""
        return digest(self.state_dict())

    def account(self) -> dict[str, Any]:
        """The entry of the oracle in a protocol."""
        return {"hash": self.identity()[:16], "features": self.features}


def _convolutions(shape: tuple[int, ...], width: int) -> tuple[list[nn.Module], int]:
    """Convolutions that halve the image until no side is above 4; and the size of their output."""
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
        source: name of data, such as "digits"; or a folder from `genus fit oracle --out FOLDER`.

    Raises:
        Refused: there is no such oracle, or its files are damaged.
    """
    shipped = SHIPPED / str(source)
    folder = shipped if str(source) in shipped_names() else Path(source)
    names = ", ".join(shipped_names())
    missing = f"there is none for '{source}', and no such folder; there are {names}"
    return frozen("oracle", folder, Oracle, f"{missing}; train one with the recipe 'oracle'")


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
