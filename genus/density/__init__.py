"""Densities with a closed form, or learnt by expectation maximisation; pixels from the reals."""

from .dequantised import Dequantised as Dequantised
from .gaussian import Gaussian as Gaussian
from .gaussianmixture import GaussianMixture as GaussianMixture
from .mixturedensitynetwork import MixtureDensityNetwork as MixtureDensityNetwork
from .table import Table as Table
