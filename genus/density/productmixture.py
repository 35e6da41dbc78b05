"""ProductMixture: a few products of distributions of columns, learnt by expectation maximisation.

The mixture of Bernoullis, and, on values that are more than two, the latent class model: naive Bayes whose
class nobody has seen. E finds the chances that a component drew a row, M the best components given these.

    p(x) = sum_k pi_k prod_i p_ki(x_i)
    E    r_nk = pi_k p_k(x_n) / p(x_n)
    M    pi_k = sum_n r_nk / N        p_ki(v) = (sum_n r_nk [x_ni = v] + alpha) / (sum_n r_nk + alpha values)

With alpha > 0 a step never lowers the likelihood times a Dirichlet prior, and with alpha = 0 it never lowers
the likelihood.

Source: Bishop, "Pattern recognition and machine learning", 2006, section 9.3.3, with a prior as in Murphy,
    "Machine learning: a probabilistic perspective", 2012, section 11.4.2.8.
Departs: begins with a few rounds of k-means, some times, and goes on from the best of these; a row belongs
    in part to each component then, for what a component has never seen it would never learn. A value that
    no row has is as rare as a millionth of a row, and not impossible, at alpha = 0.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ..core import GenerativeModel, Losses, Reals, Refused, Space, Tokens, at_least
from .gaussianmixture import clusters
from .products import LEAST, chosen, products

MIXED = 0.2  # share of a row that belongs to all components alike at first


class ProductMixture(GenerativeModel):
    """A mixture of products of Bernoulli or of categorical distributions; it can fill in columns.

    Args:
        space: Bits, Pixels, or Tokens that do not end.
        components: number of components, at least 1.
        smoothing: alpha, how often each value is taken to have been seen in each column of each component
            before, at least 0.
        tolerance: `fit` ends when a step gains less than this, in nats per row.
        starts: how often learning is begun, at least 1.
    """

    started: Tensor  # () bool: whether `fit` has begun

    def __init__(
        self,
        space: Space,
        components: int = 10,
        smoothing: float = 0.1,
        tolerance: float = 1e-4,
        starts: int = 3,
    ):
        super().__init__()
        who = type(self).__name__
        at_least(1, who, components=components, starts=starts)
        at_least(0, who, smoothing=smoothing)
        if isinstance(space, Reals):
            raise Refused(
                f"{who}: space is {space}; Bits, Tokens or Pixels are wanted; on the reals, "
                f"GaussianMixture with covariance diagonal is a mixture of products"
            )
        self.space, self.components = space, components
        self.smoothing, self.tolerance, self.starts = smoothing, tolerance, starts
        self.logits = nn.Parameter(torch.zeros(components))  # log pi, up to a constant
        self.products = products(who, space, components)
        self.register_buffer("started", torch.tensor(False))

    def log_joint(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """log of pi_k p_k(x), (n, components); of the columns that are known, if these are given."""
        return self.products.log_each(x, known) + self.logits.log_softmax(0)

    def log_prob(self, x: Tensor) -> Tensor:
        return self.log_joint(x).logsumexp(1)

    @torch.no_grad()
    def fit(self, x: Tensor) -> Iterator[Losses]:
        """Expectation maximisation, a step at a time, until a step gains less than `tolerance`."""
        if not self.started:
            self.begin(x)
            self.started.fill_(True)
        log_joint = self.log_joint(x)
        log_prob = log_joint.logsumexp(1, keepdim=True)
        before = log_prob.mean() + self.added(len(x))
        while True:
            self.maximise(x, log_joint.sub_(log_prob).exp_())
            log_joint = self.log_joint(x)
            log_prob = log_joint.logsumexp(1, keepdim=True)
            after = log_prob.mean() + self.added(len(x))
            yield {"nll": -log_prob.mean()}
            if after - before < self.tolerance:
                return
            before = after

    def begin(self, x: Tensor) -> None:
        """Takes the components that the best of some clusterings of the rows makes."""
        rows = x.flatten(1)
        if isinstance(self.space, Tokens):  # numbers that say nothing of how near two values are
            rows = one_hot(rows, self.space.vocabulary).flatten(1).to(self.logits)
        best, weights = -torch.inf, self.state_dict()
        for _ in range(self.starts):
            own = one_hot(clusters(rows, self.components), self.components).to(self.logits)
            self.maximise(x, (1 - MIXED) * own + MIXED / self.components)
            if (found := float(self.gained(self.log_joint(x)))) > best:
                best, weights = found, {k: v.clone() for k, v in self.state_dict().items()}
        self.load_state_dict(weights)

    def gained(self, log_joint: Tensor) -> Tensor:
        """What no step lowers: the likelihood of the rows, and of those that are added to them, a row."""
        return log_joint.logsumexp(1).mean() + self.added(len(log_joint))

    def added(self, n: int) -> Tensor:
        """The likelihood of the rows that are added, for each of n rows, ()."""
        return self.products.prior(max(self.smoothing, LEAST)).sum() / n

    def maximise(self, x: Tensor, shares: Tensor) -> None:
        """The M step, for rows and their shares, (n, components)."""
        counts = shares.sum(0)
        self.logits.copy_(counts.clamp(min=torch.finfo(counts.dtype).tiny).log())
        self.products.maximise(x, shares, self.smoothing)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        n = self.sample_count(n, context)
        u = torch.rand(n, 1 + self.space.dims, dtype=self.logits.dtype, device=self.logits.device)
        return self.products.draw(chosen(self.logits, u[:, 0]), u[:, 1:])

    @torch.no_grad()
    def inpaint(self, x: Tensor, known: Tensor) -> Tensor:
        """x, (n, *space.shape), with its known part kept and the rest drawn given that part, exactly.

        Args:
            x: rows; what is not known may hold any values of the space.
            known: true where x is known, (*space.shape).
        """
        u = torch.rand(len(x), 1 + self.space.dims, dtype=self.logits.dtype, device=x.device)
        which = chosen(self.log_joint(x, known), u[:, 0])
        return torch.where(known, x, self.products.draw(which, u[:, 1:]))
