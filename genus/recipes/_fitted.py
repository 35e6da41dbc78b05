"""The common parts of recipes: seed, data and their checks; scores, pictures, schedule, fit.

A recipe adds its signature, its docstring and its model, between `loaded` and `fitted`.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch

from ..core import Classes, Model, Reals, Records, Refused, Space, require
from ..data import Data, load
from ..data.sources import Note, with_options
from ..measure import scores
from ..measure.anomalies.reference import remember
from ..media import picture
from ..media.show import in_turn
from ..nn import Labels
from ..train import Batches, MakesOptimizers, Run, fit
from ..train.ranks import ranks
from ..train.schedules import cosine
from ._tables import TablePicture

PATIENCE = 20  # evaluations of a table without a better one
FREE = 2000  # rows up to which half of the hidden units are left out
SHOWN = 64  # contexts for which samples are shown
OFTEN = 25  # rounds between two of them, at most
S = TypeVar("S", bound=Space)
C = TypeVar("C", bound=Space)
Evaluate = Callable[[Model], Mapping[str, float]]


def loaded(
    who: str,
    data: str,
    run: Run,
    *kinds: type[S],
    axes: str = "",
    view: Callable[[Data], Data] | None = None,
    given: bool = False,
) -> tuple[Data, S]:
    """The data that a recipe trains on, and their space; seeds torch by the run.

    Args:
        who: name of the recipe, for messages.
        data: name or path.
        run: run whose seed is taken.
        kinds, axes: spaces that the recipe takes, as in `require`.
        view: view of the data, such as `Data.labelled`.
        given: whether the recipe learns from columns that are given with each row.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    if source.unpaired:
        raise Refused(
            f"{who} on {data}: these are two domains without pairs, from which no recipe learns yet; "
            f"--data.kind pictures takes them as two classes of pictures"
        )
    if source.columns is not None and source.columns.given is not None and not given:
        raise Refused(
            f"{who} on {data}: columns are given with each row, of which {who} learns nothing; rows, mdn, "
            f"maf and nsf do: take one of them, or leave given and drawn out"
        )
    if isinstance(source.space, Records) and Records not in kinds:
        warnings.warn(
            f"{who} on {data}: learns a density, so categories and rounded numbers are dequantised, and "
            f"nats are a bound (elbo); the recipe rows gives their exact probabilities",
            Note,
            stacklevel=3,
        )
        source = source.loosened()
    source = source if view is None else view(source)
    wanted: Any = kinds or (type(source.space),)
    return source, require(f"{who} on {data}", source.space, *wanted, axes=axes)


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


def dropout_for(source: Data) -> float:
    """The share of hidden units to set to zero in a round: the less the more rows there are, from 0.5 down."""
    return min(0.5, 0.5 * math.sqrt(FREE / len(source.train)))


def patient(run: Run, source: Data) -> Run:
    """A run of a density on a table, which may be small enough to be learnt by heart, with patience."""
    if source.columns is None or source.columns.of_array or run.patience is not None:
        return run
    return replace(run, patience=PATIENCE, evaluate_every=min(OFTEN, run.evaluate_every))


def fitted(
    model: Model,
    source: Data,
    run: Run,
    optimizers: MakesOptimizers | None = None,
    *,
    schedule: Callable[[float], float] | None = cosine,
    evaluate: Evaluate | None = None,
    rows: Batches | None = None,
    picture: Callable[[Model, Path], Any] | Literal["samples"] | None = "samples",
) -> Model:
    """The model, trained by `fit`. Its run keeps where validation rows stand, for `genus score`.

    Args:
        model: model to train.
        source: data for training and evaluation.
        run: length, folder and device of the run.
        optimizers: optimiser of each player; by default Adam.
        schedule: factor on every learning rate; by default it falls like a cosine.
        evaluate: function that returns figures; by default the scores of the validation split.
        rows: training rows, if not the training split.
        picture: function that writes samples into a file, by default of labels in turn, or of what is
            given with validation rows; None for no pictures.
    """
    result = fit(
        model,
        source.train if rows is None else rows,
        replace(run, note=resolved(run.note, source)),
        optimizers=optimizers,
        schedule=schedule,
        evaluate=evaluate or scores(source.validation),
        picture=_samples(source) if picture == "samples" else picture,
    )
    if run.out is not None and ranks()[0] == 0:
        remember(run.out, result, source.recorded(), source.validation)
    return result


def _samples(source: Data) -> Callable[..., Any]:
    """The function that draws samples: of a table its columns, else pictures, each for its label or context."""
    plane = isinstance(source.space, Reals) and source.space.dims <= 2
    if source.columns is not None and not plane:
        return TablePicture(source)
    if source.context_space is None or in_turn(source.context_space, 1) is not None:
        return picture
    shown = source.validation.first(SHOWN)[1]

    def draw(model: Model, path: Path, n: int | None = None) -> Any:
        return picture(model, path, context=shown[:n])

    return draw


def resolved(note: Mapping[str, Any], source: Data) -> dict[str, Any]:
    """The note of a run: what it keeps of its data, and all options that these were read with.

    So the run is used when its data are no longer there, and new defaults change no old run.
    """
    note = {**note, "data": source.recorded().to_json()}
    recipe = note.get("recipe")
    if not (source.options and isinstance(recipe, Mapping)):
        return note
    options = dict(recipe["options"])
    options["data"] = with_options(str(options["data"]), source.options)
    return {**note, "recipe": {**recipe, "options": options}}
