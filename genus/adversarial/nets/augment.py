"""Augmentation in front of a critic: for games with so few rows that it would learn them by heart.

Both sides of the game, and both players, see augmented rows, and gradients run through: so the
generator is drawn to the data, not to what augmentation makes of them, as long as the data's law can
be told from that of the augmented data. All maps here are linear in x up to a constant, and can be
differentiated any number of times.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ...errors import Refused, at_least, in_range
from ..views import View

REACH = 8  # a shift is at most an eighth of a side


class DiffAugment(View):
    """Colour, shift and a hole, of strengths drawn anew for each image: images (n, c, h, w).

        colour         + U(-0.5, 0.5); distance from the channels' mean, times U(0, 2); distance from
                       the image's mean, times U(0.5, 1.5)
        translation    by up to an eighth of each side, whole pixels, zeros move in
        cutout         zeros in a rectangle of half of each side, centred anywhere in the image

    Source: Zhao, Liu, Lin, Zhu, Han, "Differentiable augmentation for data-efficient GAN training",
        2020, arXiv:2006.10738; the ranges are those of the authors' code.

    Args:
        policy: those of the three to use, in this order.
    """

    def __init__(self, policy: Sequence[str] = ("colour", "translation", "cutout")):
        super().__init__()
        if isinstance(policy, str) or not policy or (unknown := {*policy} - {*MAPS}):
            came = unknown if not isinstance(policy, str) and policy else policy
            raise Refused(
                f"DiffAugment: policy has {came!r}; a sequence of {', '.join(MAPS)} is wanted"
            )
        self.policy = tuple(policy)

    def forward(self, x: Tensor) -> Tensor:
        check(x, "DiffAugment")
        for name in self.policy:
            x = MAPS[name](x)
        return x


def colour(x: Tensor) -> Tensor:
    """Brightness, saturation and contrast; one channel has no saturation."""
    x = x + (draw(x) - 0.5)
    grey = x.mean(1, keepdim=True)
    x = grey + 2 * draw(x) * (x - grey)
    middle = x.mean((1, 2, 3), keepdim=True)
    return middle + (draw(x) + 0.5) * (x - middle)


def translation(x: Tensor) -> Tensor:
    """Moved by whole pixels, up to an eighth of each side (rounded); zeros move in."""
    n, _, height, width = x.shape
    rows, inside_rows = _moved(n, height, x.device)
    columns, inside_columns = _moved(n, width, x.device)
    index = rows[:, :, None] * width + columns[:, None, :]
    inside = (inside_rows[:, :, None] & inside_columns[:, None, :])[:, None]
    return torch.where(inside, _pixels(x, index), 0.0)


def cutout(x: Tensor) -> Tensor:
    """Zeros in a rectangle of half of each side, whose part outside of the image is lost."""
    n, _, height, width = x.shape
    rows, columns = (_hole(n, side, x.device) for side in (height, width))
    return x.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)


MAPS = {"colour": colour, "translation": translation, "cutout": cutout}


class AdaptiveAugment(View):
    """Augmentation with a probability p that rises while the critic is too sure of real rows.

    A critic that has learnt its rows by heart gives real rows a positive score nearly always. So
    after each of its moves p goes one way or the other,

        p  <-  clip(p + sign(E sign D(x) - target) n / images, 0, 1)

    and each map below is applied to each image with probability p, on its own.

        blit        mirror, quarter turns (half turns if not square), a shift by whole pixels
        geometry    scale 2^N(0, 0.2^2), turn, stretch 2^N(0, 0.2^2), a shift by N(0, 1/8^2)
        colour      + N(0, 0.2^2), times 2^N(0, 0.5^2), luma flip, saturation 2^N(0, 1)

    Source: Karras, Aittala, Hellsten, Laine, Lehtinen, Aila, "Training generative adversarial
        networks with limited data", 2020, arXiv:2006.06676, sections 2 and 3, appendix B, and the
        authors' code (ranges; p moves by one in 500,000 images).
    Departs: bilinear sampling without a wavelet filter; one turn, not one before and one after the
        stretch; edges are mirrored pixel by pixel; no turn of the hue, no filtering, no noise, no
        cutout (the paper's best set has none of the last three); p moves in each round, not in
        every fourth, and is at most 1; luma is the channels' mean, however many there are.

    Args:
        policy: those of blit, geometry and colour to use.
        target: target of E sign D(x), in [0, 1); scores are logits, high for data.
        images: real ones that the critic scores (packs, if it is shown packs) while p moves by one, at
            least 1. Over several ranks, each counts its own and moves its own p.
        start: p of the first round, in [0, 1].
    """

    p: Tensor

    def __init__(
        self,
        policy: Sequence[str] = ("blit", "geometry", "colour"),
        target: float = 0.6,
        images: int = 500_000,
        start: float = 0.0,
    ):
        super().__init__()
        if isinstance(policy, str) or not policy or {*policy} - {"blit", "geometry", "colour"}:
            raise Refused(
                f"AdaptiveAugment: policy is {policy!r}; a sequence of blit, geometry and colour "
                f"is wanted"
            )
        in_range("AdaptiveAugment", "[0, 1)", target=target)
        at_least(1, "AdaptiveAugment", images=images)
        in_range("AdaptiveAugment", "[0, 1]", start=start)
        self.policy, self.target, self.images, self.start = tuple(policy), target, images, start
        self.register_buffer("p", torch.tensor(float(start)))

    def forward(self, x: Tensor) -> Tensor:
        check(x, "AdaptiveAugment")
        if "blit" in self.policy or "geometry" in self.policy:
            x = sampled(x, *self._places(x))
        return self._recoloured(x) if "colour" in self.policy else x

    def adapt(self, scores: Tensor) -> None:
        step = (scores.sign().mean() - self.target).sign() * len(scores) / self.images
        self.p.add_(step.to(self.p)).clamp_(0, 1)

    def _happens(self, value: Tensor, otherwise: float) -> Tensor:
        """The value for the share p of images, else what changes nothing."""
        return torch.where(torch.rand_like(value) < self.p, value, otherwise)

    def _places(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Where each pixel comes from: row and column, (n, h, w), in pixels, exact if nothing is done."""
        n, _, height, width = x.shape
        one = x.new_ones(n)
        middle_row, middle_column = (height - 1) / 2, (width - 1) / 2
        v = (torch.arange(height, device=x.device, dtype=x.dtype) - middle_row)[None, :, None]
        u = (torch.arange(width, device=x.device, dtype=x.dtype) - middle_column)[None, None, :]
        u, v = (u + 0 * v).expand(n, -1, -1), (v + 0 * u).expand(n, -1, -1)
        if "geometry" in self.policy:
            shift = [self._happens(torch.randn_like(one) / REACH, 0) * s for s in (width, height)]
            u, v = u - _wide(shift[0]), v - _wide(shift[1])
            stretch, scale = (
                self._happens((0.2 * torch.randn_like(one)).exp2(), 1) for _ in range(2)
            )
            u, v = u / _wide(scale * stretch), v / _wide(scale / stretch)
            angle = _wide(self._happens((2 * torch.rand_like(one) - 1) * math.pi, 0))
            u, v = u * angle.cos() + v * angle.sin(), v * angle.cos() - u * angle.sin()
        if "blit" in self.policy:
            far = [((2 * torch.rand_like(one) - 1) * s / REACH).round() for s in (width, height)]
            together = self._happens(one, 0)
            u, v = u - _wide(far[0] * together), v - _wide(far[1] * together)
            quarters = (4 * torch.rand_like(one)).floor()
            if height != width:
                quarters = 2 * (quarters / 2).floor()
            quarters = _wide(self._happens(quarters, 0))
            odd, sign = quarters % 2 == 1, torch.where(quarters < 2, 1.0, -1.0)
            u, v = torch.where(odd, v, u) * sign, torch.where(odd, -u, v) * sign
            u = u * _wide(self._happens((torch.rand_like(one) < 0.5).to(x) * -2 + 1, 1))
        return v + middle_row, u + middle_column

    def _recoloured(self, x: Tensor) -> Tensor:
        one = x.new_ones(len(x), 1, 1, 1)
        x = x + self._happens(0.2 * torch.randn_like(one), 0)
        x = x * self._happens((0.5 * torch.randn_like(one)).exp2(), 1)
        flip = self._happens((torch.rand_like(one) < 0.5).to(x), 0)
        x = x - 2 * flip * x.mean(1, keepdim=True)
        if x.shape[1] == 1:
            return x
        grey = x.mean(1, keepdim=True)
        more = self._happens(torch.randn_like(one).exp2(), 1) - 1
        return x + more * (x - grey)


# --- pieces -----------------------------------------------------------------------------------


def check(x: Tensor, who: str) -> None:
    """Raises Refused, in the name of `who`, if x is not a batch of images."""
    if x.dim() != 4:
        raise Refused(f"{who}: x has shape {tuple(x.shape)}; images, (n, c, h, w), are wanted")


def draw(x: Tensor) -> Tensor:
    """A uniform number in [0, 1) for each image, (n, 1, 1, 1)."""
    return torch.rand(len(x), 1, 1, 1, dtype=x.dtype, device=x.device)


def sampled(x: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Images (n, c, h, w) read at places (n, h, w), in pixels, between four neighbours.

    Outside, the image continues as its mirror image, the edge being repeated. It can be differentiated
    twice by x, which `torch.nn.functional.grid_sample` cannot.
    """
    _, _, height, width = x.shape
    top, left = row.floor(), column.floor()
    down, right = (row - top)[:, None], (column - left)[:, None]
    out = torch.zeros_like(x)
    for i, share_i in ((0, 1 - down), (1, down)):
        for j, share_j in ((0, 1 - right), (1, right)):
            index = _mirrored(top + i, height) * width + _mirrored(left + j, width)
            out = out + share_i * share_j * _pixels(x, index)
    return out


def _mirrored(place: Tensor, side: int) -> Tensor:
    """0 .. side - 1 from any whole number: 0 1 2 2 1 0 0 1 2 ... for a side of 3."""
    place = place.long() % (2 * side)
    return torch.minimum(place, 2 * side - 1 - place)


def _pixels(x: Tensor, index: Tensor) -> Tensor:
    """x, (n, c, h, w), with the pixels of these numbers, (n, h, w), in every channel."""
    flat = index.flatten(1)[:, None].expand(-1, x.shape[1], -1)
    return x.flatten(2).gather(2, flat).reshape(x.shape)


def _wide(value: Tensor) -> Tensor:
    return value[:, None, None]


def _moved(n: int, side: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """For each image, which line every line comes from, (n, side), and whether there is such a line."""
    far = int(side / REACH + 0.5)
    shift = torch.randint(-far, far + 1, (n, 1), device=device)
    place = torch.arange(side, device=device) - shift
    return place.clamp(0, side - 1), (place >= 0) & (place < side)


def _hole(n: int, side: int, device: torch.device) -> Tensor:
    """For each image, which lines are in the hole, (n, side)."""
    size = int(side / 2 + 0.5)
    centre = torch.randint(side + 1 - size % 2, (n, 1), device=device)
    place = torch.arange(side, device=device) - centre + size // 2
    return (place >= 0) & (place < size)
