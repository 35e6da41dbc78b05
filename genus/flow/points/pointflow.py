"""PointFlow: a distribution of shapes, each a distribution of points.

A cloud is a sample of a surface. So there is one flow that moves noise to points of the surface z,
and one flow that moves noise to such z, and is the distribution of surfaces. An encoder that
ignores the order of points guesses z from a cloud, and all three climb one bound of the likelihood.
Since points are independent given z, a shape can be drawn with as many as are wanted.

    shapes   w ~ N(0, I),  z = F(w)                          log P(z) = log N(F^-1(z)) + log |det|
    points   y ~ N(0, I),  x = G(y; z)                       log P(x | z) likewise
    guess    Q(z | X) = N(m(X), s(X)^2)
    L(X)     = E_Q [sum_{x in X} log P(x | z) + log P(z)] + H[Q(z | X)]  <=  log P(X)

The likelihood is that of points on a surface, where density has no bound: its nats depend on how thin
the flow can make a sheet, and are to be compared between models of the same points alone.

Source: Yang, Huang, Hao, Liu, Belongie, Hariharan, "PointFlow: 3D point cloud generation with
    continuous normalizing flows", 2019, arXiv:1906.12320: the model and its training objective, in
    three terms as in the authors' code.
Departs: both flows are what is given, couplings as well as the paper's continuous flows; the encoder
    has no batch normalisation; `decode` takes points that are evenly spread (Sobol) in the place of
    random ones, so that it is a function of z; a round may score a share of the points, which costs
    less and has the same mean.
"""

from collections.abc import Sequence
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn
from torch.quasirandom import SobolEngine

from ...core import (
    GenerativeModel,
    HasLogProb,
    Losses,
    Reals,
    Refused,
    Space,
    at_least,
    promise,
    require,
)
from ...functional.densities.densities import entropy_normal, log_normal
from ..bijection import Bijection, Chain


@runtime_checkable
class HasLatent(Protocol):
    """A prior that is itself noise, moved."""

    def encode(self, x: Tensor) -> Tensor: ...

    def decode(self, z: Tensor) -> Tensor: ...


