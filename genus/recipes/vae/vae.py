"""A variational autoencoder with convolutional networks."""

from ...core import Model
from ...nn import ConvDecoder, ConvEncoder
from ...train import Run
from ...vae import VAE
from .._fitted import fitted, loaded
from ._parts import Paid, Prior, likelihood_of, penalty_of, prior_of

RUN = Run(rounds=3000, batch=128, lr=2e-3, ema=0.99, evaluate_every=500)


def vae(
    data: str = "digits",
    latent: int = 8,
    width: int = 16,
    hidden: int = 256,
    dropout: float = 0.2,
    blocks: int = 0,
    logistics: int = 1,
    prior: Prior = "normal",
    components: int = 100,
    beta: float = 1.0,
    warm_up: int = 0,
    penalty: Paid = "nothing",
    weight: float = 5.0,
    run: Run = RUN,
) -> Model:
    """VAE on digits; target: at most 1.93 bits per dimension by the bound, all units of z in use.

    Args:
        data: name or path of a data set of images.
        latent: dimension of z.
        width: channels next to the image; they double where its sides halve.
        hidden: units of the dense layer between the coarsest image and z.
        dropout: share of the encoder's dense units set to zero in a round: there are few digits.
        blocks: residual blocks at each size of the image, of the encoder and of the decoder.
        logistics: number of logistics of each pixel's mixture; for pixels alone.
        prior: of z: normal, mixture of normals, vamp for the mean of guesses at inputs that are learnt, or flow.
        components: number of normals, or of inputs, of the prior.
        beta: factor on the KL in the loss.
        warm_up: rounds until the KL has its full weight.
        penalty: paid beside the bound: correlation for what the units of z tell of each other, or mmd for how far
            all guesses together are from the prior.
        weight: factor on the penalty.
        run: length, folder and device of the run.
    """
    source, space = loaded("vae", data, run, axes="channels, height, width")
    channels, height, breadth = space.shape
    likelihood = likelihood_of("vae", logistics, space)
    numbers = likelihood.numbers * channels
    shape = channels, height, breadth
    encoder = ConvEncoder(shape, 2 * latent, width, (hidden,), dropout, blocks)
    decoder = ConvDecoder(latent, (numbers, height, breadth), width, (hidden,), blocks)
    p = prior_of("vae", prior, components, latent, source, space)
    how = {"beta": beta, "warm_up": warm_up, "penalty": penalty_of("vae", penalty, weight)}
    model = VAE(space, latent, encoder, decoder, likelihood, prior=p, **how)
    return fitted(model, source, run)
