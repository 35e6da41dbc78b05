"""BigGAN: a game given classes, with the hinge, whose samples can be truncated: fewer kinds for better ones.

    critic      minimises  E (1 - D(x, c))+ + E (1 + D(G(z, c), c))+
    generator   minimises  -E D(G(z, c), c) + beta sum_W |W W^T without its diagonal|^2      in every k-th round
    samples     G(z, c),   z ~ N(0, I), each number within [-threshold, threshold]

A class is a vector e(c), shared by all layers. z comes in parts: the first makes the coarsest map, and each block gets
one of the others beside e(c), which together say by how much its normalised channels are stretched and moved:

    norm(h; c, z_i) = (1 + A v) (h - mean) / deviation + B v,     v = e(c) beside z_i
    D(x, c)         = w . f(x) + b + u(c) . f(x)                  f: the critic's features, u: a vector for each class

Latents from the middle of their law are those that the generator has practised most. A lower threshold takes these
alone: samples look better, and more alike. Not every generator bears it; the term on the weights makes maps smooth in
all directions, so that more do. In evaluation, mean and deviation are those of a reference batch of the generator's
own, as in `reference`. Its latents are kept as numbers in (0, 1), of which each threshold makes latents of its own law.

Source: Brock, Donahue, Simonyan, "Large scale GAN training for high fidelity natural image synthesis", ICLR 2019,
    arXiv:1809.11096, section 3, equation 3, appendices B and D; the blocks for images of 32 pixels as in the authors'
    code in PyTorch (github.com/ajbrock/BigGAN-PyTorch), without attention there.
Departs: statistics in evaluation are of 128 reference rows, in the place of running or standing means. z outside of the
    threshold is not drawn again, but drawn by the inverse of the distribution, which is the same law. A latent that is
    not divided evenly gives its first parts one number more. Vectors of classes are left out of the term on the
    weights, as in the authors' code.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ...core import Classes, Losses, Pixels, Player, Refused, Space, at_least, require_images
from ...functional.adversarial.objectives import hinge
from ...functional.adversarial.penalties import leaning
from ...nn.constraints import constrain, orthogonal
from ..two_players import TwoPlayers
from .reference import REFERENCE, ReferenceNorm, normalised
from .sngan import ResNetCritic, dense, doubled, halvings, window


class GivenNorm(nn.Module):
    """Batch normalisation whose stretch and shift are given with each row.

    Args:
        channels: number of channels.
        numbers: how many numbers they are linear in.
        rows: reference rows in evaluation.
    """

    def __init__(self, channels: int, numbers: int, rows: int):
        super().__init__()
        self.channels, self.numbers, self.rows = channels, numbers, rows
        self.stretch = nn.Linear(numbers, channels, bias=False)
        self.shift = nn.Linear(numbers, channels, bias=False)

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        h = normalised(x, 0 if self.training else self.rows)
        stretch, shift = ((net(v))[:, :, None, None] for net in (self.stretch, self.shift))
        return (1 + stretch) * h + shift


class GivenUp(nn.Module):
    """(n, width, h, w) -> (n, width, 2 h, 2 w), given v, (n, numbers)."""

    def __init__(self, width: int, numbers: int, rows: int):
        super().__init__()
        self.before = GivenNorm(width, numbers, rows)
        self.between = GivenNorm(width, numbers, rows)
        self.doubling, self.keeping = (window(width, width, 3, 1.0) for _ in range(2))
        self.shortcut = window(width, width, 1, 1.0)

    def forward(self, x: Tensor, v: Tensor) -> Tensor:
        h = doubled(self.doubling, self.before(x, v).relu())
        h = self.keeping(self.between(h, v).relu())
        return h + interpolate(self.shortcut(x), scale_factor=2)


class BigGANGenerator(nn.Module):
    """z, (n, latent), and classes, (n,), to (n, *shape), any real numbers.

    Args:
        latent: the size of z, at least one number for the first map and for each block.
        shape: (c, h, w) of the image; height and width must be even.
        classes: number of classes.
        width: channels of all hidden maps; the paper's are 256 at 32 pixels.
        shared: numbers of a class; the paper's are 128.
        coarsest: sides are halved, from the image's, while they are even and stay at least this.
        rows: reference rows in evaluation.
    """

    chances: Tensor  # (rows, latent), in (0, 1)
    labels: Tensor  # (rows,)

    def __init__(
        self,
        latent: int,
        shape: Sequence[int],
        classes: int,
        width: int = 256,
        shared: int = 128,
        coarsest: int = 4,
        rows: int = REFERENCE,
    ):
        super().__init__()
        self.latent, self.shape, self.classes = latent, tuple(shape), classes
        self.width, self.shared, self.coarsest, self.rows = width, shared, coarsest, rows
        channels, height, breadth = shape
        steps = halvings(shape, coarsest)
        at_least(1 + steps, "BigGANGenerator", latent=latent)
        self.grid = (height >> steps, breadth >> steps)
        first, *others = (len(part) for part in torch.arange(latent).tensor_split(1 + steps))
        self.parts = (first, *others)
        self.embed = nn.Embedding(classes, shared)
        self.first = dense(first, width * self.grid[0] * self.grid[1])
        self.blocks = nn.ModuleList(GivenUp(width, shared + part, rows) for part in others)
        self.norm_last = ReferenceNorm(width, rows)
        self.last = window(width, channels, 3, 1.0)
        orthogonal(self)
        constrain(self.first, "spectral")
        constrain(self.blocks, "spectral")
        constrain(self.last, "spectral")
        self.register_buffer("chances", torch.rand(rows, latent))
        self.register_buffer("labels", torch.arange(rows) % classes)

    def forward(self, z: Tensor, context: Tensor, threshold: float = math.inf) -> Tensor:
        """Images; in evaluation each by itself, whatever the others are.

        Args:
            z: latents, (n, latent).
            context: classes, (n,) int64.
            threshold: that of the law of z, for the reference rows.
        """
        if self.training or not self.rows:
            return self.make(z, context)
        reference = truncated(self.chances, threshold).to(z)
        rows = torch.cat([reference, z]), torch.cat([self.labels, context])
        return self.make(*rows)[self.rows :]

    def make(self, z: Tensor, context: Tensor) -> Tensor:
        """What becomes of all rows together."""
        first, *others = z.split(self.parts, 1)
        e = self.embed(context)
        h = self.first(first).reshape(-1, self.width, *self.grid)
        h = h.contiguous(memory_format=torch.channels_last)
        for block, part in zip(self.blocks, others, strict=True):
            h = block(h, torch.cat([e, part], 1))
        return self.last(self.norm_last(h).relu()).contiguous()


class BigGANCritic(nn.Module):
    """x, (n, *shape), and classes, (n,), to scores, (n,).

    Args:
        shape: (c, h, w) of the image; height and width must be even.
        classes: number of classes.
        width: channels of all hidden maps.
    """

    def __init__(self, shape: Sequence[int], classes: int, width: int = 256):
        super().__init__()
        self.shape, self.classes, self.width = tuple(shape), classes, width
        self.net = ResNetCritic(shape, width, None)
        self.fits = nn.Embedding(classes, width)
        orthogonal(self)
        constrain(self, "spectral")

    def features(self, x: Tensor) -> Tensor:
        """f(x), (n, width)."""
        return self.net.features(x)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        f = self.features(x)
        return self.net.head(f).flatten() + (self.fits(context) * f).sum(1)


def truncated(chances: Tensor, threshold: float) -> Tensor:
    """Numbers of N(0, 1) within [-threshold, threshold], of numbers in (0, 1): the inverse of its distribution."""
    chances = chances.double()
    edge = torch.special.ndtr(torch.tensor(threshold, dtype=torch.float64, device=chances.device))
    inside = (1 - edge) + chances * (2 * edge - 1)
    return torch.special.ndtri(inside.clamp(1e-12, 1 - 1e-12)).clamp(-threshold, threshold)


@dataclass(frozen=True)
class Truncation:
    """Where latents may lie.

    Args:
        threshold: the largest size of a number of z, above 0; infinity truncates nothing.
    """

    threshold: float = math.inf

    def __post_init__(self) -> None:
        if not self.threshold > 0:
            raise Refused(f"Truncation: threshold is {self.threshold}; it must be above 0")


WHOLE = Truncation()


class BigGAN(TwoPlayers):
    """A game of two on images with a class.

    Args:
        space: Pixels((channels, height, width)), of even sides.
        classes: number of classes, at least 2.
        latent: the size of z.
        width: channels of the generator's maps.
        critic_width: channels of the critic's maps.
        shared: numbers of a class in the generator.
        coarsest: shortest side, in pixels, of the generator's first map.
        critic_rounds: the generator plays in every so many rounds, the critic in all; the paper's is 2.
        orthogonal: the weight beta, at least 0; the paper's is 0.0001.
    """

    space: Pixels  # pyright: ignore[reportIncompatibleVariableOverride]
    generator: BigGANGenerator  # pyright: ignore[reportIncompatibleVariableOverride]
    objective = hinge
    sampling_options = Truncation

    def __init__(
        self,
        space: Space,
        classes: int,
        latent: int = 128,
        width: int = 256,
        critic_width: int = 256,
        shared: int = 128,
        coarsest: int = 4,
        critic_rounds: int = 2,
        orthogonal: float = 1e-4,
    ):
        super().__init__()
        self.space = require_images(space, "BigGAN", least=2)
        at_least(2, "BigGAN", classes=classes)
        at_least(
            1,
            "BigGAN",
            width=width,
            critic_width=critic_width,
            shared=shared,
            coarsest=coarsest,
            critic_rounds=critic_rounds,
        )
        at_least(0, "BigGAN", orthogonal=orthogonal)
        self.context_space, self.classes, self.latent = Classes(classes), classes, latent
        self.width, self.critic_width, self.shared = width, critic_width, shared
        self.coarsest, self.critic_rounds, self.orthogonal = coarsest, critic_rounds, orthogonal
        shape = self.space.shape
        self.generator = BigGANGenerator(latent, shape, classes, width, shared, coarsest)
        self.critic = BigGANCritic(shape, classes, critic_width)

    def critic_loss(self, x: Tensor, fake: Tensor, context: Tensor) -> Losses:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Both sides of the hinge."""
        return self.objective.critic(self.critic(x, context), self.critic(fake, context))

    def generator_loss(self, x: Tensor, fake: Tensor, context: Tensor) -> Losses:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The other half, and the term on the weights."""
        scores = self.critic(fake, context)
        terms = self.objective.generator(scores.new_empty(0), scores)
        if self.orthogonal:
            named = self.generator.named_parameters()
            weights = (weight for name, weight in named if not name.startswith("embed"))
            terms["orthogonal"] = self.orthogonal * leaning(weights)
        return terms

    def players(self) -> dict[str, Player]:
        """The critic, then the generator, which waits for `critic_rounds`."""
        critic, generator = super().players().values()
        return {"critic": critic, "generator": generator._replace(every=self.critic_rounds)}

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: Truncation = WHOLE,
    ) -> Tensor:
        """(n, *shape), one for each class of context."""
        context = self.context_given(n, context)
        z = self.noise(len(context), self.latent)
        if decoding.threshold < math.inf:
            z = truncated(torch.special.ndtr(z.double()), decoding.threshold).to(z)
        made = self.generator(z, context, decoding.threshold)
        return self.space.quantise(self.space.squash(made))
