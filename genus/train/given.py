"""What `fit` is given, as batches and a run: data of any kind, and a run that may be left out."""

import os
import warnings
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, count

from torch import Tensor

from ..core import Model, Refused
from ..data.own import Given, Loaded, batches_of
from ..data.sources import Note
from .parts import encode, outside
from .run import Batches, Run

MINUTES = 1.0  # of a run that is left out


def prepared(model: Model, data: Batches | Given, run: Run | None) -> tuple[Batches, Run]:
    """Data as batches, and the run that fits them.

    Args:
        model: model whose space the rows are of.
        data: data of a kind that `genus.data.own.doors` lists.
        run: settings of the run; by default a minute.

    Raises:
        Refused: the data are of no such kind, or do not fit the model or the run.
    """
    run = run or Run(minutes=MINUTES)
    if run.out is not None:
        _can_be_loaded(model)
    found = batches_of(data, model, "fit", run.batch)
    return found, _with_batches_of(found, run) if isinstance(found, Loaded) else run


def batches(
    model: Model, data: Batches | Given, *, size: int = Run.batch, seed: int = 0, start: int = 0
) -> Iterator[tuple[Tensor, ...]]:
    """The batches that `fit` would give the model, without end, on its device: for a loop over `play`.

    Args:
        model: model whose space the rows are of.
        data: data of a kind that `fit` takes; a loader keeps its batch size.
        size: number of rows in a batch.
        seed: random seed of their order.
        start: number of the first batch.
    """
    found = batches_of(data, model, "batches", size)
    size = (found.size or size) if isinstance(found, Loaded) else size
    place = next((x.device for x in chain(model.parameters(), model.buffers())), None)
    for number in count(start):
        yield tuple(x.to(place) for x in found.batch(number, size, seed))


def _can_be_loaded(model: Model) -> None:
    """Raises Refused if the model cannot be saved, and says if it can be loaded here alone."""
    here = [name for name in outside(encode(model)) if "<locals>" in name or "__main__" in name]
    if here:
        warnings.warn(
            f"fit: the saved model can only be loaded where {', '.join(here)} is defined; what is "
            f"defined in a file of its own, outside of any function, is found from anywhere",
            Note,
            stacklevel=4,
        )


def _with_batches_of(loaded: Loaded, run: Run) -> Run:
    """The run with the batch size of a loader."""
    size = run.batch if loaded.size is None else loaded.size
    if run.batch not in (Run.batch, size):
        raise Refused(
            f"fit: the run's batch is {run.batch}, and the loader gives batches of {size}; leave batch "
            f"out, or give a loader of the same size"
        )
    parts = run.accumulate * int(os.environ.get("WORLD_SIZE", "1"))
    if parts > 1 and loaded.passes.ragged:
        raise Refused(
            f"fit: batches are divided into {parts} parts, and the loader's last batch of an epoch is "
            f"smaller than the others; give it drop_last=True"
        )
    if run.out is not None and (why := loaded.passes.inexact):
        warnings.warn(
            f"fit: if this run is resumed, it may see other batches than if it were not stopped: {why}",
            Note,
            stacklevel=4,
        )
    return replace(run, batch=size)
