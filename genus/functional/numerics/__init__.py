"""Numerical methods: integrators, fixed points, traces."""

from .integrators import RK4 as RK4
from .integrators import Counted as Counted
from .integrators import DormandPrince as DormandPrince
from .integrators import Euler as Euler
from .integrators import Heun as Heun
from .integrators import Midpoint as Midpoint
from .integrators import Tableau as Tableau
