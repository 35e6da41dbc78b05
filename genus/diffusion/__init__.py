"""Noise, undone step by step."""

from .ddpm import DDPM as DDPM
from .ddpm import Ancestral as Ancestral
from .denoiser import LogitNormal as LogitNormal
from .denoiser import LogNormal as LogNormal
from .denoiser import Uniform as Uniform
from .diffusion import ConditionalDiffusion as ConditionalDiffusion
from .diffusion import Diffusion as Diffusion
from .discrete import DiscreteDiffusion as DiscreteDiffusion
from .dpm_solver import DPMSolver as DPMSolver
from .editing import edit as edit
from .guidance import ByClassifier as ByClassifier
from .guidance import ClassifierFree as ClassifierFree
from .guidance import ClassifierGuided as ClassifierGuided
from .guidance import Guided as Guided
from .heun import Heun as Heun
from .inpainting import Inpainting as Inpainting
from .inpainting import RePaint as RePaint
from .inpainting import inpaint as inpaint
from .latent import LatentDiffusion as LatentDiffusion
from .objectives import Bound as Bound
from .objectives import Hybrid as Hybrid
from .objectives import Simple as Simple
from .predictor_corrector import PredictorCorrector as PredictorCorrector
from .samplers import DDIM as DDIM
from .unipc import UniPC as UniPC
