"""Noise, undone step by step."""

from .ddpm import DDPM as DDPM
from .ddpm import Ancestral as Ancestral
from .denoiser import LogitNormal as LogitNormal
from .denoiser import LogNormal as LogNormal
from .denoiser import Uniform as Uniform
from .diffusion import ConditionalDiffusion as ConditionalDiffusion
from .diffusion import Diffusion as Diffusion
from .dpm_solver import DPMSolver as DPMSolver
from .heun import Heun as Heun
from .objectives import Bound as Bound
from .objectives import Hybrid as Hybrid
from .objectives import Simple as Simple
from .samplers import DDIM as DDIM
