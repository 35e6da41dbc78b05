"""Colouriser: the colours of a grey picture, of which there are many, by a VAE whose prior is a mixture density.

Grey does not say whether a flower is red or violet. A network that gives one answer gives their mean, which is brown.
Here a latent z chooses among the colours, and a network says of each grey picture c which z are likely: a mixture of
normal distributions, since red and violet are both likely, and what lies between them is not.

    p(x | c)     = E_{p(z | c)} p(x | z, c)
    p(z | c)     = sum_k pi_k(c) N(z; m_k(c), s_k(c)^2)           of the features of c
    q(z | x, c)  = N(m(x, c), s(x, c)^2)
    elbo(x, c)   = log p(x | z, c) + log p(z | c) - log q(z | x, c),   z ~ q         <= log p(x | c) in expectation
    loss         = -elbo

x is what colour adds to lightness, a and b of CIE L*a*b*, and c the lightness L: `Colours` takes pictures apart and
puts them together. The decoder sees the features of c at each of its scales, so that colours keep to the edges of
things. The likelihood of x is normal with one deviation, which is learnt.

Source: Deshpande, Lu, Yeh, Chong, Forsyth, "Learning diverse image colorization", CVPR 2017, arXiv:1612.01958,
    sections 3 and 4.
Departs: encoder, decoder and mixture are learnt together by one bound, in the place of a VAE with N(0, I) first and of
    a mixture for its codes after; q sees c; the features of c are learnt with the rest, theirs are those of another
    network; no losses on rare colours, gradients and principal components beside the likelihood.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, silu

from ...core import GenerativeModel, Losses, Pixels, Reals, Refused, at_least, require
from ...functional.densities.densities import log_normal
from ...nn import MLP, ConvEncoder
from ...nn.conv import ConvResidual, sizes
from ..likelihoods import NOISY, NoiseDecoding, Normal
from .lab import lab_of, rgb_of

UNIT = 50.0  # of a and b: x is in this unit, and c in that of L - 50
NARROWEST = -5.0  # log deviation of a component


class Colours:
    """What colour adds to lightness: a picture in two parts.

    Args:
        space: Pixels of three channels.
    """

    def __init__(self, space: Pixels):
        whole = require("Colours", space, Pixels)
        channels, *sides = whole.shape
        if channels != 3:
            raise Refused(f"Colours: space is {space}; Pixels of three channels are wanted")
        self.space, self.words = whole, "in lightness and colours"
        self.missing_space, self.known_space = Reals((2, *sides)), Reals((1, *sides))

    def apart(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Colours a and b, (n, 2, h, w), and lightness, (n, 1, h, w), about in [-1, 1], of pictures in [-1, 1]."""
        lab = lab_of(x)
        return lab[:, 1:] / UNIT, lab[:, :1] / UNIT - 1

    def together(self, colours: Tensor, grey: Tensor) -> Tensor:
        """Pictures, (n, 3, h, w), in [-1, 1]."""
        return rgb_of(UNIT * torch.cat([grey + 1, colours], 1))


