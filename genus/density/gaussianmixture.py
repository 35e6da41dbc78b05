"""GaussianMixture: a few normal distributions, learnt by expectation maximisation.

E finds the chances that a component drew a row. Given these, the best components are weighted
means and covariances; given the components, the chances are Bayes' rule. Each half raises a lower bound
that touches the likelihood, so the likelihood never falls.

    p(x) = sum_k pi_k N(x; m_k, C_k)
    E    r_nk = pi_k N(x_n; m_k, C_k) / p(x_n)
    M    N_k = sum_n r_nk      pi_k = N_k / N      m_k = sum_n r_nk x_n / N_k
         C_k = sum_n r_nk (x_n - m_k)(x_n - m_k)' / N_k

Source: Dempster, Laird, Rubin, "Maximum likelihood from incomplete data via the EM algorithm",
    Journal of the Royal Statistical Society B 39, 1977; the equations as in Bishop, "Pattern
    recognition and machine learning", 2006, 9.23-9.27. Start: Arthur, Vassilvitskii,
    "k-means++: the advantages of careful seeding", 2007.
Departs: no eigenvalue of C_k is let below `floor`, which is the exact M step under that constraint;
    a component that nothing belongs to stays as it is. Begins with a few rounds of k-means.
"""

import math
from collections.abc import Iterator
from itertools import repeat

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ..core import GenerativeModel, Losses, Refused, Space, at_least
from ..functional.densities.densities import (
    HELD,
    double_home,
    log_diagonal_normals,
    log_multivariate_normal,
)
from .gaussian import Covariance, check_arguments, scaled, unit_scale

CACHED = 2**17  # numbers
LEAST = 1e-6  # rows: a component of fewer stays as it is
HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


class GaussianMixture(GenerativeModel):
    """A mixture of normal distributions. It learns by `fit`, or by gradient as part of a model.

    Args:
        space: the reals.
        components: number of components, at least 1.
        covariance: full, diagonal (a variance for each feature) or spherical (one for all).
        floor: the least variance in any direction, positive, in the square of the data's unit.
        tolerance: `fit` ends when a step gains less than this, in nats per row.
    """

    started: Tensor  # () bool: whether `fit` has begun

    def __init__(
        self,
        space: Space,
        components: int = 10,
        covariance: Covariance = "full",
        floor: float = 1e-6,
        tolerance: float = 1e-4,
    ):
        super().__init__()
        check_arguments("GaussianMixture", space, covariance, floor)
        at_least(1, "GaussianMixture", components=components)
        self.space, self.components, self.covariance = space, components, covariance
        self.floor, self.tolerance = floor, tolerance
        self.logits = nn.Parameter(torch.zeros(components))  # log pi, up to a constant
        self.means = nn.Parameter(torch.randn(components, space.dims))
        scale = unit_scale(covariance, space.dims)
        self.scales = nn.Parameter(scale.expand(components, *scale.shape).clone())
        self.register_buffer("started", torch.tensor(False))

    def log_joint(self, x: Tensor) -> Tensor:
        """log of pi_k N(x; m_k, C_k), (n, components)."""
        rows, prior = x.flatten(1), self.logits.log_softmax(0)
        if self.covariance != "full":
            return log_diagonal_normals(rows, self.means, self.scales) + prior
        each = [
            log_multivariate_normal(rows, mean, scale)
            for mean, scale in zip(self.means, self.scales, strict=True)
        ]
        return torch.stack(each, 1) + prior

    def log_prob(self, x: Tensor) -> Tensor:
        return self.log_joint(x).logsumexp(1)

    @torch.no_grad()
    def fit(self, x: Tensor) -> Iterator[Losses]:
        """Expectation maximisation, a step at a time, until a step gains less than `tolerance`."""
        rows = x.flatten(1)
        if not self.started:
            self.maximise(rows, one_hot(clusters(rows, self.components), self.components).to(x))
            self.started.fill_(True)
        middle = rows.mean(0)
        now = self.normals(middle)
        log_prob, counts, sums = expected(rows, now)
        while True:
            before = log_prob
            self.take(now, counts, sums)
            now = self.normals(middle)
            log_prob, counts, sums = expected(rows, now)
            yield {"nll": (-log_prob / len(rows)).to(x)}
            if log_prob - before < self.tolerance * len(rows):
                return

    @torch.no_grad()
    def maximise(self, rows: Tensor, responsibility: Tensor) -> None:
        """The M step, for rows, (n, d), and any r, (n, components)."""
        counts = responsibility.sum(0)[:, None]
        means = responsibility.T @ rows / counts.clamp(min=LEAST)
        self.means.copy_(means.where(counts > LEAST, self.means))  # so that w has no large numbers
        now = self.normals(rows.mean(0))
        self.take(now, *expected(rows, now, responsibility)[1:])

    def take(self, now: "Full | Diagonal", counts: Tensor, sums: Tensor) -> None:
        """Takes over the best parameters for what E finds."""
        self.logits.copy_(counts.clamp(min=torch.finfo(self.logits.dtype).tiny).log())
        means, scales = now.improved(counts.clamp(min=LEAST), sums, self.floor)
        kept = (counts > LEAST).to(self.means.device)
        self.means.copy_(means.to(self.means).where(kept[:, None], self.means))
        kept = kept.view(-1, *[1] * (self.scales.dim() - 1))
        self.scales.copy_(scales.to(self.scales).where(kept, self.scales))

    def normals(self, middle: Tensor) -> "Full | Diagonal":
        """The components, in double precision, for rows of this mean, (d,)."""
        home = double_home(self.means)
        log_pi, means, scales, middle = (
            p.detach().to(home, torch.float64)
            for p in (self.logits.log_softmax(0), self.means, self.scales, middle)
        )
        if self.covariance == "full":
            return Full(log_pi, means, scales)
        return Diagonal(log_pi, means, scales, middle)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        n = self.sample_count(n, context)
        which = self.logits.softmax(0).multinomial(max(1, n), replacement=True)[:n]
        x = self.noise(n, self.space.dims)
        for k in which.unique():
            mine = which == k
            x[mine] = self.means[k] + scaled(x[mine], self.scales[k])
        return x.reshape(n, *self.space.shape)


