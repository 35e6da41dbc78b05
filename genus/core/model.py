"""The one idea of this library.

A generative model can sample. It may also score: ``log_prob`` if it knows p(x) exactly, ``elbo`` if
it knows a lower bound, ``energy`` if it knows p(x) up to a constant. It may encode and decode.
It learns by a game: its players take turns, and each moves only what it owns.

The name of a method is a promise, and what each name promises is a law in ``tests/laws.py``.
"""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ..errors import Refused, RefusedType
from . import html
from .promises import PROMISES, HasLogProb, Losses
from .scores import rows_given, score_draws
from .spaces import Space

See = Callable[[Tensor], None]  # what is shown x, (n, *space.shape), on its way to a sample


class Player(NamedTuple):
    """One side of the game: what it may move, what it wants small, and how often it plays."""

    owns: Sequence[nn.Module]
    loss: Callable[..., Losses]
    every: int = 1  # plays in every k-th round
    after: Callable[[], None] | None = None  # what follows its move: a bound, a controller, a mean
    optimizer: str | None = None  # the player whose optimiser it shares; it owns the same modules
    role: str | None = None  # "critic" or "generator", of the two sides that a diagnosis looks at

    def parameters(self) -> list[nn.Parameter]:
        return list(dict.fromkeys(p for module in self.owns for p in module.parameters()))


class TakesApart(Protocol):
    """Takes whole rows apart, into what a model draws and what it is given, and puts them together."""

    @property
    def space(self) -> Space:
        """That of whole rows."""
        ...

    @property
    def missing_space(self) -> Space:
        """That of what is drawn, the model's own."""
        ...

    @property
    def known_space(self) -> Space:
        """That of what is given, the model's contexts."""
        ...

    @property
    def words(self) -> str:
        """What is done, as part of a view's name."""
        ...

    def apart(self, x: Tensor, /) -> tuple[Tensor, Tensor]:
        """What is drawn, and what is given, of n rows."""
        ...

    def together(self, missing: Tensor, known: Tensor, /) -> Tensor:
        """Whole rows, (n, *space.shape)."""
        ...


class Model(nn.Module, ABC):
    """Something that learns by a game. A batch is a tuple, unpacked into the loss's arguments."""

    space: Space
    context_space: Space | None = None  # what is given with each x; None if nothing is
    parting: TakesApart | None = None  # how rows become x and context; None if x is a whole row
    loaded_from: str | None = None  # folder, recipe and data of a model that was loaded

    def loss(self, *batch: Tensor) -> Losses:
        """Maximum likelihood, in nats per example, unless a model has a loss of its own."""
        if isinstance(self, HasLogProb):
            return {"nll": -self.log_prob(*batch).mean()}
        raise RefusedType(f"{type(self).__name__} has no log_prob: give it a loss, or players")

    def players(self) -> dict[str, Player]:
        """The players in the order of their turns. Most models play alone."""
        return {"model": Player([self], self.loss)}

    def deal(self, *batch: Tensor) -> tuple[Any, ...]:
        """What is laid on the table once a round, for every player's loss: the batch itself.

        It may be a NamedTuple whose fields carry the names of the losses' parameters. A field is a
        tensor, None, or what a component of the model has dealt for itself.

        A pass that several losses share (the generator's) is made here, once. A player may move
        only after all those whose gradient runs through its weights.
        """
        return batch

    def promises(self) -> set[str]:
        """The names of `PROMISES` that this model keeps: a wrapper keeps what it wraps."""
        return {name for name in PROMISES if callable(getattr(self, name, None))}

    def score_samples(
        self,
        x: ArrayLike | Tensor,
        context: ArrayLike | Tensor | None = None,
        *,
        draws: int = 16,
        seed: int = 0,
    ) -> NDArray[np.float64]:
        """log p of each row, nats, (n,), in scikit-learn's manner: the higher, the likelier.

        It is log_prob where the model promises that; else its bound, as the mean of some draws or
        importance-weighted; else -energy, which lacks a constant. The score of a row depends on
        no other row. Mode and random streams stay as they were.

        Args:
            x: rows, (n, *space.shape), in the units of the space; uint8 are levels of `Pixels`.
            context: contexts of a conditional model, (n, ...), one for each row.
            draws: number of draws of a random score, for each row.
            seed: random seed.

        Raises:
            Refused: the model has no score, or the rows are not of its space.
        """
        who = f"{type(self).__name__}.score_samples"
        rows = [rows_given(self.space, x, f"{who}: x")]
        if (context is None) != (self.context_space is None):
            wanted = self.context_space or "no context"
            raise Refused(f"{who}: context is {type(context).__name__}; {wanted} is wanted")
        if context is not None and self.context_space is not None:
            rows.append(rows_given(self.context_space, context, f"{who}: context"))
        return score_draws(self, *rows, draws=draws, seed=seed).value.numpy()

    def noise(self, *shape: int) -> Tensor:
        """Standard normal noise, of the model's own dtype and on its device."""
        return next(chain(self.parameters(), self.buffers())).new_empty(shape).normal_()

    def hyperparameters(self) -> dict[str, object]:
        """The constructor's arguments: a model keeps each under its own name."""
        return hyperparameters(self)

    def _repr_html_(self) -> str:
        entries = {
            "space": str(self.space),
            "given": str(self.context_space or ""),
            "parameters": f"{sum(p.numel() for p in self.parameters()):,}",
            "promises": ", ".join(sorted(self.promises())),
            "loaded from": self.loaded_from or "",
        }
        known = {name: text for name, text in entries.items() if text}
        return html.card(type(self).__name__, known, folded=repr(self))


