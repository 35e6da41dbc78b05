"""A variational autoencoder with multi-layer perceptrons, on any bits, pixels or vectors."""

from ...core import Model
from ...nn import MLP
from ...train import Run
from ...vae import VAE
from ...vae.likelihoods import fitting
from .._fitted import fitted, loaded
from ._parts import Guess, Paid, Prior, flow_of, penalty_of, prior_of

RUN = Run(rounds=6000, batch=128, lr=2e-3, ema=0.99, evaluate_every=1000)


def vae_mlp(
    data: str = "digits",
    latent: int = 8,
    width: int = 256,
    depth: int = 2,
    dropout: float = 0.1,
    prior: Prior = "normal",
    components: int = 100,
    guess: Guess = "normal",
    beta: float = 1.0,
    free: float = 0.0,
    warm_up: int = 0,
    penalty: Paid = "nothing",
    weight: float = 5.0,
    run: Run = RUN,
) -> Model:
    """VAE on digits, without convolutions; target: at most 1.95 bits per dimension by the bound.

    Args:
        data: name or path of a data set of bits, pixels or vectors.
        latent: dimension of z.
        width: units of each hidden layer.
        depth: number of hidden layers of the encoder, and of the decoder.
        dropout: share of hidden units set to zero in a round of training: there are few digits.
        prior: of z: normal, mixture of normals, vamp for the mean of guesses at inputs that are learnt, or flow.
        components: number of normals, or of inputs, of the prior.
        guess: of z from x: normal, or iaf for one that an autoregressive flow bends.
        beta: factor on the KL in the loss.
        free: nats of each unit of z that cost nothing; only where prior and guess are normal.
        warm_up: rounds until the KL has its full weight.
        penalty: paid beside the bound: correlation for what the units of z tell of each other, or mmd for how far
            all guesses together are from the prior.
        weight: factor on the penalty.
        run: length, folder and device of the run.
    """
    source, space = loaded("vae_mlp", data, run)
    hidden = (width,) * depth
    flow = flow_of("vae_mlp", guess, latent)
    hints = flow.hints if flow else 0
    encoder = MLP(space.dims, 2 * latent + hints, hidden, dropout)
    decoder = MLP(latent, fitting(space).numbers * space.dims, hidden, dropout)
    p = prior_of("vae_mlp", prior, components, latent, source, space)
    paid = penalty_of("vae_mlp", penalty, weight)
    how = {"beta": beta, "free": free, "warm_up": warm_up, "penalty": paid}
    model = VAE(space, latent, encoder, decoder, prior=p, flow=flow, **how)
    return fitted(model, source, run)
