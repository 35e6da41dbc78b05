"""ProbabilityFlow: the deterministic way back as a continuous flow, with an exact likelihood.

The way back without fresh noise is an ordinary differential equation, and its solution a bijection
between data and noise whatever the network is. So a diffusion, once trained, is a flow too: it has a
density, it encodes, and what it encodes it decodes again. With the angle between data and noise as
the time every path is the same path, up to a scale:

    tan phi = sigma / alpha,   y = x_t / r,   r = |(alpha, sigma)|      y = cos phi x_0 + sin phi eps
    dy/dphi = cos phi epshat - sin phi x0hat = (cos phi y - x0hat) / sin phi

    z = y(phi_last) r_last / spread,    x = y(phi_first) / cos phi_first
    log p(x) = log N(z; 0, I) + int div(dy/dphi) d phi + d log(r_last cos phi_first / spread)

It is smooth to both ends, and an adaptive solver takes fewer steps in it than in t. What has a density
is the data with the path's first noise, of deviation tan phi_first, still in them.

Bits per dimension: pixels k = 0 .. L - 1 seen as x = 2 k / (L - 1) - 1 are w = 2 / (L - 1) apart, and
the mass of a bin is its density times w^d, so that, with noise as wide as the bin,

    bits/dim = -log2 p(x + w u) / d - log2 w = -log2 p / d + log2((L - 1) / 2)

which `Dequantised(ProbabilityFlow(...), space)` counts. At L = 256 the last term is 6.994: the "offset 7"
of code that scales by 256 / 2; where data were scaled to [0, 1], it is 8.

Source: Song, Sohl-Dickstein, Kingma, Kumar, Ermon, Poole, "Score-based generative modeling through
    stochastic differential equations", 2021, arXiv:2011.13456, section 4.3 and equations 13 and 39; Chen,
    Rubanova, Bettencourt, Duvenaud, "Neural ordinary differential equations", 2018, arXiv:1806.07366,
    theorem 1; the trace by probes: Grathwohl and others, "FFJORD", 2019, arXiv:1810.01367, section 3.1.
Departs: the time is phi. x0hat is not clipped to [-1, 1] on pixels, since what is clipped is no
    bijection. Where the trace is estimated, the score is called elbo: its mean is log p.
"""

import math
from typing import Any

import torch
from torch import Tensor

from ..core import GenerativeModel, Losses, Player, Reals, Refused, See, at_least
from ..errors import RefusedType
from ..functional.densities.densities import log_normal
from ..functional.diffusion.paths import LEAST
from ..functional.diffusion.spacings import Level, level
from ..functional.numerics.integrators import DormandPrince, Solver, State
from ..functional.numerics.traces import divergence, hutchinson
from .ddpm import DDPM
from .diffusion import Diffusion

ADAPTIVE = DormandPrince()
PIECES = 16  # of the way that is looked at


