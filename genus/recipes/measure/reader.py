"""The reader of a world: the network that gives back the parameters of a picture."""

from collections.abc import Mapping

import torch

from ...core import Model, Pixels, Space
from ...data import Data
from ...data.splits import Batch, unpack
from ...data.worlds.parameters import Choice, Parameters
from ...data.worlds.wishes import recipe
from ...measure import Reader
from ...measure.readers.net import SIDE
from ...measure.readers.reader import SIZES, prepared
from ...measure.readers.truth import (
    labels_of,
    numbers_of,
    parameters_of,
    places_of,
    span,
    truth_of,
    world_of,
)
from ...train import Run, adamw
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

RUN = Run(
    rounds=8600,
    minutes=30,
    clock="processor",
    batch=64,
    lr=3e-3,
    autocast=True,
    evaluate_every=860,
    checkpoint_every=430,
)
AHEAD = 12  # batches that are drawn at once
TIMES = 3  # that each picture is dealt, damaged anew
CLEAN = 1000  # validation pictures


def reader(
    data: str = "portraits?size=64",
    width: int = 32,
    features: int = 192,
    decay: float = 1e-2,
    run: Run = RUN,
) -> Model:
    """Reader of portraits; target: 0.99 of each label right at 64 pixels.

    Args:
        data: name of a world, with its size.
        width: channels of the first convolution.
        features: features of the whole picture before the heads.
        decay: weight decay of AdamW.
        run: length, folder and device of the run.
    """
    source, space = loaded("reader", data, run, Pixels, axes="channels, height, width")
    model = Reader(space, source.name, width, features)
    return fitted(
        model,
        source,
        run,
        adamw(run.lr, decay),
        schedule=warmed(cosine, 0.05),
        evaluate=Wrong(source),
        rows=NewRows(source),
        picture=None,
    )


class NewRows:
    """Batches of new pictures with their truth: never a row of the test.

    Half the rows follow the laws of the world; half have every value of each label, and every number of an
    interval, equally often, so that the reader does not lean towards what is frequent. A third of the
    rows are drawn with 32 pixels.

    Args:
        source: data set of a world.
    """

    def __init__(self, source: Data):
        self.world = world_of(source.name)
        self.space = source.space
        self.context_space: Space | None = None
        even = {one.name: _even(one) for one in labels_of(self.world)}
        even |= {one.name: "{:g}..{:g}".format(*span(one)) for one in numbers_of(self.world)}
        self.laws = [
            recipe(self.world.name, self.world.parameters, self.world.spread(words))
            for words in ({}, even)
        ]
        self.fingerprint = f"{source.train.fingerprint} drawn"
        self.kept: tuple[object, Batch] | None = None

    def batch(self, number: int, size: int, seed: int) -> Batch:
        """The batch of this number: pictures, (n, 3, 64, 64), their truth and places."""
        turn, which = divmod(number, AHEAD * TIMES)
        which %= AHEAD
        key = (turn, size, seed)
        if self.kept is None or self.kept[0] != key:
            self.kept = (key, self._several(turn, AHEAD * size, seed))
        x, *known = (part[which::AHEAD] for part in self.kept[1])
        return unpack(x, Pixels((3, SIDE, SIDE))), *known

    def everything(self) -> Batch:
        """A fixed draw."""
        return self.batch(0, CLEAN, -1)

    def _several(self, turn: int, n: int, seed: int) -> Batch:
        rows = torch.arange(turn * n, (turn + 1) * n)
        halves = rows.split(-(-n // 2))
        drawn = [
            law.drawn((self.world.name, "reader", seed, number), half)
            for number, (law, half) in enumerate(zip(self.laws, halves, strict=False))
        ]
        found: Parameters = {name: torch.cat([half[name] for half in drawn]) for name in drawn[0]}
        small = rows % 3 == 0
        x = torch.empty(n, 3, SIDE, SIDE, dtype=torch.uint8)
        for side, some in ((SIZES[0], small), (SIDE, ~small)):
            which = some.nonzero()[:, 0]
            own = {name: value[which] for name, value in found.items()}
            space = Pixels((3, side, side))
            pictures = prepared(unpack(self.world.draw(own, side), space), space)
            x[which] = ((pictures + 1) * 127.5).round().to(torch.uint8)
        mixed = torch.randperm(n, generator=torch.Generator().manual_seed(turn))
        several = (x, truth_of(self.world, found), places_of(self.world, found))
        return tuple(part[mixed] for part in several)


def _even(one: Choice) -> str:
    return "+".join(f"{value}:1" for value in one.values)


class Wrong:
    """The shares of labels that are wrong on validation pictures of each size; settles what is refused.

    Args:
        source: data set of a world.
    """

    def __init__(self, source: Data):
        self.world = world_of(source.name)
        found = parameters_of(source.validation)
        self.found = {name: value[:CLEAN] for name, value in found.items()}
        self.truth = truth_of(self.world, self.found)

    def __call__(self, model: Model) -> Mapping[str, float]:
        assert isinstance(model, Reader)
        clean = [
            unpack(self.world.draw(self.found, side), Pixels((3, side, side))) for side in SIZES
        ]
        model.settle(clean, self.truth)  # of no weight in training
        wrong = 1 - model.shares.double()
        figures = {}
        for i, side in reversed([*enumerate(SIZES)]):
            figures[f"wrong_{side}"] = wrong[i].mean().item()
            figures[f"most_{side}"] = wrong[i].max().item()
        return figures
