"""Flows: a known noise, bent by a map that can be undone."""

from .autoregressive import Autoregressive as Autoregressive
from .bijection import Bijection as Bijection
from .bijection import Chain as Chain
from .bijection import Inverse as Inverse
from .conditional import ConditionalFlow as ConditionalFlow
from .coupling import Coupling as Coupling
from .dequantiser import Dequantiser as Dequantiser
from .elementwise import Affine as Affine
from .elementwise import Shift as Shift
from .elementwise import Spline as Spline
from .flow import Flow as Flow
from .glow import ActNorm as ActNorm
from .glow import ContextNorm as ContextNorm
from .glow import Conv1x1 as Conv1x1
from .glow import ConvCoupling as ConvCoupling
from .glow import Glow as Glow
from .linear import LU as LU
from .linear import Permutation as Permutation
from .linear import Standard as Standard
from .planar import Planar as Planar
from .planar import Radial as Radial
from .pointflow import PointFlow as PointFlow
from .realnvp import RealNVP as RealNVP
from .residual import Residual as Residual
from .squeeze import FactorOut as FactorOut
from .squeeze import Squeezed as Squeezed
