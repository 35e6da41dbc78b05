"""An importance weighted autoencoder with multi-layer perceptrons, on any bits, pixels or vectors."""

from ...core import Model
from ...nn import MLP
from ...train import Run
from ...vae import IWAE
from ...vae.likelihoods import fitting
from .._fitted import fitted, loaded

RUN = Run(rounds=6000, batch=128, lr=2e-3, ema=0.99, evaluate_every=1000)


def iwae(
    data: str = "digits",
    latent: int = 8,
    width: int = 256,
    depth: int = 2,
    dropout: float = 0.1,
    k: int = 5,
    run: Run = RUN,
) -> Model:
    """IWAE on digits, with the networks of vae_mlp; target: at most 1.95 bits per dimension by the bound.

    Args:
        data: name or path of a data set of bits, pixels or vectors.
        latent: dimension of z.
        width: units of each hidden layer.
        depth: number of hidden layers of the encoder, and of the decoder.
        dropout: share of hidden units set to zero in a round of training: there are few digits.
        k: number of draws of z for each row in the loss; each costs a pass through the decoder.
        run: length, folder and device of the run.
    """
    source, space = loaded("iwae", data, run)
    hidden = (width,) * depth
    encoder = MLP(space.dims, 2 * latent, hidden, dropout)
    decoder = MLP(latent, fitting(space).numbers * space.dims, hidden, dropout)
    model = IWAE(space, latent, encoder, decoder, k=k)
    return fitted(model, source, run)
