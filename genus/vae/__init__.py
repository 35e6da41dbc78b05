"""Variational autoencoders: a latent, and a guess of it that bounds the likelihood."""

from .likelihoods import Bernoulli as Bernoulli
from .likelihoods import Logistic as Logistic
from .likelihoods import NoiseDecoding as NoiseDecoding
from .likelihoods import Normal as Normal
from .vae import VAE as VAE