class Full:
    """Normal distributions of full covariances, seen as w = L_k^-1 (x - m_k), in which nothing cancels.

    Args:
        log_pi: logarithms of the weights, (k,), in double precision, as all that follows.
        means: m, (k, d).
        scales: L, (k, d, d).
    """

    def __init__(self, log_pi: Tensor, means: Tensor, scales: Tensor):
        k, d = means.shape
        self.means, self.scales = means, scales.tril()
        inverse = torch.linalg.solve_triangular(self.scales, torch.eye(d).to(means), upper=False)
        self.inverse = inverse.reshape(k * d, d)
        self.shift = (inverse @ means[:, :, None]).view(k * d, 1)
        logs = self.scales.diagonal(dim1=1, dim2=2).abs().log().sum(1)
        self.top = (log_pi - logs - d * HALF_LOG_TAU)[:, None]
        self.width = k * d  # numbers of a row that are held

    def seen(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """w, (k, d, n), and log of pi_k N(x; m_k, C_k), (k, n)."""
        w = torch.addmm(self.shift, self.inverse, rows.T, beta=-1).view(*self.means.shape, -1)
        return w, self.top - 0.5 * w.square().sum(1)

    def summed(self, w: Tensor, share: Tensor) -> Tensor:
        """Sums of w w' and of w by shares, (k, n): (k, d, d + 1)."""
        own = w * share[:, None]
        return torch.cat([own @ w.mT, own.sum(2, keepdim=True)], 2)

    def improved(self, counts: Tensor, sums: Tensor, floor: float) -> tuple[Tensor, Tensor]:
        """The best means and L for such counts and sums, with no variance below the floor."""
        second, first = (sums / counts[:, None, None]).split([sums.shape[1], 1], 2)
        covariance = self.scales @ (second - first @ first.mT) @ self.scales.mT
        values, vectors = torch.linalg.eigh(covariance)
        half = values.clamp(min=floor).sqrt()[:, :, None] * vectors.mT  # C = half' half
        scales = torch.linalg.qr(half, mode="r").R.mT
        return self.means + (self.scales @ first)[:, :, 0], scales


class Diagonal:
    """Normal distributions of diagonal covariances, seen as y^2 and y, of x less a middle.

    Args:
        log_pi: logarithms of the weights, (k,), in double precision, as all that follows.
        means: m, (k, d).
        scales: deviations, (k, d) or (k, 1).
        middle: mean of the rows, (d,), from where little is lost between large terms.
    """

    def __init__(self, log_pi: Tensor, means: Tensor, scales: Tensor, middle: Tensor):
        self.middle, self.spherical = middle, scales.shape != means.shape
        y, precision = means - self.middle, scales.expand_as(means).square().reciprocal()
        self.slopes = torch.cat([-0.5 * precision, y * precision], 1)
        top = 0.5 * (precision.log() - y.square() * precision).sum(1)
        self.top = (log_pi + top - means.shape[1] * HALF_LOG_TAU)[:, None]
        self.width = len(means) + 2 * means.shape[1]  # numbers of a row that are held

    def seen(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """y^2 and y, (2 d, n), and log of pi_k N(x; m_k, C_k), (k, n)."""
        y = rows.T - self.middle[:, None]
        both = torch.cat([y.square(), y])
        return both, torch.addmm(self.top, self.slopes, both)

    def summed(self, both: Tensor, share: Tensor) -> Tensor:
        """Sums of y^2 and of y by shares, (k, n): (k, 2 d)."""
        return share @ both.T

    def improved(self, counts: Tensor, sums: Tensor, floor: float) -> tuple[Tensor, Tensor]:
        """The best means and deviations for such counts and sums, with no variance below the floor."""
        second, first = (sums / counts[:, None]).chunk(2, 1)
        variance = (second - first.square()).clamp(min=0)
        if self.spherical:
            variance = variance.mean(1, keepdim=True)
        return self.middle + first, variance.clamp(min=floor).sqrt()


def expected(
    rows: Tensor, now: Full | Diagonal, shares: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """The E step, in blocks: log p of all rows, (), N_k, (k,), and what `now` sums by r.

    Args:
        rows: (n, d).
        now: the components.
        shares: r, (n, k), if it is known otherwise.
    """
    size = max(rows.shape[1], (CACHED if rows.is_cpu else HELD) // now.width)
    known = repeat(None) if shares is None else shares.split(size)
    found: list[Tensor] = []
    for part, share in zip(rows.split(size), known, strict=False):
        seen, log_joint = now.seen(part.to(now.top))
        most = log_joint.amax(0)
        chance = log_joint.sub_(most).exp_()
        whole = chance.sum(0)
        share = chance.div_(whole) if share is None else share.T.to(now.top)
        parts = [(whole.log_() + most).sum(), share.sum(1), now.summed(seen, share)]
        found = [a + b for a, b in zip(found, parts, strict=True)] if found else parts
    log_prob, counts, sums = found
    return log_prob, counts, sums


def clusters(x: Tensor, k: int, rounds: int = 20) -> Tensor:
    """To which of k clusters each row of x, (n, d), belongs, (n,): k-means begun by k-means++."""
    if len(x) < k:
        raise Refused(f"GaussianMixture: {len(x)} rows for {k} components; more rows are wanted")
    centres = x[torch.randint(len(x), (1,), device=x.device)]
    near = _squares(x, centres)
    while len(centres) < k:
        chance = near if near.sum() > 0 else torch.ones_like(near)  # fewer than k are distinct
        new = x[chance.multinomial(1)]
        centres, near = torch.cat([centres, new]), near.minimum(_squares(x, new))
    for _ in range(rounds):
        member = one_hot(_nearest(x, centres), k).to(x)
        sizes = member.sum(0)[:, None]
        centres = torch.where(sizes > 0, member.T @ x / sizes.clamp(min=1), centres)
    return _nearest(x, centres)


def _squares(x: Tensor, centre: Tensor) -> Tensor:
    """Squared distances of rows, (n, d), from one, (1, d), in blocks that a cache holds: (n,)."""
    size = max(1, CACHED // x.shape[1])
    return torch.cat([(rows - centre).square_().sum(1) for rows in x.split(size)])


def _nearest(x: Tensor, centres: Tensor) -> Tensor:
    """The number of the centre, (k, d), that is nearest to each row of x, (n, d)."""
    middle = centres.mean(0)
    far = 0.5 * (centres - middle).square().sum(1) + (centres - middle) @ middle
    return (far - x @ (centres - middle).T).argmin(1)
