"""Energies: models that know p(x) up to its constant, and dream by Gibbs sampling."""

from .rbm import RBM as RBM
