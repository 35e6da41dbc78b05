"""RBM: binary units in two layers, with no links within a layer.

Given one layer, the units of the other are independent, so a whole layer is drawn at once, and the
hidden one can be summed out. Learning lowers the energy of data and raises that of what the model
dreams: the end of a short Gibbs chain, begun at the data (CD-k) or where it last stood (PCD-k).

    E(v, h) = -v a - h b - v W h                        p(v) = sum_h exp(-E(v, h)) / Z
    F(v)    = -v a - sum_j softplus((v W + b)_j)        p(v) = exp(-F(v)) / Z
    P(h_j = 1 | v) = sigmoid((v W + b)_j)               P(v_i = 1 | h) = sigmoid((W h + a)_i)
    d -log p(v) = dF(v) - E_p[dF]                       loss = mean F(data) - mean F(dream)

The gradient of F has P(h | v) in it, not a draw of h, as it should be for the last step of a chain.
The way from the base rates of the data, a0, to the model, for annealed importance sampling:

    f_beta(v) = exp(v ((1 - beta) a0 + beta a)) prod_j (1 + exp(beta (v W + b)_j))

Source: Hinton, "Training products of experts by minimizing contrastive divergence", Neural
    Computation 14, 2002; Tieleman, "Training restricted Boltzmann machines using approximations to
    the likelihood gradient", 2008, for PCD; Hinton, "A practical guide to training restricted
    Boltzmann machines", 2010, for the start; Salakhutdinov, Murray, "On the quantitative analysis
    of deep belief networks", 2008, for f_beta.
Departs: nothing.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..core import AnnealingPath, Bits, GenerativeModel, Losses, Refused, See, Space, require


class RBM(GenerativeModel):
    """A distribution on bits; an x of several axes is read as one vector.

    Args:
        space: the bits.
        hidden: units in the hidden layer.
        steps: k, the Gibbs steps of a chain in one round.
        chains: persistent chains (PCD), best no fewer than the rows of a batch; 0
            begins a chain at each row of data in every round (CD).
        burn_in: Gibbs steps before a sample, from a persistent chain or else from the biases.
    """

    dreams: Tensor  # (chains, d), where the persistent chains stand

    def __init__(
        self,
        space: Space,
        hidden: int = 500,
        steps: int = 1,
        chains: int = 128,
        burn_in: int = 1000,
    ):
        super().__init__()
        require("RBM", space, Bits, mend="take the data's bits, data.binarised()")
        for name, value, least in (
            ("hidden", hidden, 1),
            ("steps", steps, 1),
            ("chains", chains, 0),
        ):
            if value < least:
                raise Refused(f"RBM: {name} is {value}; at least {least} is wanted")
        self.space, self.hidden, self.steps = space, hidden, steps
        self.chains, self.burn_in = chains, burn_in
        self.W = nn.Parameter(0.01 * torch.randn(space.dims, hidden))
        self.a = nn.Parameter(torch.zeros(space.dims))
        self.b = nn.Parameter(torch.zeros(hidden))
        self.register_buffer("dreams", torch.rand(chains, space.dims).round())

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Begins at the base rates of the data: the best model there is without a hidden layer."""
        self.a.copy_(log_odds(x.flatten(1)))
        self.dreams.copy_(self.a.sigmoid().expand_as(self.dreams).bernoulli())

    def energy(self, x: Tensor) -> Tensor:
        """The free energy F(x), (n,)."""
        v = x.flatten(1)
        return -v @ self.a - softplus(v @ self.W + self.b).sum(1)

    @torch.no_grad()
    def gibbs(self, x: Tensor, steps: int) -> Tensor:
        """x, (n, *space.shape), after some moves v -> h -> v, which leave p(v) as it is."""
        v = x.flatten(1)
        for _ in range(steps):
            h = (v @ self.W + self.b).sigmoid_().bernoulli()
            v = (h @ self.W.T + self.a).sigmoid_().bernoulli()
        return v.reshape(x.shape)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        return self.gibbs(self._begun(self.sample_count(n, context)), self.burn_in)

    @torch.no_grad()
    def sample_watched(
        self, see: See, n: int | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`sample`, with looks at the chain: more often at its beginning, where it moves most."""
        x, stood = self._begun(self.sample_count(n, context)), 0
        for step in sorted({*range(min(8, self.burn_in)), *_growing(self.burn_in)}):
            x, stood = self.gibbs(x, step - stood), step
            see(x)
        return self.gibbs(x, self.burn_in - stood)

    @torch.no_grad()
    def inpaint(self, x: Tensor, known: Tensor) -> Tensor:
        """x, (n, *space.shape), with its known part kept and the rest from a chain, of `burn_in` steps.

        Args:
            x: rows; what is not known may hold any bits, and is begun by the biases.
            known: true where x is known, (*space.shape).
        """
        begun = self.a.sigmoid().expand(len(x), -1).bernoulli().reshape(x.shape)
        drawn = torch.where(known, x, begun)
        for _ in range(self.burn_in):
            drawn = torch.where(known, x, self.gibbs(drawn, 1))
        return drawn

    def _begun(self, n: int) -> Tensor:
        """Where the chains of n samples begin, (n, *space.shape)."""
        if self.chains:
            v = self.dreams[torch.randint(self.chains, (n,), device=self.dreams.device)]
        else:
            v = self.a.sigmoid().expand(n, -1).bernoulli()
        return v.reshape(n, *self.space.shape)

    def loss(self, x: Tensor) -> Losses:
        """Its value is no measure of the fit: its gradient is the contrastive one."""
        dream = self.gibbs(self.dreams if self.chains else x, self.steps)
        if self.chains and self.training:
            self.dreams.copy_(dream)
        return {"data": self.energy(x).mean(), "dream": -self.energy(dream).mean()}

    @torch.no_grad()
    def annealing_path(self, x: Tensor) -> AnnealingPath:
        """The way from the base rates of x, (n, *space.shape), to this model: f_beta."""
        base = log_odds(x.flatten(1))
        tilt = self.a - base

        def start(n: int) -> Tensor:
            return base.sigmoid().expand(n, -1).bernoulli().reshape(n, *self.space.shape)

        @torch.no_grad()
        def climb(x: Tensor, beta: float, to: float) -> tuple[Tensor, Tensor]:
            v = x.flatten(1)
            field = v @ self.W + self.b
            gain = softplus(to * field) - softplus(beta * field)
            log_weight = (to - beta) * (v @ tilt) + gain.sum(1)
            h = (to * field).sigmoid_().bernoulli()
            v = (base + to * (tilt + h @ self.W.T)).sigmoid_().bernoulli()
            return v.reshape(x.shape), log_weight

        log_z = softplus(base).sum() + self.hidden * math.log(2)
        return AnnealingPath(log_z, start, climb)


def _growing(steps: int) -> list[int]:
    """Numbers below `steps`, from 8 on, each about an eighth larger than the one before."""
    found = [8]
    while found[-1] < steps:
        found.append(found[-1] + max(1, found[-1] // 8))
    return [step for step in found if step < steps]


def log_odds(v: Tensor) -> Tensor:
    """log of on to off for each column of v, (n, d); each was seen once on and once off before."""
    on = v.sum(0)
    return ((on + 1) / (len(v) - on + 1)).log()
