"""A variational autoencoder with multi-layer perceptrons, on any bits, pixels or vectors."""

from ...core import Model
from ...nn import MLP
from ...train import Run
from ...vae import VAE
from ...vae.likelihoods import fitting
from .._fitted import fitted, loaded

RUN = Run(rounds=6000, batch=128, lr=2e-3, ema=0.99, evaluate_every=1000)


def vae_mlp(
    data: str = "digits",
    latent: int = 8,
    width: int = 256,
    depth: int = 2,
    dropout: float = 0.1,
    run: Run = RUN,
) -> Model:
    """VAE on digits, without convolutions; target: at most 1.95 bits per dimension by the bound.

    Args:
        data: name or path of a data set of bits, pixels or vectors.
        latent: dimension of z.
        width: units of each hidden layer.
        depth: number of hidden layers of the encoder, and of the decoder.
        dropout: share of hidden units set to zero in a round of training: there are few digits.
        run: length, folder and device of the run.
    """
    source, space = loaded("vae_mlp", data, run)
    hidden = (width,) * depth
    encoder = MLP(space.dims, 2 * latent, hidden, dropout)
    decoder = MLP(latent, fitting(space).numbers * space.dims, hidden, dropout)
    model = VAE(space, latent, encoder, decoder)
    return fitted(model, source, run)
