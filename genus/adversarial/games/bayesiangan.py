"""Bayesian GAN: not one generator but draws from a distribution over generators.

The critic's score is read as a likelihood of the generator's weights, and the generators' rows as
data for the critic's, each with a normal prior. Several generators and critics then walk by stochastic-
gradient Hamiltonian Monte Carlo. Each may settle on a part of the data; together they keep more of it
than one that must find everything.

    p(theta_g | z, theta_d)     ~  prod_i D(G(z_i; theta_g); theta_d)  p(theta_g)
    p(theta_d | z, X, theta_g)  ~  prod_i D(x_i) prod_i (1 - D(G(z_i; theta_g)))  p(theta_d)

As means over rows, with L_kj the loss of critic k against generator j, g_kj that of generator j, and
N rows of data:

    critic k      minimises  log mean_j exp(L_kj) - log p(theta_d) / N
    generator j   minimises  log mean_k exp(g_kj) - log p(theta_g) / N
    both          move by    v <- (1 - a) v - lr grad + N(0, 2 a lr / N)    (`functional.adversarial.langevin`)

Under any other optimiser this is an ensemble that is trained to its mode. The semi-supervised form,
in which the critic also predicts labels, is another model. So is the one of Tran, Ranganath and Blei that goes
by the same name, which infers the parameters of any simulator by variational inference: `HierarchicalImplicitModel`.

Source: Saatchi, Wilson, "Bayesian GAN", 2017, arXiv:1705.09558, equations 1 and 2, algorithm 1; the
    log-sum-exp of losses is that of the authors' code (github.com/andrewgordonwilson/bayesgan).
Departs: the paper's algorithm takes log sum_j p(theta_d | theta_g,j), which is -log sum_j exp(-L_j),
    while the authors' code takes log sum_j exp(L_j), which minds the generator it is worst against;
    this follows the code. The M walks of the paper for one z are walks of their own, each with its own
    z. The noise has the variance of the equation; in the authors' code it is added to the loss,
    divided by N, and then scaled by the learning rate and by Adam, which makes it far smaller. The
    prior is the normal density; the code has means of squares. z is normal; the code's toy is uniform.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...core import (
    GenerativeModel,
    Losses,
    Pixels,
    Player,
    Reals,
    Refused,
    Space,
    positive,
    require,
)
from ...functional.adversarial.langevin import normal_prior
from ...functional.adversarial.objectives import TwoPlayerObjective, non_saturating


class BayesianGANDeal(NamedTuple):
    """What each loss is given."""

    x: Tensor  # of the data
    fakes: Tensor  # of each generator, (J, n, *shape)


class BayesianGAN(GenerativeModel):
    """A game of several generators and critics, each a walk over its weights.

    Args:
        space: space of x, Reals or Pixels; pixels are kept in range by a tanh after each generator.
        generators: z, (n, latent), to n rows of as many numbers as x has: J x M walks.
        critics: x, (n, *shape), to scores, high for data; their rows should not meet.
        latent: the size of z.
        rows: number of rows of the data set, N, against which the prior is weighed.
        prior_std: standard deviation of every weight under the prior, above 0.
        objective: what the two sides want small; `genus.functional.adversarial.OBJECTIVES`.
    """

    def __init__(
        self,
        space: Space,
        generators: Sequence[nn.Module],
        critics: Sequence[nn.Module],
        latent: int,
        rows: int,
        prior_std: float = 1.0,
        objective: TwoPlayerObjective = non_saturating,
    ):
        super().__init__()
        require("BayesianGAN", space, Reals, Pixels, mend="for Bits and Tokens take BSGAN")
        for name, several in (("generators", generators), ("critics", critics)):
            if not several:
                raise Refused(f"BayesianGAN: there are no {name}; at least one is wanted")
        positive("BayesianGAN", rows=rows, prior_std=prior_std)
        self.space, self.latent, self.rows = space, latent, rows
        self.prior_std, self.objective = prior_std, objective
        self.generators, self.critics = tuple(generators), tuple(critics)
        self.makers, self.scorers = nn.ModuleList(generators), nn.ModuleList(critics)

    def generated(self, k: int, z: Tensor) -> Tensor:
        """Rows of generator k from z, (n, latent): (n, *shape); on Pixels, not yet on the grid."""
        x = self.makers[k](z).reshape(-1, *self.space.shape)
        return self.space.squash(x)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *shape), each row from one of the generators, all alike."""
        n = self.sample_count(n, context)
        z = self.noise(n, self.latent)
        which = torch.randint(len(self.generators), (n,), device=z.device)
        x = z.new_empty(n, *self.space.shape)
        for k in which.unique().tolist():
            x[which == k] = self.generated(k, z[which == k])
        return self.space.quantise(x)

    def deal(self, x: Tensor) -> BayesianGANDeal:
        """x, and as many rows of each generator, (J, n, *shape)."""
        fakes = [
            self.generated(k, self.noise(len(x), self.latent)) for k in range(len(self.generators))
        ]
        return BayesianGANDeal(x, torch.stack(fakes))

    def scores(self, critic: nn.Module, fakes: Tensor) -> list[Tensor]:
        """A critic's scores of the rows of each generator, by one pass."""
        return list(critic(fakes.flatten(0, 1)).unflatten(0, fakes.shape[:2]))

    def critic_loss(self, x: Tensor, fakes: Tensor) -> Losses:
        """Over all critics: each one's loss, marginal over the generators, and its prior."""
        losses = [
            marginal([self.objective.critic(real, fake) for fake in self.scores(critic, fakes)])
            for critic in self.scorers
            for real in [critic(x)]
        ]
        prior = normal_prior(self.scorers.parameters(), self.prior_std, self.rows)
        return {"likelihood": torch.stack(losses).sum(), "prior": prior}

    def generator_loss(self, x: Tensor, fakes: Tensor) -> Losses:
        """Over all generators: each one's loss, marginal over the critics, and its prior."""
        losses: list[list[Losses]] = [[] for _ in self.generators]
        for critic in self.scorers:
            scores = self.scores(critic, fakes)
            real = critic(x) if self.objective.relative else scores[0].new_empty(0)
            for several, fake in zip(losses, scores, strict=True):
                several.append(self.objective.generator(real, fake))
        prior = normal_prior(self.makers.parameters(), self.prior_std, self.rows)
        return {
            "fool": torch.stack([marginal(several) for several in losses]).sum(),
            "prior": prior,
        }

    def players(self) -> dict[str, Player]:
        """All critics, then all generators: no two share a weight, so each walks by itself."""
        return {
            "critics": Player([self.scorers], self.critic_loss, role="critic"),
            "generators": Player([self.makers], self.generator_loss, role="generator"),
        }


def marginal(losses: Sequence[Losses]) -> Tensor:
    """The log of the mean of the exponentials of several losses, each a sum of terms, ()."""
    totals = torch.stack([torch.stack([*terms.values()]).sum() for terms in losses])
    return totals.logsumexp(0) - math.log(len(losses))
