"""HierarchicalVAE: groups of latents on the places of a picture, from coarse to fine, each given all groups above it.

A network climbs once from x to coarser and coarser maps, without noise. Another descends, and it is the same one that
generates: at each group it says what it expects of z (p), and where x is known, what the climb has seen at this scale
corrects it (q). What is drawn is added to the map, which goes on to the next group. So q has the order of the true
posterior, coarse things first, and a fine z only pays for what the coarse ones have not said.

    up       : d_1 = stem(x),  d_{s+1} = coarser(d_s),  and a residual block at each scale s
    down     : h = what is learned of each place, and finer(h) from scale to scale, the coarsest first; at each group l
                   mu_l, log sigma_l = P_l(h)             p(z_l | z_<l)    = N(mu_l, sigma_l^2)
                   m_l,  log s_l     = Q_l(h, d_s)        q(z_l | z_<l, x) = N(mu_l + sigma_l m_l, (sigma_l s_l)^2)
                   h <- blocks(h + W_l z_l),              z_l = mu_l + sigma_l e_l
               p(x | z) = likelihood(h),  of the last h
    KL_l     = 1/2 sum (m_l^2 + s_l^2 - 1 - 2 log s_l)
    w        = p(x, z) / q(z | x) = p(x | z) prod_l N(e_l; 0, 1) / N(e_l; m_l, s_l^2)
    loss     = -E_q log p(x | z) + beta sum_l max(free, KL_l),     KL_l the mean over the batch

q is written relative to p: where p moves, q moves along, and a group that x says nothing about has m = 0, s = 1. In
the unit of p all groups are the numbers e, whose prior is N(0, I), and these are the codes of this model.

Fresh guesses are nearly p, and W begins small. Were the KL large at first, groups would give up before the descent
can use them; and a group that has given up is noise, which W lets in until it is unlearned.

Source: Vahdat, Kautz, "NVAE: a deep hierarchical variational autoencoder", 2020, arXiv:2007.03898 (groups and scales,
    q relative to p); Kingma and others, "Improving variational inference with inverse autoregressive flow", 2016,
    arXiv:1606.04934 (a climb without noise, one descent for both, free bits); Maaløe, Fraccaro, Liévin, Winther,
    "BIVA: a very deep hierarchy of latent variables for generative modeling", 2019, arXiv:1902.02102; Child, "Very deep
    VAEs generalize autoregressive models and can outperform them on images", 2021, arXiv:2011.10650 (bottlenecks
    whose last weights begin small, and a learned map at each scale).
Departs: m counts in units of sigma; no batch normalisation, depthwise convolutions, squeeze and excitation, spectral
    regularisation or flows: for one core of a processor, pictures are cut into squares of `patch` pixels, and nothing
    is done at their own size; all groups of a scale see the same d; likelihoods are those of `likelihoods`; warm-up
    counts rounds, and begins with 1 / warm_up in the place of 0.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle, silu

from ...core import (
    Bits,
    GenerativeModel,
    Losses,
    Pixels,
    Player,
    Reals,
    Refused,
    Space,
    at_least,
    in_range,
    require,
)
from ...functional.densities.densities import kl_normal, log_normal
from ..amortised import check_likelihood, kl_of_units
from ..belief import Belief
from ..likelihoods import Likelihood, NoiseDecoding, fitting
from ..warmup import WarmUp
from .groups import GAIN, Bottleneck, Conv, LatentGroup


@dataclass(frozen=True)
class LatentDecoding(NoiseDecoding):
    """What is drawn: of p(x | z) as in `NoiseDecoding`, and of p(z).

    Args:
        latent_temperature: factor on the deviation of every latent given those above it, at least 0.
    """

    latent_temperature: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(0, "LatentDecoding", latent_temperature=self.latent_temperature)


class Passed(NamedTuple):
    """A way through all groups, the coarsest first."""

    numbers: Tensor  # (n, numbers * c, height, width): what the likelihood makes of it
    codes: list[Tensor]  # e of each group
    guesses: list[Belief]  # q of each group, in the unit of p


class HierarchicalVAE(GenerativeModel):
    """A model of pictures with groups of latents at several scales.

    Sides need not be powers of two: they are padded to squares, and halved rounding up.

    Args:
        space: Bits, Pixels or Reals of (channels, height, width).
        latents: channels of the groups at each scale, the finest scale first: ((4,), (8, 8)) are one group at the
            finest, and two at half its size; () is a scale without groups, which the coarsest may not be.
        widths: channels of the maps at each scale.
        blocks: residual blocks of the descent at each scale, after each of its groups.
        patch: side of the squares of pixels that are one place of the finest scale.
        dropout: share of the channels within residual blocks and guesses that are set to zero in a round of training.
        likelihood: what the last map's numbers mean; the one that fits the space if none is given.
        free: nats of each group that cost nothing, at least 0.
        warm_up: rounds until the KL has its full weight; 0 gives it from the first round on.
    """

    sampling_options = LatentDecoding

    def __init__(
        self,
        space: Space,
        latents: Sequence[Sequence[int]] = ((4,), (8, 8), (16,)),
        widths: Sequence[int] = (48, 64, 96),
        blocks: Sequence[int] = (3, 1, 2),
        patch: int = 4,
        dropout: float = 0.0,
        likelihood: Likelihood | None = None,
        free: float = 0.0,
        warm_up: int = 0,
    ):
        super().__init__()
        require("HierarchicalVAE", space, Bits, Pixels, Reals, axes="channels, height, width")
        at_least(1, "HierarchicalVAE", patch=patch)
        at_least(0, "HierarchicalVAE", free=free, warm_up=warm_up)
        in_range("HierarchicalVAE", "[0, 1)", dropout=dropout)
        _check_scales(latents, widths, blocks)
        self.space, self.latents = space, tuple(map(tuple, latents))
        self.widths, self.blocks, self.patch = tuple(widths), tuple(blocks), patch
        self.dropout, self.free, self.warm_up = dropout, free, warm_up
        self.likelihood = fitting(space) if likelihood is None else likelihood
        check_likelihood("HierarchicalVAE", self.likelihood, space)

        channels, *sides = space.shape
        self.sides = [tuple(-(-side // patch) for side in sides)]  # of the map at each scale
        for _ in widths[1:]:
            self.sides.append(tuple((side + 1) // 2 for side in self.sides[-1]))
        scales = list(zip(self.latents, self.widths, self.blocks, self.sides, strict=True))
        self.shapes = [(c, *side) for groups, _, _, side in reversed(scales) for c in groups]
        self.latent = sum(map(math.prod, self.shapes))  # of all groups together
        depth = sum(max(1, len(groups)) * number for groups, _, number, _ in scales)
        gain = GAIN / math.sqrt(max(1, depth))

        self.stem = Conv(channels * patch**2, widths[0], 3)
        self.climbing = nn.ModuleList(Bottleneck(width, gain, dropout) for width in widths)
        self.coarser = nn.ModuleList(Conv(*pair, 3, stride=2) for pair in pairwise(widths))
        self.finer = nn.ModuleList(Conv(above, 4 * width) for width, above in pairwise(widths))
        self.places = nn.ParameterList(torch.zeros(w, *side) for _, w, _, side in scales)
        self.groups = nn.ModuleList(
            nn.ModuleList(LatentGroup(width, c, number, gain, dropout) for c in groups)
            for groups, width, number, _ in scales
        )
        self.plain = nn.ModuleList(  # blocks of scales without groups
            nn.Sequential(*(Bottleneck(w, gain, dropout) for _ in range(0 if groups else number)))
            for groups, w, number, _ in scales
        )
        self.texture = Conv(widths[0], widths[0], 3)
        self.paint = Conv(widths[0], self.likelihood.numbers * channels * patch**2, gain=0.3)
        self.warming = WarmUp(warm_up)

    # both ways

    def climb(self, x: Tensor, k: int = 1) -> list[Tensor]:
        """What each group is told of x, the coarsest first, (k n, ...): all rows once before any row again."""
        height, width = (side * self.patch for side in self.sides[0])
        x = pad(x, (0, width - x.shape[3], 0, height - x.shape[2]))
        d = self.stem(_last_channels(pixel_unshuffle(x, self.patch)))
        hints = list[Tensor]()
        for scale, block in enumerate(self.climbing):
            d = block(d if scale == 0 else self.coarser[scale - 1](d))
            told = [group.look(silu(d)) for group in self._groups(scale)]
            hints[:0] = told if k == 1 else [hint.repeat(k, 1, 1, 1) for hint in told]
        return hints

    def descend(self, n: int, choose: Callable[[int, LatentGroup, Tensor], Tensor]) -> Tensor:
        """What the likelihood makes of n codes, (n, numbers * c, height, width).

        Args:
            n: number of rows.
            choose: each group's code, from its number, itself, and the map above it after its SiLU.
        """
        h, number = None, 0
        for scale in reversed(range(len(self.widths))):
            place = self.places[scale].expand(n, -1, -1, -1)
            h = _last_channels(place) if h is None else place + self._grown(h, scale)
            for group in self._groups(scale):
                h = group(h, partial(choose, number, group))
                number += 1
            h = self.plain[scale](h)
        assert h is not None
        numbers = self.paint(silu(self.texture(silu(h))))
        height, width = self.space.shape[1:]
        return pixel_shuffle(numbers, self.patch)[:, :, :height, :width]

    def _groups(self, scale: int) -> Iterator[LatentGroup]:
        return cast(Iterator[LatentGroup], iter(cast(nn.ModuleList, self.groups[scale])))

    def _grown(self, h: Tensor, scale: int) -> Tensor:
        """A map of the next coarser scale, at this one."""
        height, width = self.sides[scale]
        return pixel_shuffle(self.finer[scale](h), 2)[:, :, :height, :width]

    def guessed(self, x: Tensor, k: int = 1, noisy: bool = True) -> Passed:
        """k ways through all groups for each x, (k n, ...), by their guesses; without noise by their means."""
        hints, codes, guesses = self.climb(x, k), list[Tensor](), list[Belief]()

        def choose(number: int, group: LatentGroup, above: Tensor) -> Tensor:
            guesses.append(group.posterior(above, hints[number]))
            codes.append(guesses[-1].draw(noisy))
            return codes[-1]

        return Passed(self.descend(k * len(x), choose), codes, guesses)

    def numbers(self, z: Tensor) -> Tensor:
        """What the likelihood makes of codes of all groups, (n, latent), as in `encode`."""
        parts = z.split([math.prod(shape) for shape in self.shapes], 1)
        codes = [part.unflatten(1, shape) for part, shape in zip(parts, self.shapes, strict=True)]
        return self.descend(len(z), lambda number, group, above: codes[number])

    # scores and codes

    def terms(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The parts of -elbo from one draw, nats: of reconstruction, (n,), and of each group, (n, L), the coarsest first.

        A group's part is its exact KL, given the groups above it.
        """
        passed = self.guessed(x)
        kl = [kl_normal(*q) for q in passed.guesses]
        return -self.likelihood.log_prob(x, passed.numbers), torch.stack(kl, 1)

    def elbo(self, x: Tensor) -> Tensor:
        """The bound from one draw of all z, (n,) nats."""
        reconstruction, kl = self.terms(x)
        return -reconstruction - kl.sum(1)

    def log_weight(self, x: Tensor) -> Tensor:
        """log w of one draw of all z, (n,) nats."""
        return self.log_weights(x, k=1)[0]

    def log_weights(self, x: Tensor, *, k: int) -> Tensor:
        """log w of k draws of all z, (k, n) nats; the climb is made once for each x."""
        numbers, codes, guesses = self.guessed(x, k)
        log_w = self.likelihood.log_prob(x.repeat(k, 1, 1, 1), numbers)
        for code, q in zip(codes, guesses, strict=True):
            log_w = log_w + log_normal(code) - log_normal(code, *q)
        return log_w.unflatten(0, (k, len(x)))

    def encode(self, x: Tensor) -> Tensor:
        """Means of all groups side by side, the coarsest first, (n, latent), each in the unit of its prior.

        So the prior of what `decode` takes is N(0, I), and a group that is dead has the code 0. Means are handed on
        from group to group in the place of draws.
        """
        return torch.cat([code.flatten(1) for code in self.guessed(x, noisy=False).codes], 1)

    def draw_posterior(self, x: Tensor) -> Tensor:
        """A draw of all groups for each row, (n, latent), each in the unit of its prior, as in `encode`."""
        return torch.cat([code.flatten(1) for code in self.guessed(x).codes], 1)

    def draw_prior(self, n: int) -> Tensor:
        """n draws of N(0, I), (n, latent)."""
        return self.noise(n, self.latent)

    @torch.no_grad()
    def unit_nats(self, x: Tensor) -> Tensor:
        """KL(q || p) of each unit, given the groups above it, (latent,) nats, the mean over the rows."""
        units = [kl_of_units(*q).flatten(1) for q in self.guessed(x).guesses]
        return torch.cat(units, 1).mean(0)

    def decode(self, z: Tensor) -> Tensor:
        """The mean of p(x | z), (n, *space.shape), of codes of all groups, (n, latent), as in `encode`."""
        return self.likelihood.mean(self.numbers(z))

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: LatentDecoding = LatentDecoding(),
    ) -> Tensor:
        """x, (n, *space.shape): draws of p(x | z), unless `decoding` takes its means."""
        code = self.noise(self.sample_count(n, context), self.latent)
        numbers = self.numbers(decoding.latent_temperature * code)
        if decoding.mean:
            return self.likelihood.mean(numbers)
        return self.likelihood.sample(numbers, decoding.temperature)

    # the game

    def loss(self, x: Tensor) -> Losses:
        """Reconstruction, and each group's KL, the coarsest first.

        A KL in it has the weight of the warm-up, and is at least what is free: `terms` has all of them as they are.
        """
        reconstruction, kl = self.terms(x)
        kl = kl.mean(0).clamp(min=self.free) if self.free else kl.mean(0)
        parts = (self.warming.share(kl) * kl).unbind()
        named = {f"kl_{group}": part for group, part in enumerate(parts, 1)}
        return {"reconstruction": reconstruction.mean()} | named

    def players(self) -> dict[str, Player]:
        """The model alone, which counts its rounds while they change the loss."""
        after = self.warming.count if self.warm_up else None
        return {"model": Player([self], self.loss, after=after)}


def _last_channels(h: Tensor) -> Tensor:
    """A map in the order of memory in which convolutions on a processor are fastest."""
    return h.contiguous(memory_format=torch.channels_last)


def _check_scales(
    latents: Sequence[Sequence[int]], widths: Sequence[int], blocks: Sequence[int]
) -> None:
    if not len(latents) == len(widths) == len(blocks) or not latents:
        raise Refused(
            f"HierarchicalVAE: latents are given for {len(latents)} scales, widths for {len(widths)} and blocks for "
            f"{len(blocks)}; each is wanted for every scale"
        )
    if not latents[-1]:
        raise Refused(
            "HierarchicalVAE: the coarsest scale has no group of latents, and so nothing to say; give it one, or "
            "leave the scale out"
        )
    for groups, width, number in zip(latents, widths, blocks, strict=True):
        at_least(1, "HierarchicalVAE", **{"the width of a scale": width})
        at_least(0, "HierarchicalVAE", **{"the blocks of a scale": number})
        for channels in groups:
            at_least(1, "HierarchicalVAE", **{"the channels of a group": channels})
