"""Sound: companding, and spectra on the mel scale.

    f(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu)                     mu = levels - 1
    mel(f) = 2595 log10(1 + f / 700)                               f in hertz

A quiet sound has most of the levels of a companded one: with 256 of them speech is hard to tell from
16 bits.

Source: van den Oord et al., "WaveNet: a generative model for raw audio", 2016, arXiv:1609.03499 (the
    mu-law as a formula); the mel scale is the one that is common in speech processing.
"""

import math

import torch
from torch import Tensor


def companded(x: Tensor, levels: int = 256) -> Tensor:
    """f(x) of x in [-1, 1], in [-1, 1]."""
    mu = levels - 1
    return x.sign() * torch.log1p(mu * x.abs()) / math.log1p(mu)


def expanded(y: Tensor, levels: int = 256) -> Tensor:
    """`companded` undone."""
    mu = levels - 1
    return y.sign() * torch.expm1(y.abs() * math.log1p(mu)) / mu


def mu_law(x: Tensor, levels: int = 256) -> Tensor:
    """The number of the level, int64 in 0 .. levels - 1, that is nearest to f(x), x in [-1, 1]."""
    return ((companded(x, levels) + 1) / 2 * (levels - 1)).round().clamp(0, levels - 1).long()


def mu_law_undone(index: Tensor, levels: int = 256) -> Tensor:
    """The middle of each level, in [-1, 1], float32."""
    return expanded(2 * index.float() / (levels - 1) - 1, levels)


def mel_bands(bands: int, size: int, rate: int) -> Tensor:
    """What each band takes of each frequency of a spectrum, (bands, size // 2 + 1).

    Triangles whose corners are evenly spaced in mel from 0 to half the rate.

    Args:
        bands: number of bands.
        size: samples in a window.
        rate: samples in a second.
    """
    top = 2595 * math.log10(1 + rate / 2 / 700)
    corners = 700 * (10 ** (torch.linspace(0, top, bands + 2, dtype=torch.float64) / 2595) - 1)
    here = torch.linspace(0, rate / 2, size // 2 + 1, dtype=torch.float64)
    low, middle, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising, falling = (here - low) / (middle - low), (high - here) / (high - middle)
    return torch.minimum(rising, falling).clamp(min=0).float()


def log_mel(x: Tensor, bands: int = 40, size: int = 256, hop: int = 80, rate: int = 8000) -> Tensor:
    """Natural logarithms of the power in each band, (n, length // hop, bands), of x, (n, length).

    The i-th window is centred on the middle of samples i hop .. (i + 1) hop - 1; before and after x
    there is silence. Powers are floored at 1e-8.

    Args:
        x: samples in [-1, 1].
        bands: number of bands.
        size: samples in a window, which is Hann's.
        hop: samples from one window to the next.
        rate: samples in a second.
    """
    frames = x.shape[1] // hop
    before = (size - hop) // 2
    padded = torch.nn.functional.pad(x, (before, size - before))
    windows = padded.unfold(1, size, hop)[:, :frames] * torch.hann_window(size).to(x)
    power = torch.fft.rfft(windows).abs().square() / size
    return (power @ mel_bands(bands, size, rate).to(x).T).clamp(min=1e-8).log()
