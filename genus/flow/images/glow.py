"""Glow: images, through couplings between learned mixtures of the channels.

A step of flow gives each channel a scale and a shift that begin where the data are standardised, mixes
the channels by an invertible matrix in the place of a fixed permutation, and couples one half with the
other. The matrix is kept as triangles, so that its determinant is a product and its inverse two
substitutions. After some steps half of the channels are done, and the others are squeezed and go on;
what they predict of the half that is done, its mean and its scale, is taken from it: the prior of
that half is learned.

    actnorm    z_c = (x_c - m_c) e^-s_c                    log |det| = -h w sum s
    1x1        z_ij = W x_ij,  W = P L (U + diag(r))       log |det| = h w sum log |r|
    coupling   b <- b e^s + t        s, t = net(a)         log |det| = sum s
    split      b <- (b - m(a)) e^-s(a),  b ~ N(0, I),  a continues

A context shifts the hidden channels of every network, and gives the last level a mean and a scale of
its own: with the embedding of a class this is the class-conditional model.

Source: Kingma, Dhariwal, "Glow: generative flow with invertible 1x1 convolutions", 2018,
    arXiv:1807.03039, section 3 and table 1; the matrix as triangles in section 3.2; the learned prior
    of a split is that of the authors' published code.
Departs: log-scales of couplings are bound tanh(s / bound) in the place of log sigmoid(s + 2), whose
    inverse has no bound; the coupling begins as the identity. Networks have no actnorm inside. The
    prior of a split is a coupling like the others, with a hidden layer. Actnorm starts from the data
    when `prepare` is called, never by itself: a model that was loaded stays as it was. z keeps the
    shape of x.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from ...core import See
from ...errors import Refused, at_least
from ..bijection import Bijection, wanted
from ..elementwise import Affine, Elementwise
from .squeeze import FactorOut, Squeezed


class ActNorm(Bijection):
    """A scale and a shift of each channel: z = (x - shift) e^-log_scale.

    `prepare` makes the mean of each channel 0 and its deviation 1; from there on both learn.

    Args:
        channels: channels of x.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.channels = channels
        self.shift = nn.Parameter(torch.zeros(channels, 1, 1))
        self.log_scale = nn.Parameter(torch.zeros(channels, 1, 1))

    @torch.no_grad()
    def prepare(self, x: Tensor, context: Tensor | None = None) -> None:
        """Takes mean and deviation of each channel from x, (n, channels, h, w)."""
        std, mean = torch.std_mean(x, (0, 2, 3))
        if constant := int((std == 0).sum()):
            raise Refused(
                f"ActNorm: {constant} of {self.channels} channels have one value in all rows; they "
                f"have no density: leave them out, or dequantise them"
            )
        self.shift.copy_(mean[:, None, None])
        self.log_scale.copy_(std.log()[:, None, None])

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, channels, h, w), and log |det dz/dx|, (n,)."""
        logdet = -self.log_scale.sum() * x.shape[2] * x.shape[3]
        return (x - self.shift) * (-self.log_scale).exp(), logdet.expand(len(x))

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, channels, h, w)."""
        return torch.addcmul(self.shift, z, self.log_scale.exp())


class Conv1x1(Bijection):
    """Mixes the channels of each pixel by a matrix W = P L (U + diag(r)) that begins as a rotation.

    P is a permutation and the signs of r are kept; L, U and log |r| learn.

    Args:
        channels: channels of x.
    """

    order: Tensor  # P as places: row i of P L U is row order[i] of L U
    back: Tensor
    sign: Tensor

    def __init__(self, channels: int):
        super().__init__()
        self.channels = channels
        rotation = torch.linalg.qr(torch.randn(channels, channels, dtype=torch.float64))[0]
        places, lower, upper = torch.linalg.lu(rotation)
        diagonal, dtype = upper.diagonal(), torch.get_default_dtype()
        self.register_buffer("order", places.argmax(1))
        self.register_buffer("back", places.argmax(0))
        self.register_buffer("sign", diagonal.sign().to(dtype))
        self.below = nn.Parameter(lower.tril(-1).to(dtype))
        self.above = nn.Parameter(upper.triu(1).to(dtype))
        self.log_diagonal = nn.Parameter(diagonal.abs().log().to(dtype))

    def triangles(self) -> tuple[Tensor, Tensor]:
        """L and U + diag(r), (channels, channels)."""
        lower = self.below.tril(-1) + torch.eye(self.channels).to(self.below)
        return lower, self.above.triu(1) + (self.sign * self.log_diagonal.exp()).diag()

    def matrix(self) -> Tensor:
        """W, (channels, channels)."""
        lower, upper = self.triangles()
        return (lower @ upper)[self.order]

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, channels, h, w), and log |det dz/dx|, (n,)."""
        logdet = self.log_diagonal.sum() * x.shape[2] * x.shape[3]
        return conv2d(x, self.matrix()[:, :, None, None]), logdet.expand(len(x))

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, channels, h, w)."""
        lower, upper = self.triangles()
        columns = z.movedim(1, 0)[self.back].flatten(1)  # (channels, n h w)
        y = torch.linalg.solve_triangular(lower, columns, upper=False, unitriangular=True)
        x = torch.linalg.solve_triangular(upper, y, upper=True)
        return x.unflatten(1, (len(z), *z.shape[2:])).movedim(0, 1)


