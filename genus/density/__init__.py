"""Densities with a closed form, or learnt by expectation maximisation; pixels from the reals."""

from .chowliu import ChowLiu as ChowLiu
from .dequantised import Dequantised as Dequantised
from .factoranalysis import FactorAnalysis as FactorAnalysis
from .gaussian import Gaussian as Gaussian
from .gaussianmixture import GaussianMixture as GaussianMixture
from .kerneldensity import KernelDensity as KernelDensity
from .mixturedensitynetwork import MixtureDensityNetwork as MixtureDensityNetwork
from .naivebayes import NaiveBayes as NaiveBayes
from .productmixture import ProductMixture as ProductMixture
from .sequences import HiddenMarkov as HiddenMarkov
from .sequences import LatentDirichlet as LatentDirichlet
from .table import Table as Table
