"""Colours as CIE L*a*b*, in which equal distances look about equally far apart, and lightness stands alone.

    linear = ((s + 0.055) / 1.055)^2.4  where s > 0.04045, else s / 12.92        s = (x + 1) / 2, of sRGB
    XYZ    = M linear, over the white point
    f(t)   = t^(1/3)  where t > (6/29)^3, else t / (3 (6/29)^2) + 4/29
    L = 116 f(Y) - 16,    a = 500 (f(X) - f(Y)),    b = 200 (f(Y) - f(Z))

Source: IEC 61966-2-1:1999 (sRGB, white point D65); CIE 15:2004, section 8.2.1 (L*a*b*).
"""

import torch
from torch import Tensor

from ...errors import Refused

TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
KNEE = 6 / 29


def lab_of(x: Tensor) -> Tensor:
    """L in [0, 100], a and b in about [-110, 110], (n, 3, ...), of sRGB colours in [-1, 1], (n, 3, ...)."""
    _three("lab_of", x)
    s = (x + 1) / 2
    linear = torch.where(s > 0.04045, ((s.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, s / 12.92)
    t = _mixed(_to_white(linear), linear)
    bent = torch.where(t > KNEE**3, t.clamp(min=KNEE**3) ** (1 / 3), t / (3 * KNEE**2) + 4 / 29)
    x, y, z = bent.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def rgb_of(lab: Tensor) -> Tensor:
    """sRGB in [-1, 1], (n, 3, ...), of L, a and b, (n, 3, ...); what no screen can show is cut off."""
    _three("rgb_of", lab)
    light, a, b = lab.unbind(1)
    y = (light + 16) / 116
    bent = torch.stack([y + a / 500, y, y - b / 200], 1)
    t = torch.where(bent > KNEE, bent.clamp(min=0) ** 3, 3 * KNEE**2 * (bent - 4 / 29))
    linear = _mixed(torch.linalg.inv(_to_white(lab)), t)
    s = torch.where(
        linear > 0.0031308, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055, 12.92 * linear
    )
    return 2 * s.clamp(0, 1) - 1


def _to_white(like: Tensor) -> Tensor:
    """XYZ over the white point, of linear RGB, (3, 3)."""
    m = torch.tensor(TO_XYZ, dtype=torch.float64)
    return (m / m.sum(1, keepdim=True)).to(like)


def _mixed(matrix: Tensor, x: Tensor) -> Tensor:
    return torch.einsum("ij,nj...->ni...", matrix, x)


def _three(who: str, x: Tensor) -> None:
    if x.dim() < 2 or x.shape[1] != 3:
        raise Refused(f"{who}: x is {tuple(x.shape)}; (n, 3, ...) is wanted, of three colours")
