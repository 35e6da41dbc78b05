"""Variational autoencoders: a latent, and a guess of it that bounds the likelihood."""

from .amortised import Amortised as Amortised
from .autoencoder import Autoencoder as Autoencoder
from .discrete.gumbel import GumbelVAE as GumbelVAE
from .discrete.vqvae import VQVAE as VQVAE
from .factor import FactorVAE as FactorVAE
from .given.colouriser import Colouriser as Colouriser
from .given.conditional import ConditionalVAE as ConditionalVAE
from .given.m2 import M2 as M2
from .iwae import IWAE as IWAE
from .layers.draw import DRAW as DRAW
from .layers.hierarchical import HierarchicalVAE as HierarchicalVAE
from .layers.hierarchical import LatentDecoding as LatentDecoding
from .layers.ladder import LadderVAE as LadderVAE
from .likelihoods import Bernoulli as Bernoulli
from .likelihoods import Logistic as Logistic
from .likelihoods import LogisticMixture as LogisticMixture
from .likelihoods import NoiseDecoding as NoiseDecoding
from .likelihoods import Normal as Normal
from .penalties import MMD as MMD
from .penalties import TotalCorrelation as TotalCorrelation
from .posteriors import IAF as IAF
from .priors import MixturePrior as MixturePrior
from .priors import VampPrior as VampPrior
from .vae import VAE as VAE
