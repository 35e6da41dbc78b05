"""Energies: models that know p(x) up to its constant, and dream by chains."""

from .energynetwork import EnergyNetwork as EnergyNetwork
from .energynetwork import EnergyPerceptron as EnergyPerceptron
from .rbm import RBM as RBM
