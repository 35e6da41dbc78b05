"""A mixture of generators: each row comes from one of several models, drawn by their weights.

    q(x) = sum_k w_k q_k(x)

Learners that each miss something may together miss nothing. Here they learn side by side from the
same rows, each by its own game with its own noise, and know nothing of one another: bagging.
`genus.adversarial.AdaGAN` makes them learn what the others lack.

Source: Tolstikhin and others, "AdaGAN: boosting generative models", 2017, arXiv:1701.02386, where
    bagging, a uniform mixture of models trained apart, is what boosting is compared with.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ...core import GenerativeModel, Losses, Player, Refused, promise
from ...functional.adversarial.sides import HasJudged, Sides


class GeneratorMixture(GenerativeModel):
    """Draws from its components, which may be any models that sample.

    Args:
        generators: at least one model; all of one space.
        weights: shares of draws from each, not negative; all equal without.
    """

    shares: Tensor

    def __init__(
        self, generators: Sequence[GenerativeModel], weights: Sequence[float] | None = None
    ):
        super().__init__()
        if not generators:
            raise Refused("GeneratorMixture: there are no generators; at least one is wanted")
        if other := next((g for g in generators if g.space != generators[0].space), None):
            raise Refused(
                f"GeneratorMixture: spaces are {generators[0].space} and {other.space}; all "
                f"components must be of one space"
            )
        given = torch.ones(len(generators)) if weights is None else torch.tensor(weights)
        if len(given) != len(generators) or (given < 0).any() or not 0 < given.sum() < torch.inf:
            raise Refused(
                f"GeneratorMixture: weights are {weights} for {len(generators)} generators; as "
                f"many are wanted, none negative, not all 0"
            )
        self.space = generators[0].space
        self.generators = tuple(generators)
        self.weights = None if weights is None else tuple(weights)
        self.parts = nn.ModuleList(generators)
        self.register_buffer("shares", given / given.sum(), persistent=False)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *shape)."""
        n = self.sample_count(n, context)
        return sample_mixture(self.generators, self.shares, n)

    def deal(self, *batch: Tensor) -> tuple[tuple[Any, ...], ...]:
        """What each component deals for itself, one after another."""
        return tuple(part.deal(*batch) for part in self.generators)

    def promises(self) -> set[str]:
        return super().promises() - (
            set() if promise(self.generators[0], HasJudged) else {"judged"}
        )

    def judged(self, dealt: tuple[tuple[Any, ...], ...]) -> Sides:
        """The scores that the first component's critic gives to what that has dealt."""
        game: Any = self.generators[0]
        return game.judged(dealt[0])

    def hand(self, k: int, loss: Callable[..., Losses], *dealt: tuple[Any, ...]) -> Losses:
        """A loss of component k, of what it has dealt itself."""
        return loss(*dealt[k])

    def players(self) -> dict[str, Player]:
        """All players of all components: the critic of component 2 is critic_2."""
        return {
            f"{name}_{k}": player._replace(
                loss=partial(self.hand, k, player.loss),
                optimizer=player.optimizer and f"{player.optimizer}_{k}",
            )
            for k, part in enumerate(self.generators)
            for name, player in part.players().items()
        }


def sample_mixture(models: Sequence[GenerativeModel], shares: Tensor, n: int) -> Tensor:
    """n rows, each from a model that is drawn by its share.

    Args:
        models: at least one.
        shares: one number for each, not negative, (k,).
        n: number of rows.
    """
    if not n:
        return models[0].sample(0)
    which = shares.multinomial(n, replacement=True)
    counts = which.bincount(minlength=len(models)).tolist()
    drawn = [model.sample(count) for model, count in zip(models, counts, strict=True) if count]
    x = torch.cat(drawn)
    return torch.empty_like(x).index_copy_(0, which.argsort(stable=True), x)