class Mixtures(nn.Module):
    """p(z | c): the shares, means and log deviations of a mixture of each row."""

    def __init__(self, latent: int, components: int):
        super().__init__()
        self.latent, self.components = latent, components
        self.numbers = components * (1 + 2 * latent)
        self.apart = nn.Parameter(
            torch.randn(components, latent)
        )  # equal ones would learn the same

    def split(self, numbers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log shares, (n, k), means and log deviations, (n, k, latent)."""
        k = self.components
        shares, rest = numbers[:, :k].log_softmax(1), numbers[:, k:]
        means, log_stds = rest.unflatten(1, (2, k, self.latent)).unbind(1)
        return shares, means + self.apart, log_stds.clamp(min=NARROWEST)

    def log_prob(self, z: Tensor, numbers: Tensor) -> Tensor:
        """log p(z | c), (n,) nats."""
        shares, means, log_stds = self.split(numbers)
        n, k = shares.shape
        each = log_normal(
            z[:, None].expand_as(means).flatten(0, 1), means.flatten(0, 1), log_stds.flatten(0, 1)
        )
        return (shares + each.view(n, k)).logsumexp(1)

    def draw(self, numbers: Tensor) -> Tensor:
        """z, (n, latent)."""
        shares, means, log_stds = self.split(numbers)
        which = shares.exp().multinomial(1)[:, :, None].expand(-1, 1, self.latent)
        mean, log_std = (part.gather(1, which)[:, 0] for part in (means, log_stds))
        return mean + log_std.exp() * torch.randn_like(mean)


class GreyFeatures(nn.Module):
    """A grey picture to its features at each scale, the finest first: (n, width << i, h_i, w_i)."""

    def __init__(self, sides: tuple[int, int], width: int):
        super().__init__()
        levels = len(sizes(*sides))
        self.first = nn.Conv2d(1, width, 3, padding=1)
        self.blocks = nn.ModuleList(ConvResidual(width << i) for i in range(levels))
        self.down = nn.ModuleList(
            nn.Conv2d(width << i, width << i + 1, 3, stride=2, padding=1) for i in range(levels - 1)
        )

    def forward(self, grey: Tensor) -> list[Tensor]:
        found = [self.blocks[0](self.first(grey))]
        for down, block in zip(self.down, self.blocks[1:], strict=True):
            found.append(block(down(silu(found[-1]))))
        return found


class ColourDecoder(nn.Module):
    """z beside the features of a grey picture, to two numbers a pixel, (n, 2, h, w).

    Args:
        latent: the size of z; 0 for a network that sees grey alone.
        sides: height and width.
        width: channels at the finest scale.
    """

    def __init__(self, latent: int, sides: tuple[int, int], width: int):
        super().__init__()
        levels = sizes(*sides)
        last = width << len(levels) - 1
        self.shape = (last, *levels[-1])
        self.chosen = nn.Linear(latent, last * levels[-1][0] * levels[-1][1]) if latent else None
        self.up = nn.ModuleList(
            nn.Conv2d(width << i + 1, width << i, 3, padding=1) for i in range(len(levels) - 1)
        )
        self.blocks = nn.ModuleList(ConvResidual(width << i) for i in range(len(levels)))
        self.last = nn.Conv2d(width, 2, 3, padding=1)

    def forward(self, z: Tensor, features: list[Tensor]) -> Tensor:
        *finer, h = features
        if self.chosen is not None:
            h = h + self.chosen(z).unflatten(1, self.shape)
        h = self.blocks[-1](h)
        for i in reversed(range(len(finer))):
            above = interpolate(silu(h), size=finer[i].shape[2:])
            h = self.blocks[i](self.up[i](above) + finer[i])
        return self.last(silu(h))


class Colouriser(GenerativeModel):
    """A latent-variable model of the colours of a picture, given its lightness.

    Args:
        space: Reals of shape (2, height, width): `Colours(space).missing_space`.
        latent: the size of z, at least 1.
        components: number of normal distributions of the mixture p(z | c), at least 1.
        width: channels of all networks at the finest scale; twice as many at each coarser one.
        hidden: units of the layer between the features of c and the mixture.
    """

    sampling_options = NoiseDecoding

    def __init__(
        self,
        space: Reals,
        latent: int = 32,
        components: int = 8,
        width: int = 16,
        hidden: int = 256,
    ):
        super().__init__()
        channels, *sides = require("Colouriser", space, Reals).shape
        if channels != 2 or len(sides) != 2:
            raise Refused(f"Colouriser: space is {space}; Reals of (2, height, width) are wanted")
        at_least(1, "Colouriser", latent=latent, components=components, width=width, hidden=hidden)
        height, breadth = sides
        colours = Colours(Pixels((3, height, breadth)))
        self.parting, self.space, self.context_space = colours, space, colours.known_space
        self.latent, self.components, self.width, self.hidden = latent, components, width, hidden
        self.likelihood = Normal(0.3)
        self.features = GreyFeatures((height, breadth), width)
        self.encoder = ConvEncoder((3, height, breadth), 2 * latent, width)
        self.decoder = ColourDecoder(latent, (height, breadth), width)
        self.prior = Mixtures(latent, components)
        last, *coarsest = self.decoder.shape
        coarse = last * coarsest[0] * coarsest[1]
        self.chances = MLP(coarse, self.prior.numbers, (hidden,))

    # the distributions

    def seen(self, context: Tensor | None) -> tuple[list[Tensor], Tensor]:
        """The features of c at each scale, and the numbers of p(z | c)."""
        self.check_context(context)
        features = self.features(context)
        return features, self.chances(silu(features[-1]).flatten(1))

    def guess(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log deviations of q(z | x, c), (n, latent) each."""
        mean, log_std = self.encoder(torch.cat([x, context], 1)).chunk(2, dim=1)
        return mean, log_std

    def _terms(self, x: Tensor, context: Tensor | None, k: int = 1) -> tuple[Tensor, Tensor]:
        """-log p(x | z, c) and log q(z | x, c) - log p(z | c) of k draws of z, (k n,) nats each."""
        features, chances = self.seen(context)
        assert context is not None
        mean, log_std = (_again(part, k) for part in self.guess(x, context))
        z = mean + log_std.exp() * torch.randn_like(mean)
        colours = self.decoder(z, [_again(part, k) for part in features])
        reconstruction = -self.likelihood.log_prob(_again(x, k), colours)
        return reconstruction, log_normal(z, mean, log_std) - self.prior.log_prob(
            z, _again(chances, k)
        )

    # scores

    def loss(self, x: Tensor, context: Tensor | None = None) -> Losses:
        reconstruction, kl = self._terms(x, context)
        return {"reconstruction": reconstruction.mean(), "kl": kl.mean()}

    def elbo(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The bound from one draw of z, (n,) nats."""
        return self.log_weight(x, context)

    def log_weight(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """log of p(x | z, c) p(z | c) / q(z | x, c) for one draw of z, (n,) nats."""
        return self.log_weights(x, context, k=1)[0]

    def log_weights(self, x: Tensor, context: Tensor | None = None, *, k: int) -> Tensor:
        """log w of k draws of z, (k, n) nats; each x and each c is looked at once."""
        reconstruction, kl = self._terms(x, context, k)
        return -(reconstruction + kl).unflatten(0, (k, len(x)))

    # codes and samples

    def encode(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The mean of q(z | x, c), (n, latent)."""
        self.check_context(context)
        assert context is not None
        return self.guess(x, context)[0]

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """The mean of p(x | z, c), (n, *space.shape), of codes, (n, latent)."""
        return self.decoder(z, self.seen(context)[0])

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: NoiseDecoding = NOISY,
    ) -> Tensor:
        """x, (n, *space.shape), one for each row of context: draws of p(x | z, c), or means of it by `decoding`."""
        context = self.context_given(n, context)
        features, chances = self.seen(context)
        colours = self.decoder(self.prior.draw(chances), features)
        if decoding.mean:
            return colours
        return self.likelihood.sample(colours, decoding.temperature)


def _again(x: Tensor, k: int) -> Tensor:
    """All rows k times, one after the other."""
    return x if k == 1 else x.repeat(k, *[1] * (x.dim() - 1))
