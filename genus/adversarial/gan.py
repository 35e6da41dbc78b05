"""GAN: a generator of any kind against a critic of any kind.

The generator G turns noise into rows of a distribution q; the critic D scores rows, high for data.
The critic learns to tell the two sides apart, which measures how far q is from the data p; the
generator follows the critic's slope. Neither needs a density, so any network may be given.

    z ~ N(0, I),  r = D(V(x)),  f = D(V(G(z)))
    critic      minimises  objective.critic(r, f) + sum_i weight_i penalty_i(D, V(x), V(G(z)))
    generator   minimises  objective.generator(r, f) + the penalties that are its own

V is what the critic is shown: the rows as they are, or blurred by noise, augmented, or m of them as
one. In a round the generator is run once, and both players look at the same V(G(z)). LSGAN, WGAN,
WGAN-GP, Geometric GAN, PacGAN, R3GAN and the like differ in these arguments alone.

Source: Goodfellow and others, "Generative adversarial nets", 2014, arXiv:1406.2661, algorithm 1;
    Lin, Khetan, Fanti, Oh, "PacGAN: the power of two samples in generative adversarial networks",
    2018, arXiv:1712.04086 (packing); Mirza, Osindero, "Conditional generative adversarial nets",
    2014, arXiv:1411.1784, equation 2 (contexts); Arjovsky, Chintala, Bottou, "Wasserstein GAN", 2017,
    arXiv:1701.07875, algorithm 1 (bound); Salimans and others, "Improved techniques for training
    GANs", 2016, arXiv:1606.03498, section 3.3 (history); objectives and penalties:
    `genus.functional.adversarial`, `genus.functional.adversarial.penalties`.
Departs: the critic's batch in the round in which the generator moves is the generator's batch too;
    with critic_rounds = k, the k-th critic step and the generator's share one draw of the noise and
    of the view. Penalties on the slope are by the rows as they are shown.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from ..core import Losses, Pixels, Player, Reals, Refused, Space, at_least, positive, require
from ..core.model import given
from ..functional.adversarial.objectives import TopK, TwoPlayerObjective, non_saturating
from ..functional.adversarial.penalties import Critic, Penalty
from .two_players import GivenSides, RealAndFake, TwoPlayers
from .views import View


class CriticGiven:
    """A critic with the contexts of some rows, as a function of these rows alone, which penalties take."""

    def __init__(self, critic: nn.Module, context: Tensor):
        self.critic, self.context = critic, context

    def __call__(self, x: Tensor) -> Tensor:
        return self.critic(x, self.context)

    def features(self, x: Tensor) -> Tensor:
        """Those of rows, which know of no context, (n, d)."""
        return self.critic.features(x)  # pyright: ignore[reportCallIssue]

    def parameters(self) -> Iterator[nn.Parameter]:
        return self.critic.parameters()


class GAN(TwoPlayers):
    """A game of two with networks that are given.

    Args:
        space: space of x, Reals or Pixels; pixels are kept in range by a tanh after the generator.
        generator: z, (n, latent), to n rows of as many numbers as x has. In evaluation its rows
            should not meet: plain batch normalisation does not fit averaged weights. With contexts
            it is called with z and c.
        critic: x, (n, *shape), to scores, high for data: one for a row, or a map of them. With
            contexts it is called with x and c.
        latent: the size of z.
        objective: what the two want small; `genus.functional.adversarial.OBJECTIVES` has them all.
        penalties: further terms of a player's loss, for critics without batch normalisation.
        critic_rounds: the generator plays in every so many rounds, the critic in all.
        packing: number of rows of one side that the critic sees as one, joined along the first axis
            of x; it must divide a batch, and the critic must take as many more channels.
        view: what is done to rows of both sides before the critic sees them.
        bound: the critic's weights are kept in [-bound, bound]; None leaves them free.
        history: weight of |theta - mean of theta over the rounds|^2 in each player's loss.
        top: share of fake rows, those with the highest scores, that the generator learns from.
        context_space: what is given with each x, and to both networks; None if nothing is.
    """

    rounds: Tensor

    def __init__(
        self,
        space: Space,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        objective: TwoPlayerObjective = non_saturating,
        penalties: Sequence[Penalty] = (),
        critic_rounds: int = 1,
        *,
        packing: int = 1,
        view: View | None = None,
        bound: float | None = None,
        history: float = 0.0,
        top: TopK | None = None,
        context_space: Space | None = None,
    ):
        super().__init__()
        require("GAN", space, Reals, Pixels, mend="for Bits and Tokens take BSGAN")
        at_least(1, "GAN", critic_rounds=critic_rounds, packing=packing)
        positive("GAN", bound=bound)
        if top is not None and objective.relative:
            raise Refused(
                f"GAN: top keeps some of the fake rows, and {objective.name} pairs each with a real one; "
                f"leave one of them out"
            )
        if context_space is not None and packing > 1:
            raise Refused(
                f"GAN: packing is {packing}, and contexts are given: rows that are seen as one would "
                f"have several; leave one of them out"
            )
        at_least(0, "GAN", history=history)
        self.context_space = context_space
        self.space, self.latent, self.objective = space, latent, objective
        self.penalties, self.critic_rounds = tuple(penalties), critic_rounds
        self.packing, self.bound, self.history, self.top = packing, bound, history, top
        self.generator, self.critic, self.view = generator, critic, view
        self.register_buffer("rounds", torch.zeros((), dtype=torch.int64))  # that were played
        self.seen: Tensor | None = None  # the critic's scores of real rows, until its move is over
        for name in self.remembered:  # the mean of its weights over the rounds
            self.register_buffer(f"mean_{name}", self.weights(name).detach().clone())

    @property
    def remembered(self) -> tuple[str, ...]:
        """The networks whose past is kept."""
        return ("critic", "generator") if self.history else ()

    def weights(self, name: str) -> Tensor:
        """All weights of one of the two networks as a vector."""
        return parameters_to_vector(self.get_submodule(name).parameters())

    # the game

    def deal(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, ...]:
        """V(x) and V(G(z)), as many rows each, and their context: one pass of the generator for both players."""
        x = self.shown(x)
        fake = self.shown(
            self.decode(self.noise(len(x) * self.packing, self.latent), *given(context))
        )
        return RealAndFake(x, fake) if context is None else GivenSides(x, fake, context)

    def look(self, context: Tensor | None) -> Critic:
        """The critic as a function of rows alone, with their contexts."""
        return self.critic if context is None else CriticGiven(self.critic, context)

    def shown(self, x: Tensor) -> Tensor:
        """What the critic sees of n rows, (n / packing, packing * shape[0], *shape[1:])."""
        if len(x) % self.packing:
            raise Refused(
                f"GAN: a batch has {len(x)} rows; packing is {self.packing}, and must divide it"
            )
        x = x if self.view is None else self.view(x)
        return x.reshape(-1, self.packing * x.shape[1], *x.shape[2:]) if self.packing > 1 else x

    def critic_loss(self, x: Tensor, fake: Tensor, context: Tensor | None = None) -> Losses:
        """Both sides of the objective, and each penalty under its own name."""
        critic = self.look(context)
        real = critic(x)
        self.seen = real.detach()
        terms = self.objective.critic(real, critic(fake)) | self.history_term("critic")
        return terms | self.penalty_terms("critic", 1, x, fake, context)

    def generator_loss(self, x: Tensor, fake: Tensor, context: Tensor | None = None) -> Losses:
        """The objective's other half; real rows are scored only if it looks at them."""
        critic = self.look(context)
        scores = critic(fake)
        if self.top is not None:
            scores = self.top.keep(scores, int(self.rounds))
        real = critic(x) if self.objective.relative else scores.new_empty(0)
        terms = self.objective.generator(real, scores) | self.history_term("generator")
        return terms | self.penalty_terms("generator", 1, x, fake, context)

    def penalty_terms(
        self, player: str, every: int, x: Tensor, fake: Tensor, context: Tensor | None = None
    ) -> Losses:
        """The penalties of a player that are due in every so many rounds, as much heavier."""
        critic = self.look(context)
        return {
            penalty.name: every * penalty.weight * penalty.function(critic, x, fake)
            for penalty in self.penalties
            if (penalty.player, penalty.every) == (player, every)
        }

    def history_term(self, player: str) -> Losses:
        if player not in self.remembered:
            return {}
        gap = self.weights(player) - self.get_buffer(f"mean_{player}")
        return {"history": self.history * gap.square().sum()}

    def players(self) -> dict[str, Player]:
        """The critic, then the generator, which waits for `critic_rounds`.

        Penalties that are not due in every move of a player make players of their own, which own
        the same network and share its optimiser.
        """
        plain = {
            "critic": Player([self.critic], self.critic_loss, 1, self.after_critic, role="critic"),
            "generator": Player(
                [self.generator],
                self.generator_loss,
                self.critic_rounds,
                self.after_generator,
                role="generator",
            ),
        }
        players: dict[str, Player] = {}
        for name, player in plain.items():
            players[name] = player
            for k in sorted({p.every for p in self.penalties if p.player == name} - {1}):
                loss = partial(self.penalty_terms, name, k)
                after = self.keep_bound if name == "critic" else None
                players[f"{name}_every_{k}"] = Player(
                    player.owns, loss, k * player.every, after, optimizer=name
                )
        return players

    def after_critic(self) -> None:
        """Bounds the weights, lets the view adapt, and counts."""
        self.keep_bound()
        self.remember("critic")
        if self.view is not None and self.seen is not None:
            self.view.adapt(self.seen)
        self.seen = None
        self.rounds += 1

    def after_generator(self) -> None:
        """Remembers."""
        self.remember("generator")

    def keep_bound(self) -> None:
        if self.bound is not None:
            for weight in self.critic.parameters():
                weight.clamp_(-self.bound, self.bound)

    def remember(self, player: str) -> None:
        """Takes the weights after a player's move into their mean over all its moves."""
        if player in self.remembered:
            moves = self.rounds if player == "critic" else (self.rounds - 1) // self.critic_rounds
            mean = self.get_buffer(f"mean_{player}")
            mean.lerp_(self.weights(player), 1 / (moves + 2).to(mean.dtype))
