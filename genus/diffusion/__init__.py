"""Noise, undone step by step."""

from .ddim import DDIM as DDIM
from .ddpm import DDPM as DDPM
from .ddpm import Ancestral as Ancestral
