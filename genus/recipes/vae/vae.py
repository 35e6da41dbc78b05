"""A variational autoencoder with convolutional networks."""

import torch

from ...core import Model
from ...data import load
from ...measure import scores
from ...nn import ConvDecoder, ConvEncoder
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine
from ...vae import VAE
from ...vae.likelihoods import fitting

RUN = Run(rounds=3000, batch=128, lr=2e-3, ema=0.99, evaluate_every=500)


def vae(
    data: str = "digits",
    latent: int = 8,
    width: int = 16,
    hidden: int = 256,
    dropout: float = 0.2,
    run: Run = RUN,
) -> Model:
    """VAE on digits: at most 1.93 bits per dimension by the bound, all units of z in use.

    Args:
        data: name or path of a data set of images.
        latent: the size of z.
        width: channels next to the image; they double where its sides halve.
        hidden: units of the dense layer between the coarsest image and z.
        dropout: share of the encoder's dense units that is silent in a round: the digits are few.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    shape = source.space.shape
    if len(shape) != 3:
        raise ValueError(f"vae: {data} is {source.space}; images are wanted, or take vae_mlp")
    channels, height, breadth = shape
    numbers = fitting(source.space).numbers * channels
    encoder = ConvEncoder((channels, height, breadth), 2 * latent, width, (hidden,), dropout)
    decoder = ConvDecoder(latent, (numbers, height, breadth), width, (hidden,))
    model = VAE(source.space, latent, encoder, decoder)
    evaluate = scores(source.validation)
    return fit(model, source.train, run, schedule=cosine, evaluate=evaluate, picture=picture)
