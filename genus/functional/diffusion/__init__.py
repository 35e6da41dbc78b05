"""Paths from data to noise, and what a network predicts of a point on them."""

from .parametrisations import Epsilon as Epsilon
from .parametrisations import Preconditioned as Preconditioned
from .parametrisations import Score as Score
from .parametrisations import Slope as Slope
from .parametrisations import Start as Start
from .parametrisations import Velocity as Velocity
from .paths import VE as VE
from .paths import VP as VP
from .paths import Cosine as Cosine
from .paths import LinearVE as LinearVE
from .paths import Path as Path
from .paths import Sigmoid as Sigmoid
from .paths import Straight as Straight
from .paths import SubVP as SubVP
from .spacings import Karras as Karras
from .spacings import WithoutLast as WithoutLast
from .spacings import by_log_snr as by_log_snr
from .spacings import even as even
from .spacings import level as level
from .spacings import levels as levels
from .spacings import quadratic as quadratic
from .weights import LikelihoodWeight as LikelihoodWeight
from .weights import MinSNR as MinSNR