class ConvNet(nn.Module):
    """Three convolutions, 3 x 3, 1 x 1 and 3 x 3: (n, d_in, h, w) -> (n, d_out, h, w).

    Args:
        d_in, d_out: channels of what comes in and of what goes out; the last layer begins at zero.
        width: channels of both hidden layers.
        context: features of a context, (n, context) or (n, context, h, w); 0 for none.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
    """

    def __init__(
        self, d_in: int, d_out: int, width: int = 64, context: int = 0, dropout: float = 0.0
    ):
        super().__init__()
        self.d_in, self.d_out, self.width = d_in, d_out, width
        self.context, self.dropout = context, dropout
        self.first = nn.Conv2d(d_in, width, 3, padding=1)
        self.given = nn.Conv2d(context, width, 1, bias=False) if context else None
        self.rest = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(width, width, 1),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Conv2d(width, d_out, 3, padding=1),
        )
        for parameter in self.rest[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        hidden = self.first(x)
        if self.given is not None:
            hidden = hidden + self.given(as_picture(context, self.context))
        return self.rest(hidden)


def as_picture(context: Tensor | None, features: int) -> Tensor:
    """A vector context, (n, features), as a picture of one pixel; a picture as it is."""
    if context is not None and context.dim() == 4 and context.shape[1] == features:
        return context
    return wanted(context, features, "ConvNet")[:, :, None, None]


class ConvCoupling(Bijection):
    """Half of an image's channels goes through convolutions that decide a map of the other half.

    Args:
        channels: channels of x, at least 2: the first half, rounded down, is kept.
        transform: what is done to each number of the moved half.
        width: channels of the network's hidden layers.
        flip: the second half is kept.
        context: features of the context that the network also sees, (n, context), or a picture of
            them as large as x; 0 for none.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
    """

    def __init__(
        self,
        channels: int,
        transform: Elementwise = Affine(2.0),  # noqa: B008  (it is frozen)
        width: int = 64,
        flip: bool = False,
        context: int = 0,
        dropout: float = 0.0,
    ):
        super().__init__()
        at_least(2, "ConvCoupling", channels=channels)
        self.channels, self.transform, self.width = channels, transform, width
        self.flip, self.context, self.dropout = flip, context, dropout
        half = channels // 2
        self.sizes = [channels - half, half] if flip else [half, channels - half]
        kept, moved = reversed(self.sizes) if flip else self.sizes
        self.net = ConvNet(kept, moved * transform.count, width, context, dropout)

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, channels, h, w), and log |det dz/dx|, (n,)."""
        kept, moved = self._halves(x)
        moved, log_slope = self.transform.encode(moved, self._raw(kept, context))
        return self._joined(kept, moved), log_slope.flatten(1).sum(1)

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, channels, h, w)."""
        kept, moved = self._halves(z)
        return self._joined(kept, self.transform.decode(moved, self._raw(kept, context)))

    def _raw(self, kept: Tensor, context: Tensor | None) -> Tensor:
        """The numbers that decide each number's map, (n, moved, h, w, count)."""
        return self.net(kept, context).unflatten(1, (self.transform.count, -1)).movedim(1, -1)

    def _halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = x.split(self.sizes, 1)
        return (second, first) if self.flip else (first, second)

    def _joined(self, kept: Tensor, moved: Tensor) -> Tensor:
        return torch.cat([moved, kept] if self.flip else [kept, moved], 1)


