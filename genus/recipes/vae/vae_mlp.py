"""A variational autoencoder with multi-layer perceptrons, on any bits, pixels or vectors."""

import torch

from ...core import Model
from ...data import load
from ...measure import scores
from ...nn import MLP
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine
from ...vae import VAE
from ...vae.likelihoods import fitting

RUN = Run(rounds=6000, batch=128, lr=2e-3, ema=0.99, evaluate_every=1000)


def vae_mlp(
    data: str = "digits",
    latent: int = 8,
    width: int = 256,
    depth: int = 2,
    dropout: float = 0.1,
    run: Run = RUN,
) -> Model:
    """VAE on digits: at most 1.95 bits per dimension by the bound, without convolutions.

    Args:
        data: name or path of a data set of bits, pixels or vectors.
        latent: the size of z.
        width: units of a hidden layer.
        depth: hidden layers of encoder and of decoder.
        dropout: share of hidden units that is silent in a round: the digits are few.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    space, hidden = source.space, (width,) * depth
    encoder = MLP(space.dims, 2 * latent, hidden, dropout)
    decoder = MLP(latent, fitting(space).numbers * space.dims, hidden, dropout)
    model = VAE(space, latent, encoder, decoder)
    evaluate = scores(source.validation)
    return fit(model, source.train, run, schedule=cosine, evaluate=evaluate, picture=picture)
