"""DBM: two hidden layers of binary units, each linked to its neighbours in both directions.

Given h1, v and h2 are independent, and h1 given both; so Gibbs chains move in two halves. Of data only v is
known: there q(h1) q(h2) = prod Bernoulli(m) takes the place of P(h1, h2 | v), found by mean field, and
p(v) has a lower bound. Learning raises the bound on data, and lowers -E of persistent chains.

    E(v, h1, h2) = -v a - h1 b1 - h2 b2 - v W1 h1 - h1 W2 h2        p(v) = sum_h exp(-E) / Z
    m1 = sigmoid(b1 + v W1 + W2 m2),  m2 = sigmoid(b2 + m1 W2)       in turns, until they rest
    F(h1) = -h1 b1 - sum softplus(a + W1 h1) - sum softplus(b2 + h1 W2)
    d -log p(v) ~ dE(v, m1, m2) - E_p[dF(h1)]                        loss = mean E(data) - mean F(dream)
    log p(v) >= E_q [-E'(v, h1) - log q(h1)] - log Z                 E'(v, h1): h2 is summed out

The way from the base rates of the data, a0, to the model, for annealed importance sampling, is of h1 alone:

    f_beta(h1) = exp(beta h1 b1) prod (1 + exp(a0 + beta (a - a0 + W1 h1))) prod (1 + exp(beta (b2 + h1 W2)))

Greedy pre-training, `DBMStart`, learns both pairs of layers as RBMs, in which v, and h2, are there twice: each
then has the say of two neighbours on h1, of which the one that stands in for the other leaves when the halves
are put together, as the mean of what they say of h1's bias.

Source: Salakhutdinov, Hinton, "Deep Boltzmann machines", 2009; "An efficient learning procedure for deep
    Boltzmann machines", Neural Computation 24, 2012, for the doubled layers.
Departs: dreams move h1 alone, and v and h2 are summed out of their gradient; both pairs learn at the same
    time, by persistent chains; h2 is summed out of the bound, which is tighter so.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..core import (
    AnnealingPath,
    Bits,
    GenerativeModel,
    Losses,
    Player,
    Refused,
    See,
    Space,
    at_least,
    require,
)
from .rbm import RBM, looks
from .units import BinaryUnits, bits, log_odds


class DBM(GenerativeModel):
    """A distribution on bits; an x of several axes is read as one vector.

    Args:
        space: the bits.
        hidden: units of both hidden layers.
        steps: Gibbs steps of a chain in one round.
        chains: number of persistent chains, best no fewer than the rows of a batch.
        updates: how often mean field updates both layers.
        burn_in: Gibbs steps before a sample, from a persistent chain.
    """

    dreams: Tensor  # (chains, hidden[0]), where the persistent chains stand

    def __init__(
        self,
        space: Space,
        hidden: tuple[int, int] = (500, 1000),
        steps: int = 5,
        chains: int = 128,
        updates: int = 10,
        burn_in: int = 1000,
    ):
        super().__init__()
        require("DBM", space, Bits, mend="take the data's bits, data.binarised()")
        if len(hidden) != 2:
            raise Refused(f"DBM: hidden is {hidden}; the units of two layers are wanted")
        at_least(1, "DBM", steps=steps, chains=chains, updates=updates, hidden=min(hidden))
        at_least(0, "DBM", burn_in=burn_in)
        self.space, self.hidden, self.steps, self.chains = space, hidden, steps, chains
        self.updates, self.burn_in = updates, burn_in
        low, high = hidden
        self.W1 = nn.Parameter(0.01 * torch.randn(space.dims, low))
        self.W2 = nn.Parameter(0.01 * torch.randn(low, high))
        self.a = nn.Parameter(torch.zeros(space.dims))
        self.b1 = nn.Parameter(torch.zeros(low))
        self.b2 = nn.Parameter(torch.zeros(high))
        self.register_buffer("dreams", torch.rand(chains, low).round())

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Begins at the base rates of the data."""
        self.a.copy_(log_odds(x.flatten(1)))

    @torch.no_grad()
    def put_together(self, start: "DBMStart") -> None:
        """Begins where pre-training ended."""
        lower, upper = start.lower, start.upper
        self.W1.copy_(lower.W)
        self.W2.copy_(upper.W)
        self.a.copy_(lower.a)
        self.b1.copy_(0.5 * (lower.b + upper.a))
        self.b2.copy_(upper.b)
        stood = upper.dreams[torch.arange(self.chains, device=self.dreams.device) % upper.chains]
        self.dreams.copy_(stood)

    # chains

    def _apart(self, h1: Tensor) -> tuple[Tensor, Tensor]:
        """Draws of v and of h2, given h1."""
        v = bits((h1 @ self.W1.T + self.a).sigmoid_())
        return v, bits((h1 @ self.W2 + self.b2).sigmoid_())

    def _between(self, v: Tensor, h2: Tensor) -> Tensor:
        """A draw of h1, given both."""
        return bits((v @ self.W1 + h2 @ self.W2.T + self.b1).sigmoid_())

    def _moved(self, h1: Tensor, steps: int) -> Tensor:
        for _ in range(steps):
            h1 = self._between(*self._apart(h1))
        return h1

    def _begun(self, n: int) -> Tensor:
        return self.dreams[torch.randint(self.chains, (n,), device=self.dreams.device)]

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        h1 = self._moved(self._begun(self.sample_count(n, context)), self.burn_in)
        return self._apart(h1)[0].reshape(-1, *self.space.shape)

    @torch.no_grad()
    def sample_watched(
        self, see: See, n: int | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`sample`, with looks at the chain, as the chances of x: more often at its beginning."""
        h1, stood = self._begun(self.sample_count(n, context)), 0
        for step in looks(self.burn_in):
            h1, stood = self._moved(h1, step - stood), step
            see((h1 @ self.W1.T + self.a).sigmoid().reshape(-1, *self.space.shape))
        h1 = self._moved(h1, self.burn_in - stood)
        return self._apart(h1)[0].reshape(-1, *self.space.shape)

    @torch.no_grad()
    def inpaint(self, x: Tensor, known: Tensor) -> Tensor:
        """x, (n, *space.shape), with its known part kept and the rest from a chain, of `burn_in` steps.

        Args:
            x: rows; what is not known may hold any bits, and is begun by the biases.
            known: true where x is known, (*space.shape).
        """
        rows, kept = x.flatten(1), known.flatten()
        h1 = bits(self.b1.sigmoid().expand(len(x), -1))
        v, h2 = self._apart(h1)
        for _ in range(self.burn_in):
            h1 = self._between(torch.where(kept, rows, v), h2)
            v, h2 = self._apart(h1)
        return torch.where(kept, rows, v).reshape(x.shape)

    # mean field, the loss and the bound

    @torch.no_grad()
    def mean_field(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """m1 and m2, (n, width) each, begun as if h2 said of h1 what v says."""
        says = x.flatten(1) @ self.W1
        m1 = (2 * says + self.b1).sigmoid_()
        for _ in range(self.updates):
            m2 = (m1 @ self.W2 + self.b2).sigmoid_()
            m1 = (says + m2 @ self.W2.T + self.b1).sigmoid_()
        return m1, (m1 @ self.W2 + self.b2).sigmoid_()

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """The means of both hidden layers, side by side, (n, sum of hidden)."""
        return torch.cat(self.mean_field(x), 1)

    def loss(self, x: Tensor) -> Losses:
        """Its value is no measure of the fit: its gradient is the one above."""
        v, (m1, m2) = x.flatten(1), self.mean_field(x)
        with torch.no_grad():
            dream = self._moved(self.dreams, self.steps)
            if self.training:
                self.dreams.copy_(dream)
        data = -(v @ self.a) - m2 @ self.b2
        data = data - (m1 * (v @ self.W1 + m2 @ self.W2.T + self.b1)).sum(1)
        return {"data": data.mean(), "dream": -self._summed_out(dream).mean()}

    def _summed_out(self, h1: Tensor) -> Tensor:
        """F(h1), (n,)."""
        v = softplus(h1 @ self.W1.T + self.a).sum(1)
        return -h1 @ self.b1 - v - softplus(h1 @ self.W2 + self.b2).sum(1)

    def unnormalised_log_weight(self, x: Tensor) -> Tensor:
        v = x.flatten(1)
        m1 = self.mean_field(x)[0].clamp(1e-6, 1 - 1e-6)
        h1 = bits(m1)
        log_q = torch.where(h1 > 0, m1, 1 - m1).log().sum(1)
        log_p = v @ self.a + (h1 * (v @ self.W1 + self.b1)).sum(1)
        return log_p + softplus(h1 @ self.W2 + self.b2).sum(1) - log_q

    @torch.no_grad()
    def annealing_path(self, x: Tensor) -> AnnealingPath:
        """The way from the base rates of x, (n, *space.shape), to this model, of h1."""
        rates = log_odds(x.flatten(1))
        tilt, (low, high) = self.a - rates, self.hidden

        def start(n: int) -> Tensor:
            return bits(rates.new_full((n, low), 0.5))

        @torch.no_grad()
        def climb(h1: Tensor, beta: float, to: float) -> tuple[Tensor, Tensor]:
            below, above = tilt + h1 @ self.W1.T, self.b2 + h1 @ self.W2
            gain = softplus(rates + to * below) - softplus(rates + beta * below)
            more = softplus(to * above) - softplus(beta * above)
            log_weight = (to - beta) * (h1 @ self.b1) + gain.sum(1) + more.sum(1)
            v, h2 = bits((rates + to * below).sigmoid_()), bits((to * above).sigmoid_())
            field = v @ self.W1 + h2 @ self.W2.T + self.b1
            return bits((to * field).sigmoid_()), log_weight

        def end(n: int) -> Tensor:
            return self._moved(self._begun(n), self.burn_in)

        log_z = softplus(rates).sum() + (low + high) * math.log(2)
        return AnnealingPath(log_z, start, climb, end)


class DBMStart(GenerativeModel):
    """Greedy pre-training of a DBM: both pairs of layers as RBMs with a doubled layer.

    Args:
        space: the bits.
        hidden: units of both hidden layers.
        steps: Gibbs steps of a chain in one round.
        chains: number of persistent chains of each pair.
    """

    def __init__(
        self, space: Space, hidden: tuple[int, int] = (500, 1000), steps: int = 1, chains: int = 128
    ):
        super().__init__()
        require("DBMStart", space, Bits, mend="take the data's bits, data.binarised()")
        self.space, self.hidden, self.steps, self.chains = space, hidden, steps, chains
        self.lower = _VisibleTwice(space, hidden[0], steps, chains)
        self.upper = _HiddenTwice(Bits((hidden[0],)), hidden[1], steps, chains)

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        self.lower.prepare(x)

    def players(self) -> dict[str, Player]:
        return {
            "lower": Player([self.lower], self.lower.loss),
            "upper": Player([self.upper], self.loss),
        }

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """One copy of v, by the lower pair, a step from where its chains stand."""
        lower, count = self.lower, self.sample_count(n, context)
        v = lower.dreams[torch.randint(self.chains, (count,), device=lower.dreams.device)]
        h1 = bits((v @ lower.W + lower.b).sigmoid_())
        return bits((h1 @ lower.W.T + lower.a).sigmoid_()).reshape(-1, *self.space.shape)

    def loss(self, x: Tensor) -> Losses:
        """The loss of the upper pair, on draws of h1."""
        with torch.no_grad():
            h1 = bits((self.lower.features(x) @ self.lower.W + self.lower.b).sigmoid_())
        return self.upper.loss(h1)


class _TwiceUnits(BinaryUnits):
    """Bits of which there are two copies: v is the number of those that are on."""

    def features(self, x: Tensor) -> Tensor:
        return 2 * x.flatten(1)

    def back(self, v: Tensor) -> Tensor:
        return super().back(v / 2)

    def draw(self, field: Tensor) -> Tensor:
        chance = field.sigmoid()
        return bits(chance) + bits(chance)

    def log_sum(self, field: Tensor) -> Tensor:
        return 2 * super().log_sum(field)

    def field_of(self, v: Tensor) -> Tensor:
        return log_odds(v / 2)


class _VisibleTwice(RBM):
    """An RBM whose visible layer is there twice, with the same weights."""

    def __init__(self, space: Space, hidden: int, steps: int, chains: int):
        super().__init__(space, hidden, steps, chains)
        self.units = _TwiceUnits(space, space.dims)


class _HiddenTwice(RBM):
    """An RBM whose hidden layer is there twice, with the same weights: it has a loss, and no path to its Z."""

    def _energy(self, v: Tensor) -> Tensor:
        return -v @ self.a - 2 * softplus(v @ self.W + self.b).sum(1)

    def _gibbs(self, v: Tensor, steps: int) -> Tensor:
        for _ in range(steps):
            chance = (v @ self.W + self.b).sigmoid_()
            v = bits(((bits(chance) + bits(chance)) @ self.W.T + self.a).sigmoid_())
        return v
