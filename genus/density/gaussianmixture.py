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

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ..core import GenerativeModel, Losses, Refused, Space, at_least
from ..functional.densities.densities import log_diagonal_normals, log_multivariate_normal
from .gaussian import Covariance, check_arguments, fitted, fitted_diagonals, scaled, unit_scale

CACHED = 2**17  # numbers


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
        log_joint = self.log_joint(rows)
        while True:
            before = log_joint.logsumexp(1).mean()
            self.maximise(rows, log_joint.softmax(1))
            log_joint = self.log_joint(rows)
            after = log_joint.logsumexp(1).mean()
            yield {"nll": -after}
            if after - before < self.tolerance:
                return

    @torch.no_grad()
    def maximise(self, rows: Tensor, responsibility: Tensor) -> None:
        """The M step, for rows, (n, d), and r, (n, components)."""
        counts = responsibility.sum(0)
        self.logits.copy_(counts.clamp(min=torch.finfo(rows.dtype).tiny).log())
        kept = counts > 1e-6  # of one row
        if self.covariance != "full":
            means, scales = fitted_diagonals(rows, responsibility, self.covariance, self.floor)
            self.means.copy_(means.where(kept[:, None], self.means))
            self.scales.copy_(scales.where(kept[:, None], self.scales))
            return
        if rows.device.type != "mps":  # which has no double
            rows = rows.double()  # once, and not for each component
        for k, share in enumerate(responsibility.T):
            if kept[k]:
                self.means[k], self.scales[k] = fitted(rows, share, self.covariance, self.floor)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        n = self.sample_count(n, context)
        which = self.logits.softmax(0).multinomial(max(1, n), replacement=True)[:n]
        x = self.noise(n, self.space.dims)
        for k in which.unique():
            mine = which == k
            x[mine] = self.means[k] + scaled(x[mine], self.scales[k])
        return x.reshape(n, *self.space.shape)


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
