"""A FactorVAE, whose units of z vary independently of each other, on any images."""

from ...core import Model
from ...nn import ConvDecoder, ConvEncoder
from ...train import Run
from ...vae import FactorVAE
from ...vae.likelihoods import fitting
from .._fitted import fitted, loaded

RUN = Run(rounds=4000, batch=128, lr=1e-3, ema=0.99)


def factor_vae(
    data: str = "portraits_six",
    latent: int = 10,
    width: int = 8,
    hidden: int = 128,
    gamma: float = 10.0,
    warm_up: int = 0,
    run: Run = RUN,
) -> Model:
    """FactorVAE on drawn faces of six independent factors; target: a mutual information gap of at least 0.2 (not measured).

    Args:
        data: name or path of a data set of images.
        latent: dimension of z.
        width: channels next to the image; they double where its sides halve.
        hidden: units of the dense layer between the coarsest image and z.
        gamma: factor on the total correlation of the units of z.
        warm_up: rounds until the KL has its full weight.
        run: length, folder and device of the run.
    """
    source, space = loaded("factor_vae", data, run, axes="channels, height, width")
    channels, height, breadth = space.shape
    numbers = fitting(space).numbers * channels
    encoder = ConvEncoder((channels, height, breadth), 2 * latent, width, (hidden,))
    decoder = ConvDecoder(latent, (numbers, height, breadth), width, (hidden,))
    model = FactorVAE(space, latent, encoder, decoder, gamma=gamma, warm_up=warm_up)
    return fitted(model, source, run)
