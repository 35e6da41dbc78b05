"""Even mixtures of models that share their weights, each with an order of its own.

    p(x) = 1/K sum_k p_k(x)

Each p_k goes from value to value in its order, and so does drawing from it. Given the first values of a
row, x_S, the mixture is no longer even: a row continues with p_k in proportion to p_k(x_S), which is
known where k's order begins with the values in S, whichever of them comes first. Where an order does
not, no exact way leads on, and there is none here.
"""

import math

import torch
from torch import Tensor

from ..core import See
from ..errors import Refused
from ..functional.sequences.choices import DRAWN, Decoding
from .stepwise import Steps, Stepwise
from .unveiling import blank_of, unveil


class OneOf(Stepwise):
    """One of the models in a mixture.

    Args:
        mixture: mixture that it is in.
        which: its number.
    """

    def __init__(self, mixture: "Mixed", which: int):
        super().__init__()
        self.mixture, self.which, self.space = mixture, which, mixture.space

    @property
    def order(self) -> Tensor:
        return self.mixture.orders[self.which]

    def logits(self, x: Tensor) -> Tensor:
        return self.mixture.logits(x, self.which)

    def unroll(self, n: int) -> Steps:
        return self.mixture.unroll(n, self.which)


class Mixed(Stepwise):
    """An even mixture: gives `orders`, and `logits` and `unroll` of each of its models.

    What names no model is of the first one, where a single order is wanted (`order`, `logits`,
    `unroll`, `sample_from`), and of the mixture elsewhere.
    """

    @property
    def orders(self) -> Tensor:
        """The numbers of the values as they come in each model, (K, d)."""
        raise NotImplementedError(f"{type(self).__name__} has no orders")

    @property
    def order(self) -> Tensor:
        return self.orders[0]

    def one(self, which: int) -> Stepwise:
        """One of the models, as a model of its own: it completes rows in its own order."""
        return OneOf(self, which)

    def logits(self, x: Tensor, which: int = 0) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no logits")

    def unroll(self, n: int, which: int = 0) -> Steps:
        raise NotImplementedError(f"{type(self).__name__} has no unroll")

    # scores

    def log_prob(self, x: Tensor) -> Tensor:
        each = torch.stack([self.log_prob_of(which, x) for which in range(len(self.orders))])
        return each.logsumexp(0) - math.log(len(each))

    def log_prob_of(self, which: int, x: Tensor) -> Tensor:
        """log p_k(x), where k is one of the models, (n,)."""
        return self.one(which).log_prob(x)

    def log_probs(self, x: Tensor) -> Tensor:
        """log p(x_i | x_<i) of each value, nats, (n, *shape), where all models have one order."""
        if not (self.orders == self.order).all():
            raise Refused(
                f"{type(self).__name__}: its models have different orders, and a single value has "
                f"no probability in their mixture; use one of them: one(k).log_probs(x)"
            )
        each = torch.stack([self.one(k).log_probs(x).flatten(1) for k in range(len(self.orders))])
        before = each[..., self.order].cumsum(2).logsumexp(0)  # of all values up to each place
        steps = torch.cat([before[:, :1] - math.log(len(each)), before.diff(dim=1)], 1)
        return torch.empty_like(steps).index_copy(1, self.order, steps).reshape(x.shape)

    # samples

    def sample_from(
        self, u: Tensor, which: int = 0, decoding: Decoding = DRAWN, prefix: Tensor | None = None
    ) -> Tensor:
        """x, (n, *shape), from one of the models, by uniform noise, (n, d)."""
        return self.one(which).sample_from(u, decoding=decoding, prefix=prefix)

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: Decoding = DRAWN,
        prefix: Tensor | None = None,
    ) -> Tensor:
        """(n, *space.shape); with a prefix, (n, k), of the first k values in `order`.

        Raises:
            Refused: the orders of the models do not all begin with the same k values.
        """
        return self._sampled(self.sample_count(n, context), decoding, prefix)[0]

    @torch.no_grad()
    def sample_watched(
        self,
        see: See,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: Decoding = DRAWN,
    ) -> Tensor:
        """`sample`, (n, *space.shape), with looks at what is drawn so far; the rest is blank."""
        x, which = self._sampled(self.sample_count(n, context), decoding, None)
        rank = self.orders.argsort(1).to(x.device)[which].reshape(x.shape)
        unveil(see, x, rank, self.space.dims, blank_of(self.space))
        return x

    def _sampled(self, n: int, decoding: Decoding, prefix: Tensor | None) -> tuple[Tensor, Tensor]:
        """Samples, (n, *space.shape), and the number of the model that each came from, (n,)."""
        u = self.uniform(n)
        known = 0 if prefix is None else prefix.shape[1]
        index = torch.zeros(n, self.space.dims, dtype=torch.int64, device=u.device)
        x = self.space.values(index, u.dtype)
        if prefix is not None:
            x[:, self.order[:known]] = prefix.to(x.dtype)
        which = torch.zeros(n, dtype=torch.int64, device=u.device)
        if len(self.orders) > 1:
            which = self._weights(x, known).multinomial(1)[:, 0]
        for k in which.unique().tolist():
            mine = which == k
            first = x[mine][:, self.orders[k][:known]]
            x[mine] = self.sample_from(u[mine], k, decoding=decoding, prefix=first).flatten(1)
        return x.reshape(n, *self.space.shape), which

    def complete(self, x: Tensor, known: int, decoding: Decoding = DRAWN) -> Tensor:
        """x, (n, *shape), with its first `known` values in `order` kept, and others drawn."""
        return self.sample(len(x), None, decoding, x.flatten(1)[:, self.order[:known]])

    def _weights(self, x: Tensor, known: int) -> Tensor:
        """p_k(first values) over their sum, (n, K), of x, (n, d), whose other values are any."""
        if not known:
            return torch.ones(len(x), len(self.orders), device=x.device)
        first = self.orders[:, :known].sort(1).values
        if not (first == first[0]).all():
            raise Refused(
                f"{type(self).__name__}: the orders of its {len(first)} models begin with different "
                f"values, so that {known} of them cannot be given; take one of its models: "
                f"one(k).complete(x, known)"
            )
        rows = x.reshape(len(x), *self.space.shape)
        each = [
            self.one(k).log_probs(rows).flatten(1)[:, first[0]].sum(1) for k in range(len(first))
        ]
        return torch.stack(each, 1).softmax(1)
