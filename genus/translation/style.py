"""The style of an image: what reads it, and how styles of samples are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, leaky_relu

from ..core import Refused, at_least


class StyleEncoder(nn.Module):
    """Reads a style from an image: (n, d_in, h, w) -> means and log variances, (n, latent) each.

    Args:
        d_in: channels.
        side: the shorter side, in pixels, at least 4.
        width: channels after the first halving; later ones have up to four times as many.
        latent: the size of z.
    """

    def __init__(self, d_in: int, side: int, width: int, latent: int):
        super().__init__()
        self.d_in, self.side, self.width, self.latent = d_in, side, width, latent
        halvings = min(4, side.bit_length() - 2)
        widths = [width * min(4, i + 1) for i in range(halvings + 1)]
        self.first = nn.Conv2d(d_in, width, 4, stride=2, padding=1)
        self.blocks = nn.ModuleList(map(HalvingBlock, widths, widths[1:]))
        self.mean = nn.Linear(widths[-1], latent)
        self.log_var = nn.Linear(widths[-1], latent)

    def forward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        h = self.first(y)
        for block in self.blocks:
            h = block(h)
        h = leaky_relu(h, 0.2).mean((2, 3))
        return self.mean(h), self.log_var(h)


class HalvingBlock(nn.Module):
    """A residual block that halves the sides: (n, d_in, h, w) -> (n, d_out, h / 2, w / 2), rounded up.

    What is normalised, each row by itself, is only added: how strong features are is not forgotten.
    """

    def __init__(self, d_in: int, d_out: int):
        super().__init__()
        self.d_in, self.d_out = d_in, d_out
        self.norms = nn.ModuleList(nn.InstanceNorm2d(d_in, affine=True) for _ in range(2))
        self.keeping = nn.Conv2d(d_in, d_in, 3, padding=1)
        self.halving = nn.Conv2d(d_in, d_out, 3, padding=1)
        self.shortcut = nn.Conv2d(d_in, d_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.keeping(leaky_relu(self.norms[0](x), 0.2))
        h = self.halving(leaky_relu(self.norms[1](h), 0.2)) + self.shortcut(x)
        return avg_pool2d(h, 2, ceil_mode=True)


@dataclass(frozen=True)
class StyleDecoding:
    """The style of all samples: z ~ N(style, temperature^2 I).

    Args:
        style: latent numbers of a style, such as `model.encode(y)[0]`; zeros by default.
        temperature: deviation of z from it, at least 0; by default 1, or 0 if a style is given.
    """

    style: Sequence[float] | Tensor | None = None
    temperature: float | None = None

    def __post_init__(self) -> None:
        at_least(0, "StyleDecoding", temperature=self.temperature)
        if self.style is not None:
            object.__setattr__(self, "style", tuple(map(float, self.style)))

    def draw(self, noise: Tensor) -> Tensor:
        """Styles, (n, latent), of as much noise from N(0, I)."""
        if self.style is None:
            return noise if self.temperature is None else self.temperature * noise
        if len(self.style) != noise.shape[1]:
            raise Refused(
                f"StyleDecoding: style has {len(self.style)} numbers; {noise.shape[1]} are wanted"
            )
        return noise.new_tensor(self.style) + (self.temperature or 0.0) * noise
