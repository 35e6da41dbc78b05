"""Pictures as two nets see them: one that has learnt from drawn worlds, and one of random weights.

A picture of any size becomes 64 x 64 pixels of three channels. Convolutions halve it four times; the means
of each of their layers, fine ones as well as coarse ones, are mixed into 128 features, so that blur, noise
and colours count beside shapes.

    Extractor learns without labels. Each picture x of a batch comes twice, as it is and damaged (blurred,
    noisy, recoloured, quantised in blocks, reduced), and each of the two in two cuts u, v:

        loss = -mean log  exp(f(u) . f(v) / d T) / sum_w exp(f(u) . f(w) / d T)

    over all other cuts w of the batch. So two cuts of one picture have similar features, and not those of
    another picture, nor of the same picture after damage.

Source: van den Oord, Li, Vinyals, "Representation learning with contrastive predictive coding", 2018,
    arXiv:1807.03748, equation 4; Chen, Kornblith, Norouzi, Hinton, "A simple framework for contrastive
    learning of visual representations", 2020, arXiv:2002.05709 (two views of a picture).
Departs: views differ by their cut alone, since what is the same in both views is not seen afterwards, and
    damage is what samples are judged for; damaged pictures are others, not views. No further layers stand
    between the features and the loss.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from ...core import Bits, Losses, Model, Pixels, Refused, Space
from ...train.artifact import digest
from ..frozen import frozen
from .damage import damaged

SIDE, FEATURES, LAYERS = 64, 128, (24, 48, 96, 128)
ROWS = 250  # pictures in one pass
SHIPPED = Path(__file__).parent.parent.parent / "extractors"
LEAST_CUT = 0.7  # of the side, that a cut keeps


def sees(space: Space) -> bool:
    """Whether x are pictures, grey or in colour."""
    shape = space.shape
    return isinstance(space, Pixels | Bits) and len(shape) == 3 and shape[0] in (1, 3)


def prepared(x: Tensor, space: Space) -> Tensor:
    """Pictures of a space, (n, c, h, w), as the nets take them, (n, 3, 64, 64), in [-1, 1]."""
    x = x.float()
    x = space.quantise(x) if isinstance(space, Pixels) else 2 * x - 1
    if x.shape[2:] != (SIDE, SIDE):
        x = interpolate(x, (SIDE, SIDE), mode="bilinear", antialias=True)
    return x.expand(-1, 3, -1, -1)


class Layers(nn.Module):
    """The means of the layers of a convolutional net: (n, 3, 64, 64) -> (n, 296)."""

    def __init__(self):
        super().__init__()
        before, stages = 3, []
        for width in LAYERS:
            first = nn.Conv2d(before, width, 5 if before == 3 else 3, 2, 2 if before == 3 else 1)
            again = [] if before == 3 else [nn.Conv2d(width, width, 3, 1, 1), nn.SiLU()]
            stages.append(nn.Sequential(first, nn.SiLU(), *again))
            before = width
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> Tensor:
        means = []
        for stage in self.stages:
            x = stage(x)
            means.append(x.mean((2, 3)))
        return torch.cat(means, 1)


class Extractor(Model):
    """A net that has learnt from pictures without labels.

    Args:
        space: space of the pictures that it learns from.
        temperature: T of the loss.
    """

    name = "learnt"

    def __init__(self, space: Space, temperature: float = 0.1):
        super().__init__()
        if not sees(space):
            raise Refused(f"Extractor: x are {space}; pictures of 1 or 3 channels are wanted")
        self.space, self.temperature = space, temperature
        self.layers = Layers()
        self.mix = nn.Sequential(
            nn.Linear(sum(LAYERS), FEATURES), nn.LayerNorm(FEATURES, 1e-9, elementwise_affine=False)
        )

    def loss(self, x: Tensor) -> Losses:
        """The contrastive loss of a batch of pictures, nats per cut."""
        x = prepared(x, self.space)
        x = torch.cat([x, damaged(x)])
        first, second = (self.mix(self.layers(cut(x))) for _ in range(2))
        both = torch.cat([first, second])
        likeness = both @ both.T / (FEATURES * self.temperature)
        likeness = likeness - torch.diag(likeness.new_full((len(both),), torch.inf))
        partner = torch.arange(len(both), device=x.device).roll(len(x))
        return {"contrast": cross_entropy(likeness, partner)}

    @torch.no_grad()
    def see(self, x: Tensor, space: Space) -> Tensor:
        """Features of pictures of any space of pictures, (n, c, h, w) -> (n, 128), float64."""
        at = next(self.parameters())
        parts = (self.mix(self.layers(prepared(part, space).to(at))) for part in x.split(ROWS))
        return torch.cat([part.double().cpu() for part in parts])

    def account(self) -> dict[str, Any]:
        """The entry of the extractor in a protocol."""
        return {"name": self.name, "hash": digest(self.state_dict())[:16], "features": FEATURES}


def cut(x: Tensor) -> Tensor:
    """A random square of each picture, enlarged to its size, (n, c, h, w)."""
    n = len(x)
    scale = LEAST_CUT + (1 - LEAST_CUT) * torch.rand(n, device=x.device)
    free = 1 - scale
    across, down = ((2 * torch.rand(n, device=x.device) - 1) * free for _ in range(2))
    zero = torch.zeros_like(scale)
    moves = torch.stack([scale, zero, across, zero, scale, down], 1).reshape(n, 2, 3)
    grid = nn.functional.affine_grid(moves, list(x.shape), align_corners=False)
    return nn.functional.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


class RandomLayers:
    """A net of random weights: what it sees owes nothing to any data.

    Its features are projections of the layers' means, in units of their deviation over real rows.

    Args:
        real: pictures that give the units, (n, c, h, w).
        space: space of the pictures.
        seed: random seed of the weights.
    """

    name = "random"

    def __init__(self, real: Tensor, space: Space, seed: int = 0):
        chance = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng():
            self.layers = Layers().requires_grad_(False)
        for weights in self.layers.parameters():
            fan = weights[0].numel() if weights.dim() > 1 else 0
            weights.normal_(0, (2 / fan) ** 0.5 if fan else 0.1, generator=chance)
        self.mix = torch.randn(sum(LAYERS), FEATURES, generator=chance, dtype=torch.float64)
        self.middle, self.unit = torch.zeros(1), torch.ones(1)
        raw = self._raw(real, space)
        self.middle, self.unit = raw.mean(0), raw.std(0).clamp(min=1e-6)
        seen = self.see(real, space)
        self.mix = self.mix / seen.std(0).clamp(min=1e-6)

    @torch.no_grad()
    def _raw(self, x: Tensor, space: Space) -> Tensor:
        parts = [self.layers(prepared(part.cpu(), space)) for part in x.split(ROWS)]
        return torch.cat(parts).double()

    def see(self, x: Tensor, space: Space) -> Tensor:
        """Features of pictures, (n, c, h, w) -> (n, 128), float64."""
        return (self._raw(x, space) - self.middle) / self.unit @ self.mix

    def account(self) -> dict[str, Any]:
        """The entry of the extractor in a protocol."""
        weights = {**self.layers.state_dict(), "mix": self.mix}
        return {"name": self.name, "hash": digest(weights)[:16], "features": FEATURES}


def shipped() -> Extractor:
    """The extractor that ships with genus, which has learnt from drawn worlds and avatars."""
    return extractor(SHIPPED / "pictures")


def extractor(folder: str | Path) -> Extractor:
    """A frozen extractor from a folder that `genus fit extractor --out FOLDER` wrote.

    Raises:
        Refused: there is none, or its files are damaged.
    """
    missing = f"{folder} holds none; train one: genus fit extractor --out {folder}"
    return frozen("extractor", Path(folder), Extractor, missing)
