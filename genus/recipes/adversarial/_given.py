"""Networks and penalties that the recipes of games with classes take alike."""

from typing import NamedTuple

from torch import nn

from ...adversarial.nets.given import GivenGenerator
from ...core import Attributes, Classes, Pixels, Reals, Refused, Space
from ...data import Data
from ...functional.adversarial.penalties import Penalty, r1
from ...nn import MLP, ConvDecoder, ConvEncoder, Labels, SeveralLabels
from ...train import Run
from .._fitted import context_of, loaded

Shape = tuple[int, int, int]


class ClassesBegun(NamedTuple):
    """What recipes of games with classes begin with."""

    source: Data
    space: Space
    count: int  # of classes
    generator: GivenGenerator


class Told(NamedTuple):
    """What networks are told of a row: its class, or several labels."""

    space: Classes | Attributes

    @property
    def numbers(self) -> int:
        """How many numbers it becomes."""
        return self.space.count if isinstance(self.space, Classes) else sum(self.space.counts)

    def embed(self) -> nn.Module:
        """Makes these numbers of it."""
        if isinstance(self.space, Classes):
            return Labels(self.space.count)
        return SeveralLabels(self.space.counts)


def with_labels(source: Data) -> Data:
    """Data given the labels that were asked for, as in portraits?context=smile,glasses; else given their class."""
    return source if isinstance(source.context_space, Attributes) else source.labelled()


def of_one_class(source: Data) -> Data:
    """Data given one class: of labels that were asked for, each combination is one."""
    return source.crossed() if isinstance(source.context_space, Attributes) else source.labelled()


def told_of(who: str, source: Data) -> Told:
    """What data have to tell."""
    if isinstance(source.context_space, Attributes):
        return Told(source.context_space)
    return Told(context_of(who, source, Classes, "digits"))


def generator_of(who: str, space: Space, told: Told, latent: int, width: int) -> GivenGenerator:
    """z and what is told to rows: convolutions for images, perceptrons for vectors."""
    beside = latent + told.numbers
    net: nn.Module
    if (shape := image_of(space)) is not None:
        net = ConvDecoder(beside, shape, width)
    else:
        net = MLP(beside, _vector(who, space), (8 * width,) * 3, activation="relu")
    return GivenGenerator(net, told.embed())


def critic_of(who: str, space: Space, outputs: int, width: int, beside: int = 0) -> nn.Module:
    """Rows, with so many numbers beside them, to so many outputs."""
    if (shape := image_of(space)) is not None:
        channels, height, breadth = shape
        return ConvEncoder((channels + beside, height, breadth), outputs, width)
    return MLP(_vector(who, space) + beside, outputs, (8 * width,) * 3, activation="relu")


def begun(who: str, data: str, run: Run, latent: int, width: int) -> ClassesBegun:
    """The data given one class, and a generator of them."""
    source, space = loaded(who, data, run, view=of_one_class)
    classes = context_of(who, source, Classes, "digits")
    generator = generator_of(who, space, Told(classes), latent, width)
    return ClassesBegun(source, space, classes.count, generator)


def image_of(space: Space) -> Shape | None:
    """Channels, height and width of an image; None of vectors."""
    if isinstance(space, Pixels) and len(space.shape) == 3:
        channels, height, breadth = space.shape
        return channels, height, breadth
    return None


def steepness(weight: float) -> list[Penalty]:
    """The penalty on the critic's slope at data, or none."""
    return [Penalty(r1, weight)] if weight else []


def _vector(who: str, space: Space) -> int:
    if isinstance(space, Reals) and len(space.shape) == 1:
        return space.dims
    raise Refused(f"{who}: the data are of {space}; Reals((d,)) or pixels of images are wanted")
