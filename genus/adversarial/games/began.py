"""BEGAN: an autoencoder as the critic, and a controller that keeps the two sides in balance.

The critic reconstructs data well and fake rows badly; the generator wants its rows reconstructed well.
How much fake rows weigh for the critic is a number k that a controller moves, so that their error
stays at a set share gamma of the data's: the two sides cannot run away from each other. A low gamma keeps
the critic busy with data, and samples few and clean; a high one has it tell the sides apart, and
samples vary. With L(x) = mean over numbers of |x - Dec(Enc(x))|,

    z ~ N(0, I)
    critic      minimises  E L(x) - k_t E L(G(z))
    generator   minimises  E L(G(z))
    k_t+1 = clip(k_t + lambda (gamma E L(x) - E L(G(z))), 0, 1),      k_0 = 0
    M     = E L(x) + |gamma E L(x) - E L(G(z))|                       (how far the run has come)

M is no loss, so it is in no log of losses: it is the buffer `convergence`, of the round before, and
the recipe's `evaluate` hands it to the log of figures. k_t and M are part of the state, as weights are.
In the plane a code of two numbers reconstructs everything, and L is small everywhere: give it images.

Source: Berthelot, Schumm, Metz, "BEGAN: boundary equilibrium generative adversarial networks", 2017,
    arXiv:1703.10717, sections 3.3 and 3.4; lambda is 0.001 and L is the mean of absolute errors.
Departs: both players see one draw of z; z is normal, not uniform.
"""

import torch
from torch import Tensor, nn

from ...core import Losses, Pixels, Player, Reals, Space, in_range, positive, require
from ...functional.adversarial.objectives import energy_margin
from ...functional.adversarial.sides import Sides, sides
from ..two_players import TwoPlayers


class BEGAN(TwoPlayers):
    """A game of two with a controller.

    Args:
        space: space of x, Reals or Pixels; pixels are kept in range by a tanh after the generator.
        generator: z, (n, latent), to n rows of as many numbers as x has.
        critic: x, (n, *shape), to an error of each row, (n,), never negative and low for data:
            `genus.adversarial.Reconstruction` with power 1.
        latent: the size of z.
        gamma: the error of fake rows over that of data at which the controller aims, in (0, 1]:
            low for clean samples, high for various ones.
        rate: lambda, how fast the controller moves, above 0.
    """

    k: Tensor
    errors: Tensor
    convergence: Tensor

    def __init__(
        self,
        space: Space,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        gamma: float = 0.5,
        rate: float = 1e-3,
    ):
        super().__init__()
        require("BEGAN", space, Reals, Pixels, mend="for Bits and Tokens take BSGAN")
        in_range("BEGAN", "(0, 1]", gamma=gamma)
        positive("BEGAN", rate=rate)
        self.space, self.latent, self.gamma, self.rate = space, latent, gamma, rate
        self.generator, self.critic = generator, critic
        self.register_buffer("k", torch.zeros(()))
        self.register_buffer("errors", torch.zeros(2))  # E L(x) and E L(G(z)) in this round
        self.register_buffer("convergence", torch.zeros(()))  # M

    def judged(self, dealt: tuple[Tensor, ...]) -> Sides:
        """The errors, which are low for data, with the other sign."""
        return sides(energy_margin.critic, self.critic(dealt[0]), self.critic(dealt[1]))

    def critic_loss(self, x: Tensor, fake: Tensor) -> Losses:
        """Data are reconstructed, fake rows are not, as far as k_t weighs them."""
        real, error = self.critic(x).mean(), self.critic(fake).mean()
        self.errors.copy_(
            torch.stack([real, error]).detach()
        )  # of a batch in parts, the last part's
        return {"real": real, "fake": -self.k.clone() * error}

    def generator_loss(self, x: Tensor, fake: Tensor) -> Losses:
        """Fake rows that the critic can reconstruct."""
        return {"fool": self.critic(fake).mean()}

    def control(self) -> None:
        """Moves k_t by the errors of this round, and takes note of M."""
        real, fake = self.errors
        gap = self.gamma * real - fake
        self.k.add_(self.rate * gap).clamp_(0, 1)
        self.convergence.copy_(real + gap.abs())

    def players(self) -> dict[str, Player]:
        """The critic, after whose move the controller moves, then the generator."""
        return {
            "critic": Player([self.critic], self.critic_loss, after=self.control, role="critic"),
            "generator": Player([self.generator], self.generator_loss, role="generator"),
        }
