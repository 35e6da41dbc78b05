"""Networks of a game with contexts, made of networks that know of none.

    GivenGenerator     G(z, c) = g(z beside e(c))
    BesideCritic       D(x, c) = d(x beside e(c)), of images with each number of e(c) as a channel
    ProjectionCritic   D(x, c) = w . f(x) + b + (V e(c)) . f(x)         f: the features of x

A critic that sees c beside x has to learn which pairs go together; the projection is what the log ratio of the two
sides looks like where c given x is a softmax of features on both: one part says whether x is real, and the other whether
it is of c.

Source: Mirza, Osindero, "Conditional generative adversarial nets", 2014, arXiv:1411.1784, figure 1 (beside); Miyato,
    Koyama, "cGANs with projection discriminator", ICLR 2018, arXiv:1802.05637, equation 3 and figure 2.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import silu


class GivenGenerator(nn.Module):
    """z, (n, latent), and contexts to rows.

    Args:
        net: takes z beside the embedded context, (n, latent + numbers of it).
        embed: makes numbers of contexts, (n, numbers).
    """

    def __init__(self, net: nn.Module, embed: nn.Module):
        super().__init__()
        self.net, self.embed = net, embed

    def forward(self, z: Tensor, context: Tensor) -> Tensor:
        return self.net(torch.cat([z, self.embed(context).to(z.dtype)], 1))


class BesideCritic(nn.Module):
    """x, (n, *shape), and contexts to scores, (n,).

    Args:
        net: takes x beside the embedded context, along the first axis of x: vectors with as many more numbers, images
            with as many more channels; gives one number a row.
        embed: makes numbers of contexts, (n, numbers).
    """

    def __init__(self, net: nn.Module, embed: nn.Module):
        super().__init__()
        self.net, self.embed = net, embed

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        h = self.embed(context).to(x.dtype)
        h = h.reshape(*h.shape, *[1] * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])
        return self.net(torch.cat([x, h], 1)).flatten()


class ProjectionCritic(nn.Module):
    """x, (n, *shape), and contexts to scores, (n,).

    Args:
        trunk: x to numbers, (n, width).
        width: how many.
        embed: makes numbers of contexts, (n, numbers).
        numbers: how many.
    """

    def __init__(self, trunk: nn.Module, width: int, embed: nn.Module, numbers: int):
        super().__init__()
        self.trunk, self.width, self.embed, self.numbers = trunk, width, embed, numbers
        self.real, self.fits = nn.Linear(width, 1), nn.Linear(numbers, width, bias=False)

    def features(self, x: Tensor) -> Tensor:
        """f(x), (n, width)."""
        return silu(self.trunk(x))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        f = self.features(x)
        wanted = self.fits(self.embed(context).to(x.dtype))
        return self.real(f).flatten() + (wanted * f).sum(1)
