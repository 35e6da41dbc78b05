"""Log-densities and divergences, in nats. Event axes are summed; the batch axis is kept."""

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus
from torch.special import log_ndtr

HELD = 2**22  # numbers of rows that are held in double precision at once


def double_home(x: Tensor) -> torch.device:
    """Where what is on the device of x can be computed in double precision, which mps has not: there, or the CPU."""
    return torch.device("cpu") if x.device.type == "mps" else x.device


def log_normal(x: Tensor, mean: Tensor | float = 0.0, log_std: Tensor | float = 0.0) -> Tensor:
    """log N(x; mean, diag std^2): (n, ...) -> (n,)."""
    half_log_tau = 0.5 * math.log(2 * math.pi)
    if isinstance(mean, float) and isinstance(log_std, float) and mean == log_std == 0:
        return (-0.5 * x**2 - half_log_tau).flatten(1).sum(1)  # most often; a third of the steps
    if not isinstance(log_std, Tensor):
        log_std = x.new_tensor(log_std)
    each = -0.5 * ((x - mean) * (-log_std).exp()) ** 2 - log_std - half_log_tau
    return each.flatten(1).sum(1)


def log_multivariate_normal(x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """log N(x; mean, L L'): (n, d) -> (n,). `scale` is L, (d, d), or its diagonal, (d,) or (1,)."""
    if scale.dim() < 2:
        return log_normal(x, mean, scale.abs().log())
    whitened = torch.linalg.solve_triangular(scale.tril(), (x - mean).T, upper=False).T
    return log_normal(whitened) - scale.diagonal().abs().log().sum()


def log_diagonal_normals(x: Tensor, means: Tensor, scales: Tensor) -> Tensor:
    """log N(x; m_k, diag(s_k)^2) of all rows under all k, by products of matrices: (n, d) -> (n, k).

        -1/2 sum (x - m)^2 / s^2 = x^2 . (-1/2 s^-2) + x . (m s^-2) - 1/2 sum m^2 / s^2

    In double precision, from the middle of the means on: so little is lost between large terms.

    Args:
        x: rows, (n, d).
        means, scales: (k, d), and (k, d) or (k, 1).
    """
    home = double_home(x)
    m, s = means.to(home, torch.float64), scales.to(home, torch.float64)
    middle = m.mean(0).detach()
    m, s = m - middle, s.abs().expand_as(means)
    precision = s.pow(-2)
    rest = -(0.5 * m.square() * precision + s.log()).sum(1) - 0.5 * m.shape[1] * math.log(
        2 * math.pi
    )
    parts = []
    for rows in x.split(max(1, HELD // m.shape[1])):
        y = rows.to(home, torch.float64) - middle
        parts.append(y.square() @ (-0.5 * precision).T + y @ (m * precision).T + rest)
    return torch.cat(parts).to(x) if parts else x.new_empty(0, len(means))


def log_bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    """log Bernoulli(x; sigmoid logits), for x in {0, 1}: (n, ...) -> (n,)."""
    return (x * logits - softplus(logits)).flatten(1).sum(1)


def log_categorical(indices: Tensor, logits: Tensor) -> Tensor:
    """log softmax(logits)[indices]: (n, ...) int64 and (n, ..., levels) -> (n,)."""
    each = logits.log_softmax(-1).gather(-1, indices[..., None])[..., 0]
    return each.flatten(1).sum(1)


def log_discretised_logistic(
    x: Tensor, mean: Tensor, log_scale: Tensor, levels: int = 256
) -> Tensor:
    """log of the mass that a logistic leaves in the bin of x: (n, ...) -> (n,).

    The grid has `levels` points in [-1, 1]; the outermost bins reach to infinity, so that the
    masses of all levels sum to one.

    Source: Salimans, Karpathy, Chen, Kingma, "PixelCNN++", 2017, arXiv:1701.05517, equation 2.
    """
    return _logistic_bins(x, mean, log_scale, levels).flatten(1).sum(1)


def log_discretised_logistic_mixture(
    x: Tensor, logits: Tensor, mean: Tensor, log_scale: Tensor, levels: int = 256
) -> Tensor:
    """log of the mass of each bin under a mixture of k logistics: (n, ...), (n, ..., k) -> (n,).

    Bins are those of `log_discretised_logistic`; the weights are softmax(logits).
    """
    return log_logistic_mixture_bins(x, logits, mean, log_scale, levels).flatten(1).sum(1)


def log_logistic_mixture_bins(
    x: Tensor, logits: Tensor, mean: Tensor, log_scale: Tensor, levels: int = 256
) -> Tensor:
    """That of each number by itself: x of any shape (...), and (..., k) -> (...)."""
    each = _logistic_bins(x[..., None], mean, log_scale, levels) + logits.log_softmax(-1)
    return each.logsumexp(-1)


def log_logistic_mixture_levels(
    logits: Tensor, mean: Tensor, log_scale: Tensor, levels: int = 256
) -> Tensor:
    """That of all levels, as logits to choose by: (..., k) -> (..., levels)."""
    grid = torch.linspace(-1, 1, levels, dtype=logits.dtype, device=logits.device)
    parts = (part[..., None, :] for part in (logits, mean, log_scale))
    return log_logistic_mixture_bins(grid, *parts, levels)


def _logistic_bins(x: Tensor, mean: Tensor, log_scale: Tensor, levels: int) -> Tensor:
    """log of the mass in the bin of each number."""
    half = 1 / (levels - 1)
    centred, inverse = x - mean, (-log_scale).exp()
    upper, lower = (centred + half) * inverse, (centred - half) * inverse
    # sigmoid(u) - sigmoid(l) = sigmoid(u) sigmoid(-l) (1 - exp(l - u)), with u - l = 2 half inverse
    inside = logsigmoid(upper) + logsigmoid(-lower) + torch.log(-torch.expm1(-2 * half * inverse))
    each = torch.where(x < -1 + half, logsigmoid(upper), inside)
    return torch.where(x > 1 - half, logsigmoid(-lower), each)


def log_discretised_normal(
    x: Tensor, mean: Tensor, log_std: Tensor | float, levels: int = 256
) -> Tensor:
    """log of the mass that a normal leaves in the bin of x: (n, ...) -> (n,).

    The grid has `levels` points in [-1, 1]; the outermost bins reach to infinity.

    Source: Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", 2020, arXiv:2006.11239,
        equation 13.
    """
    half = 1 / (levels - 1)
    if not isinstance(log_std, Tensor):
        log_std = x.new_tensor(log_std)
    inverse, centred = (-log_std).exp(), x - mean
    # Phi(u) - Phi(l) = Phi(u) (1 - Phi(l) / Phi(u)), taken in the lower tail, where nothing cancels
    upper = log_ndtr((half - centred.abs()) * inverse)
    lower = log_ndtr((-half - centred.abs()) * inverse)
    inside = upper + torch.log(-torch.expm1(lower - upper))
    each = torch.where(x < -1 + half, log_ndtr((centred + half) * inverse), inside)
    each = torch.where(x > 1 - half, log_ndtr((half - centred) * inverse), each)
    return each.flatten(1).sum(1)


def entropy_normal(log_std: Tensor) -> Tensor:
    """Entropy of N(., diag std^2): (n, ...) -> (n,)."""
    each = log_std + 0.5 * (1 + math.log(2 * math.pi))
    return each.flatten(1).sum(1)


def kl_normal(mean: Tensor, log_std: Tensor) -> Tensor:
    """KL(N(mean, diag std^2) || N(0, I)): (n, ...) -> (n,)."""
    each = 0.5 * (mean**2 + (2 * log_std).exp() - 1) - log_std
    return each.flatten(1).sum(1)
