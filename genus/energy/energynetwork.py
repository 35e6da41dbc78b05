"""EnergyNetwork: an energy that any network gives, trained by Langevin chains that are kept.

The network bends a normal distribution, so that p can be normalised whatever it does. Learning lowers the
energy of data and raises that of what the model dreams, as in an RBM; dreams come from chains that climb
the density with noise, and that go on in the next round from where they stood.

    E(x) = f(x) + |x - m|^2 / (2 s^2)                    p(x) = exp(-E(x)) / Z
    d -log p(x) = dE(x) - E_p[dE]                        loss = mean f(data) - mean f(dream)
    x' = x - h s^2 dE/dx + (2 h)^(1/2) s xi              taken with chance min(1, p(x') q(x | x') / (p(x) q(x' | x)))

The chance makes p the exact limit of a chain, whatever h is; h follows what share of its moves is taken. Moves are
as long in each column as the normal distribution is wide there.
The way from the normal distribution to the model, for annealed importance sampling, is f_beta(x) =
exp(-beta f(x) - |x - m|^2 / (2 s^2)), with the same moves.

Source: Du, Mordatch, "Implicit generation and modeling with energy-based models", 2019, arXiv:1903.08689,
    for the chains that are kept and the share of new ones; Roberts, Tweedie, "Exponential convergence of
    Langevin distributions and their discrete approximations", Bernoulli 2, 1996, for the moves.
Departs: noise has the size that p asks for, and moves are taken or not, where Du and Mordatch have little
    noise and take them all; no penalty holds energies near 0, for the normal distribution holds p together;
    no chain begins anew by default, for one that is young is no draw from p. The network sees x in units of
    half of s.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ..core import (
    AnnealingPath,
    GenerativeModel,
    Losses,
    Reals,
    Space,
    at_least,
    in_range,
    require,
)
from ..nn import MLP

ACCEPTED = 0.574  # share of moves to be taken, best in many dimensions (Roberts, Rosenthal, 1998)
HASTE = 0.02  # by how much the logarithm of h follows it in a move


class EnergyNetwork(GenerativeModel):
    """A density on the reals up to its constant.

    Args:
        space: the reals.
        hidden: widths of the network's hidden layers, where it is a perceptron.
        net: another network, (n, *space.shape) -> (n, 1).
        steps: moves of a chain in one round.
        chains: chains that are kept, best as many as a batch has rows, so that all move in each round.
        fresh: share of chains that begin anew in a round, in [0, 1]: the way to peaks that no chain is at.
        burn_in: moves before a sample, from a kept chain.
        blur: standard deviation of the normal noise that is added to data, so that columns of few values, or
            of one, have a density; at least 0.
    """

    middle: Tensor  # m, (*shape)
    width: Tensor  # s, (*shape)
    dreams: Tensor  # (chains, *shape), where the kept chains stand
    stride: Tensor  # (), h

    def __init__(
        self,
        space: Space,
        hidden: tuple[int, ...] = (64, 64),
        net: nn.Module | None = None,
        steps: int = 20,
        chains: int = 256,
        fresh: float = 0.0,
        burn_in: int = 500,
        blur: float = 0.0,
    ):
        super().__init__()
        require("EnergyNetwork", space, Reals)
        at_least(1, "EnergyNetwork", steps=steps, chains=chains)
        at_least(0, "EnergyNetwork", burn_in=burn_in, blur=blur)
        in_range("EnergyNetwork", "[0, 1]", fresh=fresh)
        at_least(1, "EnergyNetwork: hidden", layers=len(hidden), width=min(hidden, default=1))
        self.space, self.hidden, self.steps, self.chains = space, hidden, steps, chains
        self.fresh, self.burn_in, self.blur = fresh, burn_in, blur
        self.net = net or EnergyPerceptron(space.dims, hidden)
        self.register_buffer("middle", torch.zeros(space.shape))
        self.register_buffer("width", torch.ones(space.shape))
        self.register_buffer("stride", torch.tensor(0.01))
        self.register_buffer("dreams", torch.randn(chains, *space.shape))

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Takes a normal distribution twice as wide as the data in each column, and begins chains there."""
        self.middle.copy_(x.mean(0))
        spread = (x.var(0, correction=0) + self.blur**2).sqrt()
        self.width.copy_(2 * spread.clamp(min=1e-6))
        self.stride.fill_(0.05)
        self.dreams.copy_(self.begun(len(self.dreams)))

    def begun(self, n: int) -> Tensor:
        """Draws of the normal distribution, (n, *shape)."""
        return self.middle + self.width * self.noise(n, *self.space.shape)

    def bent(self, x: Tensor) -> Tensor:
        """f(x), (n,)."""
        return self.net(2 * (x - self.middle) / self.width).flatten()

    def held(self, x: Tensor) -> Tensor:
        """|x - m|^2 / (2 s^2), (n,)."""
        return 0.5 * ((x - self.middle) / self.width).square().flatten(1).sum(1)

    def energy(self, x: Tensor) -> Tensor:
        return self.bent(x) + self.held(x)

    def moved(self, x: Tensor, moves: int, beta: float = 1.0, adapts: bool = False) -> Tensor:
        """x, (n, *shape), after some moves that leave f_beta alone.

        Args:
            adapts: whether h follows the share of moves that is taken.
        """
        energy, slope = self.sloped(x, beta)
        for _ in range(moves):
            h = self.stride.clone()
            noise = torch.randn_like(x)
            step = (2 * h).sqrt() * noise - h * self.width * slope  # in units of s
            new = x + self.width * step
            there, back = self.sloped(new, beta)
            forth = 2 * h * noise.square().flatten(1).sum(1)
            home = (h * self.width * back - step).square().flatten(1).sum(1)
            chance = (energy - there + (forth - home) / (4 * h)).exp().clamp(max=1).nan_to_num(0)
            taken = torch.rand_like(chance) < chance
            wide = taken.view(-1, *[1] * len(self.space.shape))
            x, slope = torch.where(wide, new, x), torch.where(wide, back, slope)
            energy = torch.where(taken, there, energy)
            if adapts:
                self.stride.mul_((HASTE * (chance.mean() - ACCEPTED)).exp())
        return x

    def sloped(self, x: Tensor, beta: float) -> tuple[Tensor, Tensor]:
        """beta f(x) + |x - m|^2 / (2 s^2), (n,), and its gradient in x."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            energy = beta * self.bent(x) + self.held(x)
            (slope,) = torch.autograd.grad(energy.sum(), x)
        return energy.detach(), slope

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        n = self.sample_count(n, context)
        begun = self.dreams[torch.randint(self.chains, (n,), device=self.dreams.device)]
        return self.moved(begun, self.burn_in)

    def loss(self, x: Tensor) -> Losses:
        """Its value is no measure of the fit: its gradient is the contrastive one."""
        with torch.no_grad():
            dream = self.dreamt(len(x))
        if self.blur:
            x = x + self.blur * torch.randn_like(x)
        return {"data": self.bent(x).mean(), "dream": -self.bent(dream).mean()}

    def dreamt(self, n: int) -> Tensor:
        """The ends of n kept chains after `steps` moves, each another while there are so many; kept in training."""
        order = torch.randperm(self.chains, device=self.dreams.device)
        which = order[torch.arange(n, device=order.device) % self.chains]
        new = torch.rand(n, device=order.device) < self.fresh
        wide = new.view(-1, *[1] * len(self.space.shape))
        begun = torch.where(wide, self.begun(n), self.dreams[which])
        dream = self.moved(begun, self.steps, adapts=self.training)
        if self.training:
            self.dreams[which] = dream
        return dream

    @torch.no_grad()
    def annealing_path(self, x: Tensor) -> AnnealingPath:
        """The way from the normal distribution to this model: f_beta. Of x, nothing is needed."""

        @torch.no_grad()
        def climb(x: Tensor, beta: float, to: float) -> tuple[Tensor, Tensor]:
            return self.moved(x, 1, to), (beta - to) * self.bent(x)

        log_z = self.width.log().sum() + 0.5 * self.space.dims * math.log(2 * math.pi)
        return AnnealingPath(log_z, self.begun, climb, self.sample)


class EnergyPerceptron(nn.Module):
    """A perceptron, (n, ...) -> (n, 1), without a constant, which an energy lacks anyway.

    Args:
        d: numbers of an x.
        hidden: widths of the hidden layers, at least one.
    """

    def __init__(self, d: int, hidden: tuple[int, ...]):
        super().__init__()
        self.d, self.hidden = d, tuple(hidden)
        self.body = MLP(d, hidden[-1], hidden[:-1])
        self.leave = nn.Linear(hidden[-1], 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(silu(self.body(x.flatten(1))))
