"""RealNVP: noise, seen through a stack of affine couplings.

A coupling keeps one half of the features and moves the other by a scale and a shift that the kept
half decides. So its Jacobian is triangular and its inverse needs no solver, however complicated the
network that decides; and since the halves take turns, every feature is moved. With halves a and b,

    encode   b <- b exp(s) + t         s, t = net(a)
    decode   b <- (b - t) exp(-s)      s, t = net(a)
    density  log p(x) = log N(z; 0, I) + sum of all s

Halves of a vector are its even and its odd places. An image is squeezed, each 2 x 2 square of pixels
becoming 4 channels (c, h, w -> 4c, h/2, w/2), which makes both of the paper's masks a choice of
channels: a checkerboard is one diagonal of the square against the other, a channel-wise mask the
upper row against the lower. After both, half of the channels are done, and become z; the other
half is an image again, half as high and wide, for the next level, until a side is 4 or odd.

Source: Dinh, Sohl-Dickstein, Bengio, "Density estimation using Real NVP", 2017, arXiv:1605.08803,
    equations 3-9 (couplings, masks), section 3.6 (levels).
Departs: what is encoded is standardised first, by means and deviations that `prepare` takes from
    the data, in the place of batch normalisation; the bound of s is tanh itself, without a learned
    scale; networks end in zeros, so that the flow begins there; checkerboards reach them squeezed,
    at a quarter of the cost; z keeps the shape of x.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ...core import GenerativeModel, Reals, Refused, See, Space, at_least, in_range, require
from ...functional.densities.densities import log_normal
from ...nn import MLP
from ..bijection import Bijection
from ..flow import DEQUANTISE
from .resnet import ResNet
from .squeeze import FactorOut, Squeezed


class ChannelCoupling(nn.Module):
    """One affine coupling: what a net makes of the kept half moves the other half.

    Args:
        net: map from the kept features to s and t, side by side; its last layer begins at zero.
    """

    def __init__(self, net: nn.Sequential):
        super().__init__()
        self.net = net
        for parameter in net[-1].parameters():
            nn.init.zeros_(parameter)

    def scale_shift(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """s, in (-1, 1), and t, each of the shape of the moved half."""
        s, t = self.net(kept).chunk(2, dim=1)
        return s.tanh(), t

    def encode(self, moved: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """The moved half, and log |det|, (n,)."""
        s, t = self.scale_shift(kept)
        return torch.addcmul(t, moved, s.exp()), s.flatten(1).sum(1)

    def decode(self, moved: Tensor, kept: Tensor) -> Tensor:
        s, t = self.scale_shift(kept)
        return (moved - t) * (-s).exp()


class AlternatingCouplings(Bijection):
    """Couplings on two halves of the features, (n, d, ...), that take turns.

    Args:
        half: True for features of the first half, (d,).
        couplings: number of couplings.
        net: makes a network from its numbers of inputs and outputs.
    """

    first: Tensor  # places of the first half
    second: Tensor
    back: Tensor  # where each feature lies in both halves joined

    def __init__(self, half: Tensor, couplings: int, net: Callable[[int, int], nn.Sequential]):
        super().__init__()
        first, second = half.nonzero()[:, 0], (~half).nonzero()[:, 0]
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)
        self.register_buffer("back", torch.cat([first, second]).argsort(), persistent=False)
        sizes = [len(first), len(second)]
        self.couplings = nn.ModuleList(
            ChannelCoupling(net(sizes[i % 2], 2 * sizes[1 - i % 2])) for i in range(couplings)
        )

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, of the shape of x, and log |det dz/dx|, (n,)."""
        halves, logdet = [x[:, self.first], x[:, self.second]], x.new_zeros(len(x))
        for i, coupling in enumerate(self.couplings):
            kept, moved = i % 2, 1 - i % 2
            halves[moved], change = coupling.encode(halves[moved], halves[kept])
            logdet = logdet + change
        return torch.cat(halves, 1)[:, self.back], logdet

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, of the shape of z."""
        return self._undone(z)

    def decode_watched(self, see: See, z: Tensor, context: Tensor | None = None) -> Tensor:
        """`decode`, with a look after each coupling."""
        return self._undone(z, see)

    def _undone(self, z: Tensor, see: See | None = None) -> Tensor:
        halves = [z[:, self.first], z[:, self.second]]
        for i, coupling in reversed([*enumerate(self.couplings)]):
            kept, moved = i % 2, 1 - i % 2
            halves[moved] = coupling.decode(halves[moved], halves[kept])
            if see is not None:
                see(torch.cat(halves, 1)[:, self.back])
        return torch.cat(halves, 1)[:, self.back]


class RealNVP(GenerativeModel):
    """A flow on vectors, or on images as real numbers.

    Args:
        space: Reals((d,)) with d at least 2, or Reals((channels, height, width)) with even sides.
        couplings: number of couplings in a row with one mask, at least 2: of a vector, all of them; of an
            image, one such row for each of two masks at each level.
        width: units of a hidden layer of each coupling's network; of images, channels.
        depth: hidden layers of each coupling's network; of images, residual blocks.
        dropout: share of hidden units set to zero in a round of training, in [0, 1): where
            rows are few.
    """

    mean: Tensor  # of the data, as `prepare` saw them
    std: Tensor

    def __init__(
        self,
        space: Space,
        couplings: int = 8,
        width: int = 64,
        depth: int = 2,
        dropout: float = 0.0,
    ):
        super().__init__()
        _check(space, couplings, width, depth, dropout)
        self.space, self.couplings, self.width, self.depth = space, couplings, width, depth
        self.dropout = dropout
        self.register_buffer("mean", torch.zeros(space.shape))
        self.register_buffer("std", torch.ones(space.shape))
        if len(space.shape) == 1:
            even = torch.arange(space.dims) % 2 == 0
            self.stack = AlternatingCouplings(even, couplings, self._mlp)
        else:
            self.stack = self._level(*space.shape)

    def _mlp(self, d_in: int, d_out: int) -> MLP:
        return MLP(d_in, d_out, (self.width,) * self.depth, self.dropout)

    def _resnet(self, d_in: int, d_out: int) -> ResNet:
        return ResNet(d_in, d_out, self.width, self.depth, self.dropout)

    def _level(self, channels: int, height: int, width: int) -> Squeezed:
        """Both masks on the squeezed image, then the next level on half of its channels."""
        corner = torch.arange(4).repeat_interleave(channels)  # the place of each squeezed channel
        steps: list[Bijection] = [
            AlternatingCouplings((corner == 0) | (corner == 3), self.couplings, self._resnet),
            AlternatingCouplings(corner < 2, self.couplings, self._resnet),
        ]
        if all(side % 4 == 0 and side >= 8 for side in (height, width)):
            inside = self._level(2 * channels, height // 2, width // 2)
            steps.append(FactorOut(4 * channels, [inside]))
        return Squeezed(steps)

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Standardises with the means and deviations of x, (n, *space.shape): its unit is forgotten."""
        self.space.check(x, "RealNVP")
        std, mean = torch.std_mean(x, 0)
        if constant := int((std == 0).sum()):
            raise Refused(
                f"RealNVP: {constant} of {self.space.dims} features have one value in all rows; "
                f"they have no density: leave them out, or dequantise them"
            )
        self.mean.copy_(mean)
        self.std.copy_(std)

    def encode_with_logdet(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z, (n, *space.shape), and log |det dz/dx|, (n,)."""
        z, logdet = self.stack.encode_with_logdet((x - self.mean) / self.std)
        return z, logdet - self.std.log().sum()

    def encode(self, x: Tensor) -> Tensor:
        """z, (n, *space.shape)."""
        return self.encode_with_logdet(x)[0]

    def decode(self, z: Tensor) -> Tensor:
        """x, (n, *space.shape)."""
        return self.stack.decode(z) * self.std + self.mean

    def log_prob(self, x: Tensor) -> Tensor:
        """(n,) nats."""
        z, logdet = self.encode_with_logdet(x)
        return log_normal(z) + logdet

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *space.shape)."""
        n = self.sample_count(n, context)
        return self.decode(self.noise(n, *self.space.shape))

    @torch.no_grad()
    def sample_watched(
        self, see: See, n: int | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`sample`, with looks at the noise, and after each coupling, in the unit of x."""
        z = self.noise(self.sample_count(n, context), *self.space.shape)

        def look(y: Tensor) -> None:
            see(y * self.std + self.mean)

        look(z)
        return self.stack.decode_watched(look, z) * self.std + self.mean


def _check(space: Space, couplings: int, width: int, depth: int, dropout: float) -> None:
    require("RealNVP", space, Reals, mend=DEQUANTISE)
    if len(space.shape) not in (1, 3):
        raise Refused(
            f"RealNVP: space is {space}; it must be Reals((d,)) or Reals((channels, height, width))"
        )
    if len(space.shape) == 1 and space.dims < 2:
        raise Refused("RealNVP: a vector has 1 feature; it must have at least 2, one for a half")
    if len(space.shape) == 3 and (space.shape[1] % 2 or space.shape[2] % 2):
        _, height, width = space.shape
        raise Refused(
            f"RealNVP: images are {height} x {width}; both sides must be even: pad them, or load "
            f"them in another size"
        )
    if couplings < 2:
        raise Refused(f"RealNVP: couplings is {couplings}; at least 2 move every feature")
    at_least(1, "RealNVP", width=width)
    at_least(0, "RealNVP", depth=depth)
    in_range("RealNVP", "[0, 1)", dropout=dropout)