class ContextNorm(Bijection):
    """A mean and a scale for each context: z = (x - m(context)) e^-s(context).

    Last in a flow it gives each class a normal base of its own, seen as a standard one.

    Args:
        shape: shape of one x.
        context: features of the context; m and s are linear in them, and begin at zero.
    """

    def __init__(self, shape: tuple[int, ...], context: int):
        super().__init__()
        self.shape, self.context = tuple(shape), context
        self.affine = nn.Linear(context, 2 * torch.Size(shape).numel())
        for parameter in self.affine.parameters():
            nn.init.zeros_(parameter)

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, *shape), and log |det dz/dx|, (n,)."""
        mean, log_std = self._moments(context)
        return (x - mean) * (-log_std).exp(), -log_std.flatten(1).sum(1)

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, *shape)."""
        mean, log_std = self._moments(context)
        return torch.addcmul(mean, z, log_std.exp())

    def _moments(self, context: Tensor | None) -> Sequence[Tensor]:
        numbers = self.affine(wanted(context, self.context, "ContextNorm"))
        return numbers.unflatten(1, (2, *self.shape)).unbind(1)


class Glow(Bijection):
    """The whole of Glow as one bijection of images: `Flow(Reals(shape), [Glow(shape)])`.

    Args:
        shape: shape of one x, (channels, height, width); both sides divide by 2 ** levels.
        levels: times that what is left is squeezed, at least 1.
        depth: steps of flow at each level, at least 1.
        width: channels of the hidden layers of each coupling's network.
        context: features of the context, (n, context): it is seen by each coupling, and gives the
            last level a mean and a scale; 0 for none.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
        transform: what a coupling does to each number.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        levels: int = 2,
        depth: int = 4,
        width: int = 64,
        context: int = 0,
        dropout: float = 0.0,
        transform: Elementwise = Affine(2.0),  # noqa: B008  (it is frozen)
    ):
        super().__init__()
        _check(shape, levels, depth, width)
        self.shape, self.levels, self.depth, self.width = tuple(shape), levels, depth, width
        self.context, self.dropout, self.transform = context, dropout, transform
        self.level = self._level(*self.shape, levels)

    def _level(self, channels: int, height: int, width: int, levels: int) -> Squeezed:
        channels, height, width = 4 * channels, height // 2, width // 2
        steps: list[Bijection] = []
        for _ in range(self.depth):
            steps += [ActNorm(channels), Conv1x1(channels), self._coupling(channels)]
        if levels > 1:
            half = channels // 2
            inside = self._level(half, height, width, levels - 1)
            steps += [self._coupling(channels, prior=True), FactorOut(channels, [inside])]
        else:
            steps += [ActNorm(channels)]
            if self.context:
                steps += [ContextNorm((channels, height, width), self.context)]
        return Squeezed(steps)

    def _coupling(self, channels: int, prior: bool = False) -> ConvCoupling:
        transform = Affine(2.0) if prior else self.transform
        return ConvCoupling(
            channels, transform, self.width, context=self.context, dropout=self.dropout
        )

    def encode_with_logdet(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """z, (n, *shape), and log |det dz/dx|, (n,)."""
        return self.level.encode_with_logdet(x, context)

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """x, (n, *shape)."""
        return self.level.decode(z, context)

    def decode_watched(self, see: See, z: Tensor, context: Tensor | None = None) -> Tensor:
        """`decode`, with a look after each step of each level."""
        return self.level.decode_watched(see, z, context)

    def prepare(self, x: Tensor, context: Tensor | None = None) -> None:
        """Every actnorm starts from x, (n, *shape), as it arrives there."""
        self.level.prepare(x, context)


def _check(shape: Sequence[int], levels: int, depth: int, width: int) -> None:
    if len(shape) != 3:
        raise Refused(f"Glow: shape is {tuple(shape)}; (channels, height, width) is wanted")
    at_least(1, "Glow", levels=levels, depth=depth, width=width)
    sides = shape[1:]
    if any(side % 2**levels for side in sides):
        most = min((side & -side).bit_length() - 1 for side in sides)
        mend = f"take at most {most} levels, or pad them" if most else "pad them to even sides"
        raise Refused(
            f"Glow: images are {sides[0]} x {sides[1]}, levels is {levels}; both sides must divide "
            f"by {2**levels}: {mend}"
        )
