"""What may be wrong with a picture: blur, noise, blocks, colours, resolution, each of random strength.

All take and give (n, c, h, w), values in [-1, 1]; strengths are one number a row, (n,).
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate

BLOCK = 8  # pixels of the side of a block, as JPEG has it


def blurred(x: Tensor, sigma: Tensor) -> Tensor:
    """Convolved with a normal of `sigma` pixels; the edge is repeated."""
    reach = max(1, math.ceil(3 * float(sigma.max())))
    steps = torch.arange(-reach, reach + 1, device=x.device)
    taps = (-0.5 * (steps / sigma[:, None].clamp(min=1e-3)) ** 2).exp()
    taps = taps / taps.sum(1, keepdim=True)
    for axis in (2, 3):
        index = torch.arange(x.shape[axis], device=x.device)
        weights = x.new_zeros(len(x), x.shape[axis], x.shape[axis])
        for k, step in enumerate(steps.tolist()):
            source = (index + step).clamp(0, x.shape[axis] - 1)
            weights[:, index, source] += taps[:, k : k + 1]
        words = "nchw,nph->ncpw" if axis == 2 else "nchw,npw->nchp"
        x = torch.einsum(words, x, weights)
    return x


def noisy(x: Tensor, sigma: Tensor) -> Tensor:
    """With normal noise of standard deviation `sigma` on each value."""
    return (x + sigma[:, None, None, None] * torch.randn_like(x)).clamp(-1, 1)


def recoloured(x: Tensor, strength: Tensor) -> Tensor:
    """With each channel scaled and shifted at random, by about `strength`."""
    scale = 1 + strength[:, None] * (2 * torch.rand(x.shape[:2], device=x.device) - 1)
    shift = strength[:, None] * (2 * torch.rand(x.shape[:2], device=x.device) - 1)
    return (x * scale[:, :, None, None] + shift[:, :, None, None]).clamp(-1, 1)


def blocky(x: Tensor, step: Tensor) -> Tensor:
    """With the cosine transform of each block of 8 x 8 pixels rounded: steps grow with frequency.

    The side of x is a multiple of 8.
    """
    n, c, h, w = x.shape
    basis = _cosines().to(x)
    blocks = x.reshape(n, c, h // BLOCK, BLOCK, w // BLOCK, BLOCK)
    waves = torch.einsum("ui,ncaibj,vj->ncaubv", basis, blocks, basis)
    order = torch.arange(BLOCK, device=x.device)
    rise = (1 + order[:, None] + order)[:, None, :] / BLOCK
    steps = step.reshape(n, 1, 1, 1, 1, 1) * rise
    waves = (waves / steps).round() * steps
    back = torch.einsum("ui,ncaubv,vj->ncaibj", basis, waves, basis)
    return back.reshape(n, c, h, w).clamp(-1, 1)


def _cosines() -> Tensor:
    """The orthonormal cosine transform of 8 values, (8, 8)."""
    order = torch.arange(BLOCK, dtype=torch.float64)
    waves = torch.cos(math.pi * (order + 0.5) * order[:, None] / BLOCK)
    waves[0] /= 2**0.5
    return waves * (2 / BLOCK) ** 0.5


def reduced(x: Tensor, factor: int) -> Tensor:
    """Of a `factor` times lower resolution, and enlarged again."""
    small = interpolate(
        x, (x.shape[2] // factor, x.shape[3] // factor), mode="bilinear", antialias=True
    )
    return interpolate(small, x.shape[2:], mode="bilinear")


def damaged(x: Tensor) -> Tensor:
    """Each row damaged in one way, of a strength between hardly and badly."""
    n = len(x)
    kind = torch.arange(n, device=x.device) * 5 // max(n, 1)
    strength = torch.rand(n, device=x.device)
    found = x.clone()
    for number, damage in enumerate((_blur, _noise, _colour, _blocks, _reduce)):
        own = kind == number
        if own.any():
            found[own] = damage(x[own], strength[own])
    return found


def _blur(x: Tensor, strength: Tensor) -> Tensor:
    return blurred(x, 0.3 + 2 * strength)


def _noise(x: Tensor, strength: Tensor) -> Tensor:
    return noisy(x, 0.02 + 0.3 * strength)


def _colour(x: Tensor, strength: Tensor) -> Tensor:
    return recoloured(x, 0.1 + 0.4 * strength)


def _blocks(x: Tensor, strength: Tensor) -> Tensor:
    return blocky(x, 0.1 + strength)


def _reduce(x: Tensor, strength: Tensor) -> Tensor:
    return reduced(x, 2 if float(strength.mean()) < 0.5 else 4)
