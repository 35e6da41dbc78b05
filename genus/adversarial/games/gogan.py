"""GoGAN, a gang of GANs: stages, each of which must beat the one before it by a margin.

A critic that only has to rank data above fake rows rests once it can. So the game is played in
stages: when one is over its generator is frozen, and from then on the critic must rank data above the
frozen one's rows too, by twice the margin. Between the two, by one margin from the data and by one
from its forerunner, is the place for the new generator's rows. With G' the generator of the stage
before, and (a)+ = max(a, 0),

    z ~ N(0, I)
    critic      minimises  E (m + D(G(z)) - D(x))+  +  rank E (2 m + D(G'(z)) - D(x))+
    generator   minimises  -E D(G(z))

without the second term in the first stage. The networks of a stage begin as those of the stage before.
A critic is kept from steep slopes by a bound on its weights, as the paper has it, or by a penalty.

Source: Juefei-Xu, Boddeti, Savvides, "Gang of GANs: generative adversarial networks with maximum
    margin ranking", 2017, arXiv:1704.04865.
Departs: the losses follow descriptions of the paper, whose text was not at hand. G' is scored by the
    critic of the present stage, so that all scores have one scale; a penalty may stand in for the
    bound. All three see one draw of z.
"""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...core import Losses, Player, Reals, Refused, Space, at_least, positive, require
from ...functional.adversarial.objectives import MarginRanking
from ...functional.adversarial.penalties import Penalty
from ..two_players import TwoPlayers


def frozen(network: nn.Module) -> nn.Module:
    """A copy whose weights are buffers: state that nobody learns, and that no average blurs."""
    twin = copy.deepcopy(network)
    for module in twin.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            module.register_buffer(name, weight.detach())
    return twin


class GoGANDeal(NamedTuple):
    """What each loss is given."""

    x: Tensor  # of the data
    fake: Tensor  # G(z)
    earlier: Tensor | None = None  # G'(z), from the second stage on


class GoGAN(TwoPlayers):
    """A game of two in stages.

    Args:
        space: space of x, Reals.
        generator: z, (n, latent), to n rows of as many numbers as x has.
        critic: x, (n, *shape), to scores, high for data, one for a row.
        latent: the size of z.
        length: rounds in a stage, at least 1.
        stages: number of stages, at least 1; the last one lasts until the run ends.
        margin: m, above 0, in the unit of the scores.
        rank: weight of the ranking against the stage before, at least 0.
        penalties: further terms of the critic's loss, in all of its moves.
        bound: the critic's weights are kept in [-bound, bound]; None leaves them free.
        critic_rounds: the generator plays in every so many rounds, the critic in all.
    """

    rounds: Tensor

    def __init__(
        self,
        space: Space,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        length: int,
        stages: int = 3,
        margin: float = 1.0,
        rank: float = 0.5,
        penalties: Sequence[Penalty] = (),
        bound: float | None = None,
        critic_rounds: int = 1,
    ):
        super().__init__()
        require("GoGAN", space, Reals)
        at_least(1, "GoGAN", length=length, stages=stages, critic_rounds=critic_rounds)
        at_least(0, "GoGAN", rank=rank)
        positive("GoGAN", bound=bound)
        if other := [p.name for p in penalties if (p.player, p.every) != ("critic", 1)]:
            raise Refused(f"GoGAN: {', '.join(other)} must be the critic's, in every round")
        self.space, self.latent, self.length, self.stages = space, latent, length, stages
        self.margin, self.rank, self.penalties = margin, rank, tuple(penalties)
        self.bound, self.critic_rounds = bound, critic_rounds
        self.objective, self.ranking_twice = MarginRanking(margin), MarginRanking(2 * margin)
        self.generator, self.critic = generator, critic
        self.earlier = frozen(generator)  # G'
        self.register_buffer("rounds", torch.zeros((), dtype=torch.int64))  # that were played

    @property
    def stage(self) -> int:
        """Which stage is being played, from 1."""
        return min(1 + int(self.rounds) // self.length, self.stages)

    def deal(self, x: Tensor) -> GoGANDeal:
        """x, G(z) and, from the second stage on, G'(z), all (n, *shape)."""
        z = self.noise(len(x), self.latent)
        if self.stage == 1:
            return GoGANDeal(x, self.decode(z))
        with torch.no_grad():
            earlier = self.earlier(z).reshape(x.shape)
        return GoGANDeal(x, self.decode(z), earlier)

    def critic_loss(self, x: Tensor, fake: Tensor, earlier: Tensor | None = None) -> Losses:
        """Data above fake rows; above those of the stage before by twice the margin."""
        real = self.critic(x)
        terms = self.objective.critic(real, self.critic(fake))
        if earlier is not None and self.rank:
            (order,) = self.ranking_twice.critic(real, self.critic(earlier)).values()
            terms["rank"] = self.rank * order
        for penalty in self.penalties:
            terms[penalty.name] = penalty.weight * penalty.function(self.critic, x, fake)
        return terms

    def generator_loss(self, x: Tensor, fake: Tensor, earlier: Tensor | None = None) -> Losses:
        """A high score."""
        scores = self.critic(fake)
        return self.objective.generator(scores.new_empty(0), scores)

    def advance(self) -> None:
        """Bounds the critic's weights; at the end of a stage but the last, freezes its generator."""
        if self.bound is not None:
            for weight in self.critic.parameters():
                weight.clamp_(-self.bound, self.bound)
        before = self.stage
        self.rounds += 1
        if self.stage > before:
            self.earlier.load_state_dict(self.generator.state_dict())

    @torch.no_grad()
    def gap(self, x: Tensor) -> float:
        """E D(x) - E D(G(z)): how far the critic holds the sides apart, in the unit of its scores."""
        fake = self.decode(self.noise(len(x), self.latent))
        return (self.critic(x).mean() - self.critic(fake).mean()).item()

    def players(self) -> dict[str, Player]:
        """The critic, after whose move a stage may end, then the generator."""
        return {
            "critic": Player([self.critic], self.critic_loss, after=self.advance, role="critic"),
            "generator": Player(
                [self.generator], self.generator_loss, self.critic_rounds, role="generator"
            ),
        }
