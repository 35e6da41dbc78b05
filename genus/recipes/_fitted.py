"""The common parts of recipes: seed, data and their checks; scores, pictures, schedule, fit.

A recipe adds its signature, its docstring and its model, between `loaded` and `fitted`.
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
    """A kind of data that a recipe supports.

    Args:
        name: name of the data in messages, in the plural.
        spaces: supported classes of spaces.
        axes: number of axes of x; None for any number.
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
    """The data of a recipe and their space; also seeds torch with the run's seed.

    Args:
        who: name of the recipe in messages.
        data: name or path of the data.
        run: run whose seed is used.
        kind: supported kind of data; others are refused.
        view: view of the data, such as `Data.labelled`.
    """
    torch.manual_seed(run.seed)
    source = load(data) if view is None else view(load(data))
    space = source.space
    if isinstance(space, kind.spaces) and kind.axes in (None, len(space.shape)):
        return source, space
    raise Refused(f"{who}: {data} is of {space}; wanted are {kind.name}")


def context_of(who: str, source: Data, kind: type[C], such_as: str) -> C:
    """The space of the contexts of data, which must be of this kind.

    Args:
        who: name of the recipe in messages.
        source: data with contexts.
        kind: supported class of the space.
        such_as: names of data that have it, for messages.
    """
    context = source.context_space
    if isinstance(context, kind):
        return context
    came = f"gives {context}" if context else "gives nothing"
    raise Refused(
        f"{who}: {source.name} {came} with each x; wanted are {kind.__name__}, as in {such_as}"
    )


def label_arguments(source: Data) -> tuple[Classes | None, Labels | None, int]:
    """The arguments of a model for labels: their space, their embedding, its width.

    Without labels in the data the model is not conditional.
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
    """The model, trained by `fit`.

    Args:
        model: model to train.
        source: data for training and evaluation.
        run: length, folder and device of the run.
        optimizers: optimiser of each player; by default Adam.
        schedule: factor on every learning rate; by default it falls like a cosine.
        evaluate: function that returns figures; by default the scores of the validation split.
        rows: training rows, if not the training split.
        picture: function that writes samples into a file; None for no pictures.
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