class ProbabilityFlow(GenerativeModel):
    """A density on arrays of any shape, from a diffusion; it learns what the diffusion learns.

    Args:
        model: the diffusion, on Reals or on Pixels; on Pixels its flow is a density on Reals of the
            same shape, for `Dequantised`.
        solver: solver of the equation; in float32 tolerances of 1e-5 are about what can be kept.
        probes: vectors of random signs with which the trace is estimated, for each row, drawn once a
            solve; 0 is the exact trace, which costs as many products as x has numbers.
    """

    def __init__(self, model: Diffusion | DDPM, solver: Solver = ADAPTIVE, probes: int = 0):
        super().__init__()
        if not isinstance(model, Diffusion | DDPM):
            raise RefusedType(
                f"ProbabilityFlow: model is {type(model).__name__}; a Diffusion or a DDPM is wanted"
            )
        if model.context_space is not None:
            raise Refused(
                f"ProbabilityFlow: the diffusion is conditioned on {model.context_space}; an unconditional one is wanted"
            )
        at_least(0, "ProbabilityFlow", probes=probes)
        self.model, self.solver, self.probes = model, solver, probes
        self.space = Reals(model.space.shape)

    def promises(self) -> set[str]:
        """An estimate is no exact log_prob, nor a log-determinant."""
        names = {"sample", "sample_watched", "encode", "decode", "elbo"}
        return names if self.probes else names | {"log_prob", "encode_with_logdet"}

    # learning is the diffusion's own

    def deal(self, *batch: Tensor) -> tuple[Any, ...]:
        return self.model.deal(*batch)

    def loss(self, *batch: Tensor) -> Losses:
        (player,) = self.players().values()
        return player.loss(*self.deal(*batch))

    def players(self) -> dict[str, Player]:
        return self.model.players()

    # the flow

    def encode_with_logdet(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """z, (n, *shape), and log |det dz/dx|, (n,), exact or estimated."""
        first, last = self._ends()
        down, up = first.alpha / _size(first), _size(last) / self.model.path.spread
        probes = x.new_empty(self.probes, *x.shape).normal_().sign() if self.probes else None

        def rates(phi: Tensor, state: State) -> State:
            def field(y: Tensor) -> Tensor:
                return self.field(phi, y)

            y = state[0]
            slope, trace = divergence(field, y) if probes is None else hutchinson(field, y, probes)
            return slope, trace / self.space.dims

        begin = (down * x, x.new_zeros(len(x)))
        y, mean = self.solver(rates, begin, _angle(first), _angle(last))
        return up * y, self.space.dims * (mean + math.log(down * up))

    def encode(self, x: Tensor) -> Tensor:
        """z, (n, *shape): standard normal, were the model right."""
        first, last = self._ends()
        y = self._solve(first.alpha / _size(first) * x, first, last)
        return _size(last) / self.model.path.spread * y

    def decode(self, z: Tensor) -> Tensor:
        """x, (n, *shape): `encode` undone, within the solver's tolerance."""
        first, last = self._ends()
        y = self._solve(self.model.path.spread / _size(last) * z, last, first)
        return _size(first) / first.alpha * y

    def log_prob(self, x: Tensor) -> Tensor:
        """(n,) nats, with gradients; with probes, its estimate."""
        z, logdet = self.encode_with_logdet(x)
        return log_normal(z) + logdet

    def elbo(self, x: Tensor) -> Tensor:
        """(n,) nats: what is log p(x) in expectation."""
        return self.log_prob(x)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *shape)."""
        n = self.sample_count(n, context)
        return self.decode(self.noise(n, *self.space.shape))

    @torch.no_grad()
    def sample_watched(
        self, see: See, n: int | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`sample`, with looks at the way, which is solved once more for them, piece by piece."""
        z, (first, last) = (
            self.noise(self.sample_count(n, context), *self.space.shape),
            self._ends(),
        )
        y, begin, end = self.model.path.spread / _size(last) * z, _angle(last), _angle(first)
        see(y)
        for piece in range(1, PIECES):
            angles = (begin + (end - begin) * k / PIECES for k in (piece - 1, piece))
            y = self.solver(self.field, y, *angles)
            see(y)
        return self.decode(z)

    # its field

    def field(self, phi: Tensor, y: Tensor) -> Tensor:
        """dy/dphi, of the shape of y, (n, *shape), at phi, (1,) or (n,)."""
        phi = phi.expand(len(y))
        cos, sin = phi.cos().clamp(min=LEAST), phi.sin().clamp(min=LEAST)
        t = self.model.path.time(cos.log() - sin.log())
        t = t.clamp(self.model.path.first, self.model.path.last)
        size = torch.hypot(self.model.path.alpha(t), self.model.path.sigma(t))
        size, cos, sin = (one.view(-1, *[1] * (y.dim() - 1)) for one in (size, cos, sin))
        denoiser, x = self.model.denoiser, size * y
        return (cos * y - denoiser.start(denoiser.out(x, t), x, t, clip=False)) / sin

    def _ends(self) -> tuple[Level, Level]:
        """The path's first and last level."""
        path = self.model.path
        return level(path, path.first), level(path, path.last)

    def _solve(self, y: Tensor, begin: Level, end: Level) -> Tensor:
        return self.solver(self.field, y, _angle(begin), _angle(end))


def _angle(at: Level) -> float:
    return math.atan2(at.sigma, at.alpha)


def _size(at: Level) -> float:
    return math.hypot(at.alpha, at.sigma)
