"""What every recipe repeats: the seed, the data and their refusal; scores, pictures, schedule, fit.

A recipe is its signature, its docstring and its model, between `loaded` and `fitted`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from ..core import Bits, Classes, Graphs, Model, Pixels, Reals, Refused, Space, Strokes, Tokens
from ..data import Data, load
from ..measure import scores
from ..nn import Labels
from ..show import picture
from ..train import Batches, MakesOptimizers, Run, fit
from ..train.schedules import cosine

S = TypeVar("S", bound=Space)
C = TypeVar("C", bound=Space)
Evaluate = Callable[[Model], Mapping[str, float]]


@dataclass(frozen=True)
class Kind(Generic[S]):
    """Data that a recipe can be made for.

    Args:
        name: what they are called, in the plural.
        spaces: what one x may be.
        axes: how many one x has; None for any number.
    """

    name: str
    spaces: tuple[type[S], ...]
    axes: int | None = None


ANY = Kind("data", (Space,))
FLAT = Kind("vectors", (Space,), 1)
PICTURES = Kind("images", (Space,), 3)
VECTORS = Kind("vectors, Reals((d,))", (Reals,), 1)
CLOUDS = Kind("clouds of points, Reals((points, d))", (Reals,), 2)
PIXELS = Kind("pixels", (Pixels,))
IMAGES = Kind("pixels of images", (Pixels,), 3)
GRIDS = Kind("Bits or Pixels", (Bits, Pixels))
TEXTS = Kind("texts, Tokens", (Tokens,))
WORDS = Kind("single words, Classes", (Classes,))
GRAPHS = Kind("graphs", (Graphs,))
DRAWINGS = Kind("drawings, Strokes", (Strokes,))


def loaded(
    who: str, data: str, run: Run, kind: Kind[S], view: Callable[[Data], Data] | None = None
) -> tuple[Data, S]:
    """The data that a recipe learns from, and their space; torch's noise is that of the run's seed.

    Args:
        who: the recipe's name, for messages.
        data: name or path.
        run: whose seed it is.
        kind: what is wanted; Refused says what came instead.
        view: of the data, such as `Data.labelled`.
    """
    torch.manual_seed(run.seed)
    source = load(data) if view is None else view(load(data))
    space = source.space
    if isinstance(space, kind.spaces) and kind.axes in (None, len(space.shape)):
        return source, space
    raise Refused(f"{who}: {data} is of {space}; wanted are {kind.name}")


def context_of(who: str, source: Data, kind: type[C], such_as: str) -> C:
    """What is given with each x, which must be of this kind.

    Args:
        who: the recipe's name, for messages.
        source: the data.
        kind: of context.
        such_as: names of data that have it, for messages.
    """
    context = source.context_space
    if isinstance(context, kind):
        return context
    came = f"gives {context}" if context else "gives nothing"
    raise Refused(
        f"{who}: {source.name} {came} with each x; wanted are {kind.__name__}, as in {such_as}"
    )


def told_labels(source: Data) -> tuple[Classes | None, Labels | None, int]:
    """The last arguments of a model that may be given classes: their space, what embeds them, width.

    Where the data give no classes, the model is given nothing.
    """
    classes = source.context_space
    if not isinstance(classes, Classes):
        return None, None, 0
    return classes, Labels(classes.count), classes.count


def fitted(
    model: Model,
    source: Data,
    run: Run,
    optimizers: MakesOptimizers | None = None,
    *,
    schedule: Callable[[float], float] | None = cosine,
    evaluate: Evaluate | None = None,
    rows: Batches | None = None,
    picture: Callable[[Model, Path], Any] | None = picture,
) -> Model:
    """The model, trained as `fit` does it.

    Args:
        model: what learns.
        source: what it learns from, and what is evaluated.
        run: how long, where to, on what.
        optimizers: of each player; without them, Adam.
        schedule: the factor on every learning rate; it falls like a cosine.
        evaluate: figures of the model; without it, the scores of the validation split.
        rows: what it learns from, if that is not the training split.
        picture: draws samples into a file; None draws none.
    """
    return fit(
        model,
        source.train if rows is None else rows,
        run,
        optimizers=optimizers,
        schedule=schedule,
        evaluate=evaluate or scores(source.validation),
        picture=picture,
    )
