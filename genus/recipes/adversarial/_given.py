"""Networks and penalties that the recipes of games with classes take alike."""

from torch import nn

from ...adversarial.nets.given import GivenGenerator
from ...core import Pixels, Reals, Refused, Space
from ...functional.adversarial.penalties import Penalty, r1
from ...nn import MLP, ConvDecoder, ConvEncoder, Labels

Shape = tuple[int, int, int]


def generator_of(who: str, space: Space, classes: int, latent: int, width: int) -> GivenGenerator:
    """z and a class to rows: convolutions for images, perceptrons for vectors."""
    beside = latent + classes
    net: nn.Module
    if (shape := image_of(space)) is not None:
        net = ConvDecoder(beside, shape, width)
    else:
        net = MLP(beside, _vector(who, space), (8 * width,) * 3, activation="relu")
    return GivenGenerator(net, Labels(classes))


def critic_of(who: str, space: Space, outputs: int, width: int, beside: int = 0) -> nn.Module:
    """Rows, with so many numbers beside them, to so many outputs."""
    if (shape := image_of(space)) is not None:
        channels, height, breadth = shape
        return ConvEncoder((channels + beside, height, breadth), outputs, width)
    return MLP(_vector(who, space) + beside, outputs, (8 * width,) * 3, activation="relu")


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
