"""GAN: a generator of any kind against a critic of any kind.

The generator G turns noise into rows of a distribution q; the critic D scores rows, high for data.
The critic learns to tell the two sides apart, which measures how far q is from the data p; the
generator follows the critic's slope. Neither needs a density, so any network may be given.

    z ~ N(0, I),  r = D(x),  f = D(G(z))
    critic      minimises  objective.critic(r, f) + sum_i weight_i penalty_i(D, x, G(z))
    generator   minimises  objective.generator(r, f)

In a round the generator is run once, and both players look at the same G(z). LSGAN, WGAN-GP,
Geometric GAN and the like differ in the objective, the penalties and the schedule alone.

Source: Goodfellow and others, "Generative adversarial nets", 2014, arXiv:1406.2661, algorithm 1;
    objectives and penalties: `genus.functional.adversarial`, `genus.functional.penalties`.
Departs: the critic's batch in the round in which the generator moves is the generator's batch too;
    with critic_rounds = k, the k-th critic step and the generator's share one draw of the noise.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..core import GenerativeModel, Pixels, Player, Reals, Space, Terms
from ..functional.adversarial import Objective, non_saturating
from ..functional.penalties import Penalty


class GAN(GenerativeModel):
    """A game of two with networks that are given.

    Args:
        space: of x, Reals or Pixels; pixels are kept in range by a tanh after the generator.
        generator: z, (n, latent), to n rows of as many numbers as x has. In evaluation its rows
            should not meet: plain batch normalisation does not fit averaged weights.
        critic: x, (n, *shape), to scores, high for data: one for a row, or a map of them.
        latent: the size of z.
        objective: what the two want small; `genus.functional.adversarial.OBJECTIVES` has them all.
        penalties: further terms of the critic's loss, for critics without batch normalisation.
        critic_rounds: the generator plays in every so many rounds, the critic in all.
    """

    def __init__(
        self,
        space: Space,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        objective: Objective = non_saturating,
        penalties: Sequence[Penalty] = (),
        critic_rounds: int = 1,
    ):
        super().__init__()
        if not isinstance(space, Reals | Pixels):
            raise ValueError(
                f"GAN: space is {space}; it must be Reals or Pixels, for a generator learns by the "
                f"slope of the critic"
            )
        if critic_rounds < 1:
            raise ValueError(f"GAN: critic_rounds is {critic_rounds}; at least 1 is wanted")
        self.space, self.latent, self.objective = space, latent, objective
        self.penalties, self.critic_rounds = tuple(penalties), critic_rounds
        self.generator, self.critic = generator, critic

    def decode(self, z: Tensor) -> Tensor:
        """x, (n, *shape), from z, (n, latent); on Pixels, not yet on the grid."""
        x = self.generator(z).reshape(-1, *self.space.shape)
        return x.tanh() if isinstance(self.space, Pixels) else x

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """(n, *shape)."""
        x = self.decode(self.noise(n, self.latent))
        return self.space.quantise(x) if isinstance(self.space, Pixels) else x

    def deal(self, x: Tensor) -> tuple[Tensor, ...]:
        """x and G(z), both (n, *shape): one pass of the generator for both players."""
        return x, self.decode(self.noise(len(x), self.latent))

    def critic_loss(self, x: Tensor, fake: Tensor) -> Terms:
        """Both sides of the objective, and each penalty under its own name."""
        terms = self.objective.critic(self.critic(x), self.critic(fake))
        for penalty in self.penalties:
            value = penalty.weight * penalty.function(self.critic, x, fake)
            terms[penalty.function.__name__] = value
        return terms

    def generator_loss(self, x: Tensor, fake: Tensor) -> Terms:
        """The objective's other half; real rows are scored only if it looks at them."""
        scores = self.critic(fake)
        real = self.critic(x) if self.objective.relative else scores.new_empty(0)
        return self.objective.generator(real, scores)

    def players(self) -> dict[str, Player]:
        """The critic, then the generator, which waits for `critic_rounds`."""
        return {
            "critic": Player([self.critic], self.critic_loss),
            "generator": Player([self.generator], self.generator_loss, every=self.critic_rounds),
        }
