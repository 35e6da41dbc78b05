"""Small games for the tests of the core: one player, and a Wasserstein game with a penalty."""

import torch
from torch import nn

from genus.core import GenerativeModel, Player, Reals
from genus.functional.adversarial import sides, wasserstein_critic
from genus.functional.densities.densities import log_normal


class Blob(GenerativeModel):
    """A normal with a mean and a log scale: one player."""

    def __init__(self, features: int = 2):
        super().__init__()
        self.features, self.space = features, Reals((features,))
        self.mean = nn.Parameter(torch.zeros(features))
        self.log_std = nn.Parameter(torch.zeros(features))

    def log_prob(self, x):
        return log_normal(x, self.mean, self.log_std)

    @torch.no_grad()
    def sample(self, n):
        return self.mean + self.log_std.exp() * self.noise(n, self.features)


class Duel(GenerativeModel):
    """WGAN-GP in the plane; the noise of the generator comes with the batch, the last two of four columns.

    So a batch says everything that a round needs, and cut over ranks it is the same round.
    """

    def __init__(self, rounds: int = 2):
        super().__init__()
        self.rounds, self.space = rounds, Reals((4,))
        self.generator = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
        self.critic = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
        self.passes = 0

    def deal(self, x):
        self.passes += 1
        return x[:, :2], self.generator(x[:, 2:])

    def critic_loss(self, real, fake):
        between = (0.3 * real + 0.7 * fake).detach().requires_grad_()
        (slope,) = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
        return {
            "real": -self.critic(real).mean(),
            "fake": self.critic(fake).mean(),
            "penalty": 10 * (slope.norm(dim=1) - 1).square().mean(),
        }

    def judged(self, dealt):
        return sides(wasserstein_critic, *map(self.critic, dealt))

    def generator_loss(self, real, fake):
        return {"fool": -self.critic(fake).mean()}

    def players(self):
        return {
            "critic": Player([self.critic], self.critic_loss, role="critic"),
            "generator": Player(
                [self.generator], self.generator_loss, self.rounds, role="generator"
            ),
        }

    @torch.no_grad()
    def sample(self, n):
        return torch.cat([self.generator(z := self.noise(n, 2)), z], 1)
