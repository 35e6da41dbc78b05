"""A variational autoencoder whose code is made of categories, with perceptrons, on any bits, pixels or vectors."""

from ...core import Model
from ...nn import MLP
from ...train import Run
from ...vae import GumbelVAE
from ...vae.likelihoods import fitting
from .._fitted import fitted, loaded
from ._parts import as_bits

RUN = Run(rounds=4000, batch=128, lr=2e-3, ema=0.99, evaluate_every=500)


def gumbel_vae(
    data: str = "digits",
    variables: int = 16,
    categories: int = 8,
    width: int = 256,
    depth: int = 2,
    dropout: float = 0.1,
    first: float = 1.0,
    last: float = 0.5,
    anneal: int = 2000,
    straight: bool = False,
    run: Run = RUN,
) -> Model:
    """GumbelVAE on digits as bits; target: at most 24 nats by the bound of one-hot draws.

    Args:
        data: name or path of a data set of bits, of pixels, which are drawn as bits, or of vectors.
        variables: number of categorical variables.
        categories: number of categories of each.
        width: units of each hidden layer.
        depth: number of hidden layers of the encoder, and of the decoder.
        dropout: share of hidden units set to zero in a round of training: there are few digits.
        first: temperature of the first round, above 0.
        last: temperature after the annealing, above 0.
        anneal: rounds until the temperature is the last one.
        straight: whether draws are one-hot in training too, with the gradient of soft ones.
        run: length, folder and device of the run.
    """
    source, space = loaded("gumbel_vae", data, run, view=as_bits)
    hidden, code = (width,) * depth, variables * categories
    encoder = MLP(space.dims, code, hidden, dropout)
    decoder = MLP(code, fitting(space).numbers * space.dims, hidden, dropout)
    model = GumbelVAE(
        space,
        variables,
        categories,
        encoder,
        decoder,
        temperatures=(first, last),
        anneal=anneal,
        straight=straight,
    )
    return fitted(model, source, run)
