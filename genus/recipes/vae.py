"""The variational autoencoder, convolutional or not."""

from typing import Literal

import torch

from ..core import Model, Pixels, Space
from ..data import load, picture
from ..functional.schedules import cosine
from ..measure import scores
from ..nn import ConvDecoder, ConvEncoder
from ..running import Run, fit
from ..vae import VAE

RUN = Run(rounds=6000, batch=128, lr=2e-3, ema=0.999, evaluate_every=500)


def vae(
    data: str = "digits",
    latent: int = 16,
    width: int = 16,
    net: Literal["conv", "mlp"] = "conv",
    run: Run = RUN,
) -> Model:
    """VAE on digits: bits/dim.

    Args:
        data: name or path of a data set; convolutional nets want images.
        latent: the size of z.
        width: channels next to the image, of convolutional nets.
        net: conv, or mlp, which takes any x as a vector.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    model = _conv(source.space, latent, width) if net == "conv" else VAE(source.space, latent)
    return fit(
        model,
        source.train,
        run,
        schedule=cosine,
        evaluate=scores(source.validation),
        picture=picture,
    )


def _conv(space: Space, latent: int, width: int) -> VAE:
    if len(space.shape) != 3:
        raise ValueError(f"vae: x has shape {space.shape}; conv wants images: take --net mlp")
    channels, height, breadth = space.shape
    numbers = 2 * channels if isinstance(space, Pixels) else channels
    encoder = ConvEncoder((channels, height, breadth), 2 * latent, width)
    return VAE(space, latent, encoder, ConvDecoder(latent, (numbers, height, breadth), width))
