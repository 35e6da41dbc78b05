"""Constraints on weights, by name: what a layer computes with is a function of what is learned.

    spectral     W / sigma(W): the largest singular value is 1
    weight       g v / |v|: length and direction of each output's weights are learned apart
    equalised    W sqrt(2 / fan in), W begun with N(0, 1): every layer learns at the same pace

W is a layer's weight as a matrix with one row for each output. sigma is found by power iteration, one
step in each pass of training, from where the last one stopped; its gradient is taken, that of the
singular vectors is not. A dense layer is then 1-Lipschitz. A convolution need not be: W sees one
window, and windows overlap, so that its slope can be as large as the root of how many windows a
number lies in. In evaluation the singular vectors are left alone; an average of weights is divided
by a sigma along the last weights' vectors.

Source: Miyato and others, "Spectral normalization for generative adversarial networks", 2018,
    arXiv:1802.05957, algorithm 1; Salimans, Kingma, "Weight normalization", 2016, arXiv:1602.07868,
    equation 2; Karras and others, "Progressive growing of GANs", 2018, arXiv:1710.10196, section 4.1;
    orthogonal beginnings: Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks", 2014, arXiv:1312.6120.
Departs: the equalised fan in of a transposed convolution counts the weights that meet in one output.
"""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from ..errors import Refused

Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding


class Scaled(nn.Module):
    """A weight times a number that is not learned."""

    def __init__(self, scale: float):
        super().__init__()
        self.scale = scale

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.scale

    def right_inverse(self, weight: Tensor) -> Tensor:
        """What becomes this weight."""
        return weight / self.scale


def spectral(layer: Layer) -> None:
    """The largest singular value is 1."""
    parametrizations.spectral_norm(layer)


def weight(layer: Layer) -> None:
    """Length and direction of each output's weights apart; what is computed does not change."""
    parametrizations.weight_norm(layer, dim=1 if isinstance(layer, nn.ConvTranspose2d) else 0)


def equalised(layer: Layer) -> None:
    """Weights drawn anew, N(0, 1), and scaled by He's constant wherever they are used."""
    scale = 1.0 if isinstance(layer, nn.Embedding) else math.sqrt(2 / _fan_in(layer))
    nn.init.normal_(layer.weight)
    with torch.no_grad():
        layer.weight.mul_(scale)
    parametrize.register_parametrization(layer, "weight", Scaled(scale))


CONSTRAINTS: dict[str, Callable[[Layer], None]] = {
    "spectral": spectral,
    "weight": weight,
    "equalised": equalised,
}


def constrain(network: nn.Module, constraint: str | None) -> None:
    """Binds every dense layer, convolution and embedding of a network that is not bound already.

    A network does this at the end of its constructor, when its weights have their first values, so
    that whoever rebuilds it from its arguments finds the same names in its state.

    Args:
        network: changed in place.
        constraint: a key of `CONSTRAINTS`; None leaves the weights alone.
    """
    if constraint is None:
        return
    if constraint not in CONSTRAINTS:
        wanted = ", ".join(CONSTRAINTS)
        raise Refused(
            f"{type(network).__name__}: constraint is {constraint!r}; one of {wanted}, or None, is "
            f"wanted"
        )
    for layer in _layers(network):
        if not parametrize.is_parametrized(layer, "weight"):
            CONSTRAINTS[constraint](layer)


@torch.no_grad()
def orthogonal(network: nn.Module, gain: float = 1.0) -> None:
    """Draws every weight anew, as a matrix with orthogonal rows, or columns, of length `gain`.

    Layers that are bound are given what becomes such a matrix; a spectral layer makes it of gain 1.
    """
    for layer in _layers(network):
        turned = int(isinstance(layer, nn.ConvTranspose2d))  # its outputs are on the second axis
        shape = layer.weight.transpose(0, turned).shape
        fresh = nn.init.orthogonal_(layer.weight.new_empty(shape), gain).transpose(0, turned)
        if parametrize.is_parametrized(layer, "weight"):
            layer.weight = fresh  # pyright: ignore[reportAttributeAccessIssue]
            was = layer.training
            _ = layer.train().weight  # one step of the power iteration, which is all it takes
            layer.train(was)
        else:
            layer.weight.copy_(fresh)


def _layers(network: nn.Module) -> Iterator[Layer]:
    return (module for module in network.modules() if isinstance(module, Layer))


def _fan_in(layer: Layer) -> float:
    """How many weights meet in one output."""
    window = math.prod(layer.weight.shape[2:])
    if isinstance(layer, nn.ConvTranspose2d):
        return layer.weight.shape[0] * window / math.prod(layer.stride)
    return layer.weight.shape[1] * window
