"""AdaGAN: boosting. Each new generator learns from the rows that the mixture so far makes too rarely.

A weak GAN finds some modes and misses others. A judge D, trained to tell the data from the mixture
of all generators so far, shows where: D is near one there. Rows are then drawn by weight, those that
the mixture lacks more often, and the next GAN learns from them alone.

    P_t = (1 - beta_t) P_{t-1} + beta_t Q_t,  beta_t = 1/t
    d_i = p_mix(x_i) / p_data(x_i) = (1 - D(x_i)) / D(x_i)
    w_i = (lambda* - (1 - beta_t) d_i)+ / (beta_t N),  lambda* such that sum_i w_i = 1
    Q_t is trained on rows that are drawn by w_i

All of it is one game, so that a run may stop and resume anywhere: the GAN at work, and a judge who
watches the mixture, the GAN at work included, all the time. When the rounds of a component are over,
the GAN is put away, the judge's scores are kept for the weights, and the networks start anew.

Source: Tolstikhin, Gelly, Bousquet, Simon-Gabriel, Schoelkopf, "AdaGAN: boosting generative models",
    2017, arXiv:1701.02386, algorithm 1 and section 3.1.
Departs: lambda* is found on each batch, not on all N rows; the judge learns beside the GAN and is not
    trained anew for each component; the optimisers' running means stay when networks start anew.
    An average of weights (`ema`) would mix components, and is not meant for it.
"""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from ...core import GenerativeModel, Losses, Player, in_range
from ...errors import at_least
from ...functional.adversarial.objectives import logistic_critic
from ...functional.adversarial.sides import Sides
from ..gan import GAN
from .boosting import boosting_weights
from .mixture import GeneratorMixture, sample_mixture


class AdaGANDeal(NamedTuple):
    """What each loss is given."""

    game: tuple[Any, ...]  # what the GAN has dealt from the rows that were drawn by weight
    x: Tensor  # of the data
    mixed: Tensor  # of the mixture so far, as many rows


class AdaGAN(GenerativeModel):
    """A mixture of GANs that are trained one after another, each on what the others lack.

    Args:
        game: the GAN that is trained anew for each component. Layers of torch start anew by
            themselves; a module with weights of its own wants a `reset_parameters`.
        judge: x, (n, *shape), to logits of coming from the data, (n,) or (n, 1).
        components: number of GANs in the finished mixture.
        rounds: rounds of each component; the last one continues for as long as the run does.
        beta: the share of each new component after the first, in (0, 1); 1/t without, which makes
            the mixture uniform.
    """

    stage: Tensor
    played: Tensor

    def __init__(
        self,
        game: GAN,
        judge: nn.Module,
        components: int,
        rounds: int,
        beta: float | None = None,
    ):
        super().__init__()
        at_least(1, "AdaGAN", components=components, rounds=rounds)
        in_range("AdaGAN", "(0, 1)", beta=beta)
        self.space, self.game, self.judge = game.space, game, judge
        self.components, self.rounds, self.beta = components, rounds, beta
        past = [copy.deepcopy(game) for _ in range(components - 1)]
        self.past = nn.ModuleList(past).requires_grad_(False)  # the first `stage` are in use
        self.verdict = copy.deepcopy(judge).requires_grad_(False)  # the judge of the last component
        self.register_buffer("stage", torch.zeros((), dtype=torch.int64))
        self.register_buffer("played", torch.zeros((), dtype=torch.int64))
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """What is put away stays as it is used."""
        super().train(mode)
        self.past.eval()
        self.verdict.eval()
        return self

    # the mixture

    def share(self, t: int) -> float:
        """beta_t of component t, counted from 1."""
        return 1 / t if self.beta is None or t == 1 else self.beta

    def models(self) -> list[GAN]:
        """The components so far: those put away, and the one at work."""
        return [*list(self.past)[: int(self.stage)], self.game]  # pyright: ignore[reportReturnType]

    def shares(self) -> Tensor:
        """How often each of them is drawn from, (stage + 1,)."""
        shares: list[float] = []
        for t in range(1, int(self.stage) + 2):
            beta = self.share(t)
            shares = [*((1 - beta) * share for share in shares), beta]
        return torch.tensor(shares, device=self.stage.device)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *shape), from the mixture so far."""
        n = self.sample_count(n, context)
        working = self.game.training
        self.game.eval()
        x = sample_mixture(self.models(), self.shares(), n)
        self.game.train(working)
        return x

    def mixture(self) -> GeneratorMixture:
        """The components so far as a plain mixture, without the judge."""
        return GeneratorMixture(copy.deepcopy(self.models()), self.shares().tolist())

    @torch.no_grad()
    def weights(self, x: Tensor) -> Tensor:
        """What each of the rows x weighs for the component at work, (n,), of sum one."""
        if not self.stage:
            return x.new_full((len(x),), 1 / len(x))
        logit = self.verdict(x).flatten()  # d = (1 - D) / D = exp(-logit)
        return boosting_weights(torch.exp(-logit.clamp(-50, 50)), self.share(int(self.stage) + 1))

    # the game

    def deal(self, x: Tensor) -> AdaGANDeal:
        """What the GAN deals from the rows that were drawn by weight; x; and as many mixed rows."""
        chosen = x[self.weights(x).multinomial(len(x), replacement=True)] if self.stage else x
        return AdaGANDeal(self.game.deal(chosen), x, self.sample(len(x)))

    def judged(self, dealt: AdaGANDeal) -> Sides:
        """The scores that the GAN's critic gives to what that has dealt."""
        return self.game.judged(dealt[0])

    def players(self) -> dict[str, Player]:
        """The players of the GAN, then the judge, after whose move the component may be done."""
        players = {
            name: player._replace(loss=partial(self.hand, player.loss))
            for name, player in self.game.players().items()
        }
        return players | {"judge": Player([self.judge], self.judge_loss, after=self.advance)}

    def hand(
        self, loss: Callable[..., Losses], game: tuple[Any, ...], x: Tensor, mixed: Tensor
    ) -> Losses:
        """A loss of the GAN, of what it has dealt itself."""
        return loss(*game)

    def judge_loss(self, game: tuple[Any, ...], x: Tensor, mixed: Tensor) -> Losses:
        """Twice the cross-entropy of telling data from the mixture, whose best logit is -log d."""
        return logistic_critic(self.judge(x), self.judge(mixed))

    def advance(self) -> None:
        """Puts the GAN away and starts its networks anew, when its rounds are over."""
        self.played += 1
        stage = int(self.stage)
        if stage + 1 < self.components and int(self.played) == (stage + 1) * self.rounds:
            self.past[stage].load_state_dict(self.game.state_dict())
            self.verdict.load_state_dict(self.judge.state_dict())
            self.stage += 1
            for network in (self.game.generator, self.game.critic):
                restart(network)


def restart(network: nn.Module) -> None:
    """Draws the weights of all layers anew, as their constructors did."""
    for module in network.modules():
        if callable(reset := getattr(module, "reset_parameters", None)):
            reset()
