"""Unrolled GAN: the generator plays against what the critic is about to become.

If all of a generator's mass sits on one mode, the present critic points it to the next, the critic
follows, and so they go round. But if the generator's loss is taken at the critic *after* some of its
own steps, then a move that the critic would soon punish does not pay: piling mass on one point makes
the coming critic push there, and the generator sees this, for the gradient runs through the critic's
steps to the generator's weights.

    f(G, D) = the critic's loss of r = D(x), s = D(G(z))
    D^0 = D,   D^{i+1} = D^i - eta grad_D f(G, D^i)
    critic      minimises  f(G, D) at D^0
    generator   minimises  its half of the objective at D^k, with the exact gradient: also that of
                D^k by the generator's weights, of all orders

With k = 0 it is the plain game; as k grows, D^k is the best critic, and the loss a divergence.

Source: Metz, Poole, Pfau, Sohl-Dickstein, "Unrolled generative adversarial networks", 2017,
    arXiv:1611.02163, section 2; the authors' demonstration.
Departs: any objective, where the paper has the saturating one; the steps are plain gradient descent,
    as the paper writes them (the demonstration unrolls Adam, with its state); all k steps see the
    round's one batch, as in the demonstration.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ...core import Losses, Pixels, Reals, Space, at_least, positive, require
from ...functional.adversarial.objectives import TwoPlayerObjective, non_saturating
from ..two_players import TwoPlayers


class UnrolledGAN(TwoPlayers):
    """A game of two in which the generator looks some steps of the critic ahead.

    Args:
        space: space of x, Reals or Pixels; pixels are kept in range by a tanh after the generator.
        generator: z, (n, latent), to n rows of as many numbers as x has.
        critic: x, (n, *shape), to scores, high for data; it must be differentiable twice, so
            smooth activations teach the generator more than kinks do.
        latent: the size of z.
        steps: k, how many steps of the critic the generator looks ahead; 0 is the plain game.
        rate: eta, the size of those steps, in units of the critic's weights, more than 0.
        objective: what the two want small; `genus.functional.adversarial.OBJECTIVES` has them all.
    """

    def __init__(
        self,
        space: Space,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        steps: int = 5,
        rate: float = 0.1,
        objective: TwoPlayerObjective = non_saturating,
    ):
        super().__init__()
        require("UnrolledGAN", space, Reals, Pixels, mend="for Bits and Tokens take BSGAN")
        at_least(0, "UnrolledGAN", steps=steps)
        positive("UnrolledGAN", rate=rate)
        self.space, self.latent, self.objective = space, latent, objective
        self.steps, self.rate = steps, rate
        self.generator, self.critic = generator, critic

    def ahead(self, x: Tensor, fake: Tensor) -> Callable[[Tensor], Tensor]:
        """D^k: the critic after `steps` of its own steps on these rows, a function of them too.

        The critic itself is left as it is, with its buffers.
        """
        own = self.critic.named_parameters()
        weights: dict[str, Tensor] = {name: p for name, p in own if p.requires_grad}
        for _ in range(self.steps):
            critic = partial(self._critic_of, weights)
            terms = self.objective.critic(critic(x), critic(fake))
            total = torch.stack([*terms.values()]).sum()
            slopes = torch.autograd.grad(total, [*weights.values()], create_graph=True)
            moved = zip(weights.items(), slopes, strict=True)
            weights = {name: weight - self.rate * slope for (name, weight), slope in moved}
        return partial(self._critic_of, weights)

    def _critic_of(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        buffers = {name: value.clone() for name, value in self.critic.named_buffers()}
        state: dict[str, Any] = {**weights, **buffers}
        return functional_call(self.critic, state, (x,))

    def critic_loss(self, x: Tensor, fake: Tensor) -> Losses:
        """The objective of the critic as it is."""
        return self.objective.critic(self.critic(x), self.critic(fake))

    def generator_loss(self, x: Tensor, fake: Tensor) -> Losses:
        """The objective's other half, at the critic that is to come."""
        critic = self.ahead(x, fake)
        scores = critic(fake)
        real = critic(x) if self.objective.relative else scores.new_empty(0)
        return self.objective.generator(real, scores)