class PointFlow(GenerativeModel):
    """A distribution of point clouds.

    Args:
        space: Reals((points, d)).
        latent: the size of z.
        steps: bijections of points, (n, d), some of which take a context of `latent`
            features; the first is next to the data.
        encoder: map from clouds, (n, points, d), to means and log deviations of z, (n, 2 * latent).
        prior: what z follows, with log_prob and sample on Reals((latent,)); a standard normal
            without.
        scored: points of each cloud, drawn anew in each round, that training scores;
            the sum over them is scaled to all. All of them, without it.
    """

    even: Tensor  # (points, d): normal noise, evenly spread

    def __init__(
        self,
        space: Space,
        latent: int,
        steps: Sequence[Bijection],
        encoder: nn.Module,
        prior: GenerativeModel | None = None,
        scored: int | None = None,
    ):
        super().__init__()
        _check(space, latent, prior, scored)
        self.space, self.latent, self.steps = space, latent, tuple(steps)
        self.encoder, self.prior, self.scored = encoder, prior, scored
        self.points, self.d = space.shape
        self.chain = Chain(steps)
        self.register_buffer("even", _even(self.points, self.d), persistent=False)
        self._check_encoder()

    @torch.no_grad()
    def _check_encoder(self) -> None:
        guess = self.encoder(self.even[None].repeat(2, 1, 1))
        if guess.shape != (2, 2 * self.latent):
            raise Refused(
                f"PointFlow: the encoder gives {tuple(guess.shape[1:])} numbers a cloud; wanted are "
                f"{2 * self.latent}, means and log deviations of z"
            )

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Lets each step take what it starts from out of clouds, (n, points, d)."""
        self.space.check(x, "PointFlow")
        z = self.encode(x)
        self.chain.prepare(x.flatten(0, 1), self._context(z, x.shape[1]))

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of Q(z | X), each (n, latent), of any number of points."""
        mean, log_std = self.encoder(x).chunk(2, dim=1)
        return mean, log_std

    def encode(self, x: Tensor) -> Tensor:
        """The mean of Q(z | X), (n, latent), of any number of points."""
        return self.posterior(x)[0]

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Points of each shape, (n, points, d): G(y; z).

        Args:
            z: (n, latent).
            y: normal noise, (n, any number, d); the same for all, and evenly spread, without it.
        """
        if y is None:
            y = self.even.expand(len(z), -1, -1)
        return self.chain.decode(y.flatten(0, 1), self._context(z, y.shape[1])).reshape(y.shape)

    def log_points(self, x: Tensor, z: Tensor) -> Tensor:
        """log P(x | z) of each point, (n, points) nats, of any number of points."""
        y, logdet = self.chain.encode_with_logdet(x.flatten(0, 1), self._context(z, x.shape[1]))
        return (log_normal(y) + logdet).reshape(x.shape[:2])

    def log_shape(self, z: Tensor) -> Tensor:
        """log P(z), (n,) nats."""
        return log_normal(z) if self.prior is None else cast(HasLogProb, self.prior).log_prob(z)

    def _context(self, z: Tensor, points: int) -> Tensor:
        return z.repeat_interleave(points, 0)  # (n * points, latent)

    def terms(self, x: Tensor, scored: int | None = None) -> Losses:
        """The three parts of -L(X) from one draw of z, each (n,) nats.

        Args:
            x: clouds, (n, any number, d).
            scored: points that stand for all, if it is less than there are.
        """
        mean, log_std = self.posterior(x)
        z = mean + log_std.exp() * torch.randn_like(mean)
        chosen = x
        if scored is not None and scored < x.shape[1]:
            chosen = x[:, torch.randperm(x.shape[1])[:scored]]  # of no order: the same in each row
        return {
            "reconstruction": -self.log_points(chosen, z).mean(1) * x.shape[1],
            "prior": -self.log_shape(z),
            "entropy": -entropy_normal(log_std),
        }

    def loss(self, x: Tensor) -> Losses:
        return {name: term.mean() for name, term in self.terms(x, self.scored).items()}

    def elbo(self, x: Tensor) -> Tensor:
        """L(X) from one draw of z, (n,) nats; its entropy is exact."""
        return -torch.stack([*self.terms(x).values()]).sum(0)

    def log_weight(self, x: Tensor) -> Tensor:
        """log P(X | z) P(z) / Q(z | X) of one draw of z, (n,) nats."""
        mean, log_std = self.posterior(x)
        z = mean + log_std.exp() * torch.randn_like(mean)
        joint = self.log_points(x, z).sum(1) + self.log_shape(z)
        return joint - log_normal(z, mean, log_std)

    @torch.no_grad()
    def sample(
        self, n: int | None = None, context: Tensor | None = None, points: int | None = None
    ) -> Tensor:
        """(n, points, d): new shapes, by default with as many points as the space has."""
        n = self.sample_count(n, context)
        z = self.noise(n, self.latent) if self.prior is None else self.prior.sample(n)
        return self.decode(z, self.noise(n, points or self.points, self.d))

    @torch.no_grad()
    def reconstruct(self, x: Tensor, points: int | None = None) -> Tensor:
        """(n, points, d): new points of the shapes of x, by default as many as x has."""
        y = self.noise(len(x), points or x.shape[1], self.d)
        return self.decode(self.encode(x), y)

    @torch.no_grad()
    def interpolate(self, a: Tensor, b: Tensor, steps: int) -> Tensor:
        """(n, steps, points, d): shapes from a to b, (n, points, d) each, on a line in w.

        Without a prior that has an encode and a decode, the line is in z. Each point keeps its y.
        """
        if steps < 2:
            raise Refused(f"PointFlow: steps is {steps}; at least 2, both ends, are wanted")
        flow = self.prior if isinstance(self.prior, HasLatent) else None
        ends = [self.encode(a), self.encode(b)]
        first, last = (z if flow is None else flow.encode(z) for z in ends)
        along = torch.linspace(0, 1, steps, dtype=first.dtype, device=first.device)[:, None]
        w = torch.lerp(first[:, None], last[:, None], along).flatten(0, 1)
        x = self.decode(w if flow is None else flow.decode(w))
        return x.unflatten(0, (len(a), steps))


def _even(points: int, d: int) -> Tensor:
    """Normal noise without gaps, clumps and what is rarer than half a draw of all, (points, d)."""
    uniform = SobolEngine(d, scramble=True, seed=0).draw(points, dtype=torch.float64)
    edge = 0.5 / points
    return torch.special.ndtri(uniform.clamp(edge, 1 - edge)).to(torch.get_default_dtype())


def _check(space: Space, latent: int, prior: GenerativeModel | None, scored: int | None) -> None:
    require("PointFlow", space, Reals, axes="points, d")
    at_least(1, "PointFlow", latent=latent, scored=scored)
    if prior is None:
        return
    wanted = Reals((latent,))
    if not promise(prior, HasLogProb) or prior.space != wanted:
        raise Refused(
            f"PointFlow: prior is {type(prior).__name__} on {prior.space}; it must have log_prob, on "
            f"{wanted}"
        )
