"""A reader by a network: it gives back the parameters of a world from pictures of any size.

A network that all parameters share (net.py), whose last layer gives for each label a distribution over its
values, for each number a normal with a mean and a spread. With truth y where it shows,

    labels     the mean over labels of  -log softmax(head)[y]
    numbers    the mean over numbers of  (y - mean)^2 / 2 spread^2 + log spread
    places     the mean square of the distance to where the eyes and the mouth are

What does not show in a picture takes no part. A share of the pictures are blurred, noisy, quantised in
blocks or reduced, so that the reader also reads what generators draw.

A reader refuses what it cannot read: where the mean, over the labels that show, of the log of the largest
probability is below a limit. The limit of each size is that below which one in a hundred of clean validation
pictures lies.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, interpolate

from ...core import Losses, Model, Pixels, Refused, Space, at_least
from ...data import Data
from ...data.worlds.parameters import Choice
from ...train.artifact import digest
from ..extractors.damage import blocky, blurred, noisy, reduced
from ..frozen import frozen
from .net import SIDE, Net
from .truth import ALIKE, PLACES, drawn_by, labels_of, numbers_of, right, shown, world_of

SIZES = (32, 64)  # pixels, that have limits of their own
DAMAGED = 4  # one picture of so many is damaged in training
WEIGHT = 0.3  # of the loss of numbers
PLACED = 5.0  # and of places
ROWS = 250  # pictures in one pass
TRUSTED = 0.97  # of validation pictures right, so that a label serves a judge
USUAL = 0.01  # share of clean pictures that are refused
SHIPPED = Path(__file__).parent.parent.parent / "readers"


class Readings(NamedTuple):
    """What was read from n pictures.

    Args:
        labels: value of each label, by name, (n,) int64.
        shows: whether each label and number shows, as far as the labels say, by name, (n,) bool.
        numbers: each number in its unit, by name, (n,) float32.
        spreads: standard deviation that the reader gives each, by name, (n,) float32.
        confidence: mean log of the largest probability of the labels that show, (n,), at most 0.
        refused: whether the picture cannot be read, (n,) bool.
    """

    labels: dict[str, Tensor]
    shows: dict[str, Tensor]
    numbers: dict[str, Tensor]
    spreads: dict[str, Tensor]
    confidence: Tensor
    refused: Tensor


class Reader(Model):
    """A network that reads the parameters of a world.

    Args:
        space: space of the pictures that it learns from, (3, side, side); it reads those of other sides
            as well.
        world: name of the world, such as "portraits".
        width: channels of the first convolution.
        features: features of the whole picture before the heads.
    """

    limits: Tensor  # of the confidence, for each of SIZES
    shares: Tensor  # of validation pictures in which each label is right, (sizes, labels)

    def __init__(
        self, space: Pixels, world: str = "portraits", width: int = 32, features: int = 192
    ):
        super().__init__()
        at_least(1, "Reader", width=width, features=features)
        self.space, self.world, self.width, self.features = space, world, width, features
        self.suits(space)
        known = world_of(world)
        self.labels, self.numbers = labels_of(known), numbers_of(known)
        self.counts = [len(one.values) for one in self.labels]
        outputs = sum(self.counts) + 2 * len(self.numbers)
        self.net = Net(width, features, PLACES.get(world, 0), outputs)
        self.register_buffer("limits", torch.full((len(SIZES),), -torch.inf))
        self.register_buffer("shares", torch.zeros(len(SIZES), len(self.labels)))

    def suits(self, space: Space) -> None:
        """Raises Refused if the reader cannot read x of this space."""
        if not isinstance(space, Pixels) or len(space.shape) != 3 or space.shape[0] != 3:
            raise Refused(f"Reader: x is {space}; it reads pictures in three colours, (3, h, w)")

    def loss(self, x: Tensor, truth: Tensor, places: Tensor) -> Losses:
        """The losses of pictures, (n, 3, 64, 64), a quarter of which is damaged first.

        Args:
            x: pictures.
            truth: what `truth.truth_of` gives, (n, labels + numbers), NaN where it does not show.
            places: what `truth.places_of` gives, (n, places, 2).
        """
        some = len(x) // DAMAGED
        logits, mean, spread, near = self(torch.cat([worn(x[:some]), x[some:]]), places)
        known = truth[:, : len(self.labels)]
        whole = torch.where(known.isnan(), -100.0, known).long()  # -100 is left out
        found = [
            cross_entropy(head, whole[:, i], reduction="sum")
            / (whole[:, i] >= 0).sum().clamp(min=1)
            for i, head in enumerate(logits)
        ]
        aim = truth[:, len(self.labels) :]
        away = 0.5 * ((aim.nan_to_num() - mean) / spread).square() + spread.log()
        there = (~aim.isnan()).float()
        numbers = (away * there).sum() / there.sum().clamp(min=1)
        losses = {"labels": torch.stack(found).mean(), "numbers": WEIGHT * numbers}
        if near.shape[1]:
            losses["places"] = PLACED * (near - places).square().mean()
        return losses

    def forward(
        self, x: Tensor, places: Tensor | None = None
    ) -> tuple[Sequence[Tensor], Tensor, Tensor, Tensor]:
        """Logits of each label, (n, values); mean and spread of numbers, (n, numbers), -1 to 1; places.

        Args:
            x: pictures, (n, 3, 64, 64).
            places: true places, (n, places, 2), in training.
        """
        out, found = self.net(x, places)
        *logits, mean, spread = out.split([*self.counts, *[len(self.numbers)] * 2], 1)
        return logits, mean, spread.clamp(-4, 1).exp(), found

    @torch.no_grad()
    def read(self, x: Tensor, space: Space | None = None) -> Readings:
        """Reads pictures of a space of pictures, (n, 3, h, w), by default of its own."""
        self.suits(space := space or self.space)
        at = next(self.parameters())
        parts = [self(prepared(part.to(at), space)) for part in x.split(ROWS)]
        logits = [
            torch.cat(heads).float().cpu() for heads in zip(*(p[0] for p in parts), strict=True)
        ]
        mean, spread = (torch.cat([part[i] for part in parts]).float().cpu() for i in (1, 2))
        log_p = {
            one.name: head.log_softmax(1) for one, head in zip(self.labels, logits, strict=True)
        }
        labels = {name: values.argmax(1) for name, values in log_p.items()}
        numbers, spreads = {}, {}
        for i, one in enumerate(self.numbers):
            half = 0.5 * (one.high - one.low)
            numbers[one.name] = one.low + half * (mean[:, i] + 1)
            spreads[one.name] = half * spread[:, i]
        # a law of what shows may ask for numbers; each within its range
        given = labels | {
            one.name: numbers[one.name].clamp(one.low, one.high) for one in self.numbers
        }
        shows = {one.name: shown(one, given) for one in (*self.labels, *self.numbers)}
        there = torch.stack([shows[name] for name in log_p]).float()
        surest = torch.stack([values.amax(1) for values in log_p.values()])
        confidence = (surest * there).sum(0) / there.sum(0)
        limit = self.limits[nearest_size(space.shape[-1])].item()
        return Readings(labels, shows, numbers, spreads, confidence, confidence < limit)

    @torch.no_grad()
    def settle(self, clean: Sequence[Tensor], truth: Tensor) -> None:
        """Sets what is refused, and which labels are trusted, by clean validation pictures.

        Args:
            clean: the same pictures in each of SIZES, (n, 3, size, size).
            truth: their truth, (n, labels + numbers).
        """
        for i, x in enumerate(clean):
            reading = self.read(x, Pixels(tuple(x.shape[1:])))
            self.limits[i] = reading.confidence.double().quantile(USUAL).to(self.limits)
            shares = [found.double().mean() for found in right(reading.labels, truth).values()]
            self.shares[i] = torch.stack(shares).nan_to_num().to(self.shares)

    def trusted(self, side: int) -> list[Choice]:
        """The labels that are read well enough for a judge, of pictures of this side in pixels."""
        shares = self.shares[nearest_size(side)].tolist()
        return [one for one, share in zip(self.labels, shares, strict=True) if share >= TRUSTED]

    def identity(self) -> str:
        """SHA-256 of names, types, shapes and values of the weights, in hexadecimal."""
        return digest(self.state_dict())

    def account(self) -> dict[str, Any]:
        """The entry of the reader in a protocol."""
        return {"name": self.world, "hash": self.identity()[:16]}


def prepared(x: Tensor, space: Space) -> Tensor:
    """Pictures as the network takes them, (n, 3, 64, 64), on the grid of their space."""
    x = space.quantise(x) if isinstance(space, Pixels) else x
    if x.shape[2:] != (SIDE, SIDE):
        x = interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True)
    return x


def nearest_size(side: int) -> int:
    """Which of SIZES is nearest to a side, in pixels, by their ratio."""
    return min(range(len(SIZES)), key=lambda i: max(SIZES[i] / side, side / SIZES[i]))


def worn(x: Tensor) -> Tensor:
    """Pictures, (n, 3, h, w), each a little blurred, noisy, quantised in blocks or reduced."""
    found = []
    for number, part in enumerate(x.tensor_split(4)):
        if not len(part):
            continue
        strength = torch.rand(len(part), device=x.device)
        if number == 0:
            part = blurred(part, 0.2 + strength)
        elif number == 1:
            part = noisy(part, 0.15 * strength)
        elif number == 2:
            part = blocky(part, 0.05 + 0.4 * strength)
        else:
            part = reduced(part, 2)
        found.append(part)
    return torch.cat(found) if found else x


# --- from disk --------------------------------------------------------------------------------


def reader(source: str | Path) -> Reader:
    """The frozen reader of a world of this name that ships with genus, or of a folder.

    Args:
        source: name of a world, such as "portraits"; or a folder from `genus fit reader --out FOLDER`.

    Raises:
        Refused: there is no such reader, or its files are damaged.
    """
    folder = SHIPPED / str(source) if str(source) in shipped_readers() else Path(source)
    names = ", ".join(shipped_readers()) or "none"
    missing = f"there is none for '{source}', and no such folder; there are {names}"
    return frozen("reader", folder, Reader, f"{missing}; train one with the recipe 'reader'")


def shipped_readers() -> list[str]:
    """Names of the worlds whose reader ships with genus."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/config.json"))


def reader_for(data: Data) -> Reader | None:
    """The shipped reader of data that are a world of pictures with known truth; None without one."""
    name = ALIKE.get(data.name, data.name)
    known = name in shipped_readers() and drawn_by(data.train)
    return reader(name) if known else None
