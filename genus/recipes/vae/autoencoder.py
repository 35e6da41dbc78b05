"""An autoencoder, which may learn to take noise away: a baseline, and no generative model."""

from ...core import Model
from ...nn import MLP
from ...train import Run
from ...vae import Autoencoder
from ...vae.likelihoods import fitting
from .._fitted import fitted, loaded

RUN = Run(rounds=3000, batch=128, lr=2e-3, ema=0.99, evaluate_every=1000)


def autoencoder(
    data: str = "digits",
    latent: int = 8,
    width: int = 256,
    depth: int = 2,
    dropout: float = 0.0,
    noise: float = 0.0,
    run: Run = RUN,
) -> Model:
    """Autoencoder on digits; target: Fréchet distance of at most 1.2, of draws from N(0, I) as codes.

    Args:
        data: name or path of a data set of bits, pixels or vectors.
        latent: size of the code.
        width: units of each hidden layer.
        depth: number of hidden layers of the encoder, and of the decoder.
        dropout: share of hidden units set to zero in a round of training.
        noise: of x in training: of bits the share that is drawn anew, otherwise a standard deviation in units of x.
        run: length, folder and device of the run.
    """
    source, space = loaded("autoencoder", data, run)
    hidden = (width,) * depth
    encoder = MLP(space.dims, latent, hidden, dropout)
    decoder = MLP(latent, fitting(space).numbers * space.dims, hidden, dropout)
    return fitted(Autoencoder(space, latent, encoder, decoder, corruption=noise), source, run)
