"""Mixtures of bivariate normals: where the next point of a line goes.

    N(x; mu, sigma, rho) = exp(-Z / 2 (1 - rho^2)) / (2 pi sigma_1 sigma_2 sqrt(1 - rho^2))
    Z = z_1^2 + z_2^2 - 2 rho z_1 z_2           z_i = (x_i - mu_i) / sigma_i

The correlation is given as an angle would be, by a number that may be anything: rho = tanh(tilt).

Source: Graves, "Generating sequences with recurrent neural networks", 2013, arXiv:1308.0850,
    sections 4 and 5.
"""

import math

import torch
from torch import Tensor


def log_bivariate_mixture(
    x: Tensor, logits: Tensor, mean: Tensor, log_std: Tensor, tilt: Tensor
) -> Tensor:
    """log density of points under mixtures of k normals, nats: (..., 2) -> (...).

    Args:
        x: (..., 2).
        logits: logits of the weights, (..., k).
        mean, log_std: (..., k, 2).
        tilt: (..., k); the correlation is its tanh.
    """
    z = (x[..., None, :] - mean) * (-log_std).exp()
    fall, rise = _eigenvalues(tilt)
    # with s = z_1 + z_2 and d = z_1 - z_2 the quadratic form is s^2 / 2 (1 + rho) + d^2 / 2 (1 - rho)
    square = 0.5 * (z.sum(-1) ** 2 / rise + (z[..., 0] - z[..., 1]) ** 2 / fall)
    log_volume = log_std.sum(-1) + 0.5 * (fall.log() + rise.log()) + math.log(2 * math.pi)
    return torch.logsumexp(logits.log_softmax(-1) - 0.5 * square - log_volume, -1)


def bivariate(z: Tensor, mean: Tensor, log_std: Tensor, tilt: Tensor) -> Tensor:
    """The point of each normal, (..., 2), that standard normal noise (..., 2) stands for.

    Args:
        z, mean, log_std: (..., 2).
        tilt: (...); the correlation is its tanh.
    """
    fall, rise = _eigenvalues(tilt)
    across = tilt.tanh() * z[..., 0] + (fall * rise).sqrt() * z[..., 1]
    return mean + log_std.exp() * torch.stack([z[..., 0], across], -1)


def sharpened(
    logits: Tensor, log_std: Tensor, bias: float = 0.0, temperature: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Logits and log std of a mixture that is nearer to its likeliest points.

    Weights are softmax(logits (1 + bias) / temperature), deviations std exp(-bias) sqrt(temperature).

    Source: the bias is Graves's; the temperature is of Ha, Eck, "A neural
        representation of sketch drawings", 2017, arXiv:1704.03477.
    """
    return logits * ((1 + bias) / temperature), log_std - bias + 0.5 * math.log(temperature)


def _eigenvalues(tilt: Tensor) -> tuple[Tensor, Tensor]:
    """1 - rho and 1 + rho, where rho is the tanh of the tilt; neither is rounded to 0."""
    return 2 * (-2 * tilt).sigmoid(), 2 * (2 * tilt).sigmoid()