class GenerativeModel(Model):
    """p(x), or p(x | context) if it has a `context_space`: draws x."""

    sampling_options: type[Any] | None = (
        None  # dataclass of the options that `sample` takes as decoding
    )

    @abstractmethod
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *space.shape), without gradients; n is by default as many as context has rows."""

    def sample_count(self, n: int | None, context: Tensor | None) -> int:
        """The number of rows that `sample` draws.

        Raises:
            Refused: a context is missing or not wanted, or it has another number of rows.
        """
        self.check_context(context)
        if context is None and n is None:
            raise Refused(f"{type(self).__name__}: sample needs a number of rows: give it n")
        if context is not None and n not in (None, len(context)):
            raise Refused(
                f"{type(self).__name__}: n is {n}, and context has {len(context)} rows; one row of "
                f"context is wanted for each sample: leave n out"
            )
        return len(context) if context is not None else n or 0

    def context_given(self, n: int | None, context: Tensor | None) -> Tensor:
        """The context, of a model that always has one: one row for each sample."""
        self.sample_count(n, context)
        return cast(Tensor, context)

    def check_given(self, context: Tensor) -> None:
        """Raises Refused, and names the first row at fault, unless contexts are of their space.

        It is asked once for all rows, before any is drawn: models themselves do not look at values.
        """
        space, who = self.context_space, f"{type(self).__name__}: context"
        if space is None or not len(context):
            return
        if context.shape[1:] == space.shape and space.fault(context) is None:
            return
        if context.shape[1:] == space.shape:
            for number, row in enumerate(context.split(1)):
                if fault := space.fault(row):
                    raise Refused(f"{who}: row {number} {fault}; its space is {space}")
        space.check(context, who)

    def check_context(self, context: Tensor | None = None) -> None:
        """Raises Refused if a context is missing, or given and not wanted."""
        if (context is None) == (self.context_space is None):
            return
        came = "no context was given" if context is None else "a context was given"
        wanted = f"one of {self.context_space} is wanted" if context is None else "it takes none"
        raise Refused(f"{type(self).__name__}: {came}; {wanted}")


def hyperparameters(module: nn.Module) -> dict[str, object]:
    """What rebuilds a module: its constructor's arguments, kept under their own names."""
    if type(module).__init__ is nn.Module.__init__:
        return {}
    parameters = inspect.signature(type(module)).parameters
    names = list(parameters)
    loose = {name for name, p in parameters.items() if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    if missing := [name for name in names if name in loose or not hasattr(module, name)]:
        raise RefusedType(
            f"{type(module).__name__}: its constructor does not keep {', '.join(missing)}; "
            f"each argument must be an attribute of the same name, to save and to rebuild it"
        )
    return {name: getattr(module, name) for name in names}


def given(context: Tensor | None) -> tuple[Tensor, ...]:
    """A context as arguments: none where there is none."""
    return () if context is None else (context,)


def check_embedding(
    who: str, context_space: Space | None, embed: nn.Module | None, context: int | None = None
) -> None:
    """Raises Refused unless a model has both a space of contexts and what embeds them, or neither.

    Args:
        who: the model.
        context_space: what a context is.
        embed: makes its features.
        context: number of these, for models whose networks are built for as many: 0 without any.
    """
    if (context_space is None) != (embed is None):
        raise Refused(
            f"{who}: context_space is {context_space} and embed {type(embed).__name__}; both are "
            f"wanted, or neither"
        )
    if context is not None and (context < 1) != (embed is None):
        wanted = "0 is wanted without one" if embed is None else "at least 1 is wanted with one"
        raise Refused(f"{who}: the dimension of the embedded context is {context}; {wanted}")
