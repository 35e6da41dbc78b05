"""SDEdit: image to image, by as much noise as hides what is to change, and the way back from there.

Noise hides detail first. A sketch and a picture, or two versions of one picture, are alike once there is
enough of it; from there the model goes back to what it holds to be likely. More noise gives more of the
model, less noise more of what came in.

    x_t = alpha(t) x + sigma(t) eps,    t = first + strength (last - first),    then back to x_0

Source: Meng and others, "SDEdit: guided image synthesis and editing with stochastic differential
    equations", 2022, arXiv:2108.01073, section 3.
Departs: any path, and any sampler.
"""

import torch
from torch import Tensor

from ...errors import in_range
from ...functional.diffusion.spacings import level
from ..denoiser import Denoises
from ..sampler import Sampler


@torch.no_grad()
def edit(model: Denoises, x: Tensor, strength: float, sampler: Sampler) -> Tensor:
    """x as the model would have it, (n, *shape): of pixels, not yet on their grid.

    Args:
        model: a diffusion, or a denoiser: guided, or given a context.
        x: (n, *shape): what is to change.
        strength: point of the path to which x is noised, in (0, 1]; at 1 almost nothing is left.
        sampler: any; but a denoiser that wraps a DDPM is no DDPM, and has no `Ancestral`.
    """
    in_range("edit", "(0, 1]", strength=strength)
    path = model.path
    wanted = path.first + strength * (path.last - path.first)
    (time,) = path.falling(torch.tensor([wanted], dtype=torch.float64))  # a chain has whole steps
    at = level(path, time)
    return sampler(model, at.alpha * x + at.sigma * torch.randn_like(x), start=time)
