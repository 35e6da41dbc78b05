"""Normalisation of hidden layers, by name, and what each means for sampling.

    batch       by the batch in training; in evaluation by a reference batch of the network's own,
                which goes through together with the rows wanted
    running     by the batch in training; in evaluation by running means of what training saw
    layer       each row by its own numbers
    instance    each channel of each row by its own numbers
    none        not at all

Which to sample with? A sample must be a function of its own latent and of the weights, and it must be
right for averaged weights, with which one samples. `layer`, `instance` and `none` are so by nature.
`batch` is so because its statistics are those of the weights at hand, at the price of 128 more rows in
each pass. `running` statistics belong to the weights of the last rounds: of an average of weights
they are wrong until `standing` has computed them anew, and then sampling costs nothing more. To
normalise samples by each other is not offered: put the network in training to see that.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ...errors import Refused
from .reference import ReferenceNorm

NORMS: dict[str, Callable[[int, int], nn.Module]] = {
    "batch": lambda channels, rows: ReferenceNorm(channels, rows),
    "running": lambda channels, rows: nn.BatchNorm2d(channels),
    "layer": lambda channels, rows: nn.GroupNorm(1, channels),
    "instance": lambda channels, rows: nn.InstanceNorm2d(channels, affine=True),
    "none": lambda channels, rows: nn.Identity(),
}


def normalisation(name: str, channels: int, rows: int = 0) -> nn.Module:
    """A layer that normalises maps, (n, channels, h, w).

    Args:
        name: a key of `NORMS`.
        channels: number of channels.
        rows: reference rows of `batch` in evaluation; 0 takes all of a batch.
    """
    if name not in NORMS:
        raise Refused(f"norm is {name!r}; one of {', '.join(NORMS)} is wanted")
    return NORMS[name](channels, rows)


@torch.no_grad()
def standing(network: nn.Module, batches: Sequence[Tensor]) -> None:
    """Makes the running statistics of a network anew: means over passes of these batches.

    For a generator that is averaged, or that training has left behind its weights: many latents, all
    the same ones, give statistics that are a function of the weights. Nothing else is changed.

    Args:
        network: its layers of the kind `running` are the ones that are changed.
        batches: what goes through it, each as in training.
    """
    layers = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    if not layers:
        raise Refused(f"standing: {type(network).__name__} has no running statistics")
    modes = {module: module.training for module in network.modules()}
    momenta = [layer.momentum for layer in layers]
    network.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean over the batches
        layer.train()
    for batch in batches:
        network(batch)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    for module, mode in modes.items():
        module.training = mode
