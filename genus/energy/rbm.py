"""RBM: units in two layers, with no links within a layer.

Given one layer, the units of the other are independent, so a whole layer is drawn at once, and the
hidden one can be summed out. Learning lowers the energy of data and raises that of what the model
dreams: the end of a short Gibbs chain, begun at the data (CD-k) or where it last stood (PCD-k).

    E(v, h) = -v a - h b - v W h - log B(v)             p(v) = sum_h exp(-E(v, h)) / Z
    F(v)    = -v a - sum_j softplus((v W + b)_j) - log B(v)         p(v) = exp(-F(v)) / Z
    P(h_j = 1 | v) = sigmoid((v W + b)_j)               P(v | h) = units in the field W h + a
    d -log p(v) = dF(v) - E_p[dF]                       loss = mean F(data) - mean F(dream)

For bits, B(v) = 1 and P(v_i = 1 | h) = sigmoid((W h + a)_i); numbers and categories are units of other
kinds, with a B of their own. The gradient of F has P(h | v) in it, not a draw of h, as it should be for
the last step of a chain. The way from the base rates of the data, a0, to the model, for annealed
importance sampling, and for chains at several temperatures (parallel tempering), of which neighbours
are exchanged with chance min(1, f_beta(v') f_beta'(v) / (f_beta(v) f_beta'(v'))):

    f_beta(v) = B(v) exp(v ((1 - beta) a0 + beta a)) prod_j (1 + exp(beta (v W + b)_j))

Source: Hinton, "Training products of experts by minimizing contrastive divergence", Neural
    Computation 14, 2002; Tieleman, "Training restricted Boltzmann machines using approximations to
    the likelihood gradient", 2008, for PCD; Hinton, "A practical guide to training restricted
    Boltzmann machines", 2010, for the start; Salakhutdinov, Murray, "On the quantitative analysis
    of deep belief networks", 2008, for f_beta; Desjardins, Courville, Bengio, Vincent, Delalleau,
    "Tempered Markov chain Monte Carlo for training of restricted Boltzmann machines", 2010.
Departs: hot chains tend to the base rates of the data, where Desjardins and others have fair coins.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..core import AnnealingPath, GenerativeModel, Losses, Refused, See, Space, at_least
from .units import bits, visible_units

COUNTED = 20  # hidden units whose states can be counted
BLOCK = 1 << 14  # states that are counted at once


class RBM(GenerativeModel):
    """A distribution on bits, categories or numbers; an x of several axes is read as one vector.

    Args:
        space: the space of x: Bits, Reals, Classes, Pixels, or Tokens without an end.
        hidden: units in the hidden layer.
        steps: k, the Gibbs steps of a chain in one round.
        chains: persistent chains (PCD), best no fewer than the rows of a batch; 0
            begins a chain at each row of data in every round (CD).
        burn_in: Gibbs steps before a sample, from a persistent chain or else from the biases.
        temperatures: number of temperatures at which each persistent chain runs; 1 for no tempering.
    """

    dreams: Tensor  # (chains, size), where the persistent chains stand
    hot: Tensor  # ((temperatures - 1) chains, size), where their hotter companions stand, the hottest first
    rates: Tensor  # (size,), a0

    def __init__(
        self,
        space: Space,
        hidden: int = 500,
        steps: int = 1,
        chains: int = 128,
        burn_in: int = 1000,
        temperatures: int = 1,
    ):
        super().__init__()
        at_least(1, "RBM", hidden=hidden, steps=steps, temperatures=temperatures)
        at_least(0, "RBM", chains=chains, burn_in=burn_in)
        if temperatures > 1 and not chains:
            raise Refused(f"RBM: temperatures is {temperatures} without chains; chains are wanted")
        self.space, self.hidden, self.steps = space, hidden, steps
        self.chains, self.burn_in, self.temperatures = chains, burn_in, temperatures
        self.units = visible_units("RBM", space)
        size = self.units.size
        self.W = nn.Parameter(0.01 * torch.randn(size, hidden))
        self.a = nn.Parameter(torch.zeros(size))
        self.b = nn.Parameter(torch.zeros(hidden))
        self.register_buffer("rates", torch.zeros(size))
        everywhere = self.units.draw(self.a.expand(temperatures * chains, -1)).detach()
        self.register_buffer("dreams", everywhere[:chains])
        self.register_buffer("hot", everywhere[chains:])

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Begins at the base rates of the data: the best model there is without a hidden layer."""
        self.units.prepare(x)
        self.rates.copy_(self.units.field_of(self.features(x)))
        self.a.copy_(self.rates)
        self.dreams.copy_(self.units.draw(self.a.expand_as(self.dreams)))
        self.hot.copy_(self.units.draw(self.a.expand_as(self.hot)))

    def features(self, x: Tensor) -> Tensor:
        """v of x, (n, size)."""
        return self.units.features(x).to(self.W)

    def energy(self, x: Tensor) -> Tensor:
        """The free energy F(x), (n,)."""
        return self._energy(self.features(x))

    def _energy(self, v: Tensor) -> Tensor:
        hidden = softplus(torch.addmm(self.b, v, self.W)).sum(1)
        return -hidden - v @ self.a - self.units.log_base(v)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """P(h_j = 1 | v), (n, hidden)."""
        return (self.features(x) @ self.W + self.b).sigmoid()

    @torch.no_grad()
    def gibbs(self, x: Tensor, steps: int) -> Tensor:
        """x, (n, *space.shape), after some moves v -> h -> v, which leave p(v) as it is."""
        return self.units.back(self._gibbs(self.features(x), steps))

    def _gibbs(self, v: Tensor, steps: int) -> Tensor:
        for _ in range(steps):
            h = bits(torch.addmm(self.b, v, self.W).sigmoid_())
            v = self.units.draw(torch.addmm(self.a, h, self.W.T))
        return v

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        v = self._begun(self.sample_count(n, context))
        return self.units.back(self._gibbs(v, self.burn_in))

    @torch.no_grad()
    def sample_watched(
        self, see: See, n: int | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`sample`, with looks at the chain: more often at its beginning, where it moves most."""
        v, stood = self._begun(self.sample_count(n, context)), 0
        for step in looks(self.burn_in):
            v, stood = self._gibbs(v, step - stood), step
            see(self.units.back(v))
        return self.units.back(self._gibbs(v, self.burn_in - stood))

    @torch.no_grad()
    def inpaint(self, x: Tensor, known: Tensor) -> Tensor:
        """x, (n, *space.shape), with its known part kept and the rest from a chain, of `burn_in` steps.

        Args:
            x: rows; what is not known may hold any values of the space, and is begun by the biases.
            known: true where x is known, (*space.shape).
        """
        drawn = self.units.back(self.units.draw(self.a.expand(len(x), -1)))
        drawn = torch.where(known, x, drawn)
        for _ in range(self.burn_in):
            drawn = torch.where(known, x, self.gibbs(drawn, 1))
        return drawn

    def _begun(self, n: int) -> Tensor:
        """Where the chains of n samples begin, (n, size)."""
        if self.chains:
            return self.dreams[torch.randint(self.chains, (n,), device=self.dreams.device)]
        return self.units.draw(self.a.expand(n, -1))

    def loss(self, x: Tensor) -> Losses:
        """Its value is no measure of the fit: its gradient is the contrastive one."""
        v = self.features(x)
        with torch.no_grad():
            dream = self._dreamt() if self.chains else self._gibbs(v, self.steps)
        data, dreamt = self._energy(torch.cat([v, dream])).split([len(v), len(dream)])
        return {"data": data.mean(), "dream": -dreamt.mean()}

    def _dreamt(self) -> Tensor:
        """The persistent chains, a round later; kept in training."""
        if self.temperatures == 1:
            dream, hot = self._gibbs(self.dreams, self.steps), self.hot
        else:
            betas = torch.linspace(0, 1, self.temperatures).to(self.W)
            betas = betas.repeat_interleave(self.chains)[:, None]
            ladder = torch.cat([self.hot, self.dreams])
            for _ in range(self.steps):
                ladder = self._tempered(self._field(ladder), betas, self.rates)
            ladder = self._exchanged(self._exchanged(ladder, betas, 0), betas, 1)
            hot, dream = ladder[: -self.chains], ladder[-self.chains :]
        if self.training:
            self.dreams.copy_(dream)
            self.hot.copy_(hot)
        return dream

    def _exchanged(self, ladder: Tensor, betas: Tensor, first: int) -> Tensor:
        """Chains, the hottest first, where every second pair of neighbours may have changed places.

        Args:
            ladder: where they stand, (temperatures chains, size).
            betas: their inverse temperatures, (temperatures chains, 1).
            first: 0 or 1, the first temperature of the first pair.
        """
        by = (self.temperatures, self.chains)
        v, beta = ladder.unflatten(0, by).clone(), betas.unflatten(0, by)
        cooler, hotter = v[first + 1 :: 2], v[first:-1:2]
        to, at = beta[first + 1 :: 2], beta[first:-1:2]
        gain, other = (
            self._gain(part, self._field(part), at, to, self.rates) for part in (hotter, cooler)
        )
        gain = gain - other
        swaps = (torch.rand_like(gain).log() < gain)[..., None]
        v[first + 1 :: 2], v[first:-1:2] = (
            torch.where(swaps, hotter, cooler),
            torch.where(swaps, cooler, hotter),
        )
        return v.flatten(0, 1)

    def _field(self, v: Tensor) -> Tensor:
        """What the hidden units are given by v, (..., hidden)."""
        return v @ self.W + self.b

    def _gain(
        self, v: Tensor, field: Tensor, beta: Tensor | float, to: Tensor | float, rates: Tensor
    ) -> Tensor:
        """log f_to(v) - log f_beta(v), (...), of v, (..., size), and its field."""
        gain = softplus(to * field) - softplus(beta * field)
        return ((to - beta) * v) @ (self.a - rates) + gain.sum(-1)

    def _tempered(self, field: Tensor, to: Tensor | float, rates: Tensor) -> Tensor:
        """v, (n, size), after one move that leaves f_to alone, from where the field is this one."""
        h = bits((to * field).sigmoid_())
        return self.units.draw(rates + to * (self.a - rates + h @ self.W.T))

    @torch.no_grad()
    def annealing_path(self, x: Tensor) -> AnnealingPath:
        """The way from the base rates of x, (n, *space.shape), to this model: f_beta."""
        rates = self.units.field_of(self.features(x))

        def start(n: int) -> Tensor:
            return self.units.back(self.units.draw(rates.expand(n, -1)))

        @torch.no_grad()
        def climb(x: Tensor, beta: float, to: float) -> tuple[Tensor, Tensor]:
            v = self.features(x)
            field = self._field(v)
            log_weight = self._gain(v, field, beta, to, rates)
            return self.units.back(self._tempered(field, to, rates)), log_weight

        log_z = self.units.log_sum(rates) + self.hidden * math.log(2)
        return AnnealingPath(log_z, start, climb, self.sample)

    @torch.no_grad()
    def counted_log_z(self) -> Tensor:
        """log Z, nats, (), float64, by summing over all states of the hidden layer.

        Raises:
            Refused: there are too many states.
        """
        if self.hidden > COUNTED:
            raise Refused(
                f"RBM.counted_log_z: hidden is {self.hidden}, at most {COUNTED} can be counted; "
                f"genus.measure.likelihood.annealing.log_z estimates log Z"
            )
        total = torch.tensor(-math.inf, dtype=torch.float64)
        for first in range(0, 1 << self.hidden, BLOCK):
            numbers = torch.arange(first, min(first + BLOCK, 1 << self.hidden))
            h = (numbers[:, None] >> torch.arange(self.hidden) & 1).to(self.W)
            log_f = h @ self.b + self.units.log_sum(h @ self.W.T + self.a)
            total = torch.logaddexp(total, log_f.cpu().double().logsumexp(0))
        return total


def looks(steps: int) -> list[int]:
    """Numbers below `steps` at which a chain is looked at: all below 8, then each an eighth larger."""
    found = [*range(8), 8]
    while found[-1] < steps:
        found.append(found[-1] + found[-1] // 8)
    return [step for step in found if step < steps]
