"""Energies: models that know p(x) up to its constant, and dream by chains."""

from .dbm import DBM as DBM
from .dbm import DBMStart as DBMStart
from .dbn import DBN as DBN
from .energynetwork import EnergyNetwork as EnergyNetwork
from .energynetwork import EnergyPerceptron as EnergyPerceptron
from .gsn import GSN as GSN
from .rbm import RBM as RBM
