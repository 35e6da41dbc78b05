"""The kinds of data that `fit` and `evaluate` take, told apart.

    Batches, or a split of genus      as it is
    genus.data.Data                   its training split, or its test split
    tensor, array                     rows of the model's space; values.py says what is understood
    (x, context) of them              rows, each with its label or other context
    TensorDataset                     the same, of its tensors
    Dataset of PyTorch                items that are read when they are needed; items.py
    IterableDataset of PyTorch        a stream, which is read in batches; loaders.py
    DataLoader of PyTorch             its batches in its order; loaders.py
    data frame                        rows of the table that the model was made for, by its space, or
                                      numbers as they are; frames.py

A kind is a line of `DOORS`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from ...core import Refused
from ..sets import Data
from ..splits import Rows, Split
from .frames import is_frame, of_frame
from .items import Items, Wanted
from .loaders import Loaded
from .values import Values, is_values, kept, settled

TAKEN = (
    "a tensor, an array, a data frame, (x, label), a Dataset or a DataLoader of PyTorch, or data of "
    "genus.data.load"
)
READ = 500  # rows of a stream that are read at once

Given = Values | tuple[Values, ...] | Dataset[Any] | DataLoader[Any] | Data


class Door(NamedTuple):
    """A kind of data, and how it becomes batches.

    Args:
        fits: function that says whether something is of this kind.
        opened: function of it, of what batches are wanted, and of their size, that gives them.
    """

    fits: Callable[[Any], bool]
    opened: Callable[[Any, Wanted, int], Any]


def _rows(given: Any, wanted: Wanted, size: int) -> Rows:
    """Tensors or arrays, in memory."""
    x, *context = wanted.parts(given)
    rows, more = kept(x, wanted.space, wanted.who), {}
    if (space := wanted.context_space) is not None:
        more = {"context": settled(context[0], space, wanted.of_context), "context_space": space}
    return Rows(rows, wanted.space, name="rows", **more)


def _stream(given: Any, wanted: Wanted, size: int) -> Loaded:
    return Loaded(DataLoader(given, batch_size=size), wanted)


def _is_batches(given: Any) -> bool:
    return hasattr(given, "batch") and hasattr(given, "everything")


def _has_numbers(given: Any) -> bool:
    return (
        isinstance(given, Dataset) and hasattr(given, "__getitem__") and hasattr(given, "__len__")
    )


DOORS = (  # the first that fits
    Door(_is_batches, lambda given, wanted, size: given),
    Door(is_values, _rows),
    Door(lambda given: isinstance(given, tuple) and all(map(is_values, given)), _rows),
    Door(
        lambda given: type(given) is TensorDataset,
        lambda given, wanted, size: _rows(given.tensors, wanted, size),
    ),
    Door(
        lambda given: isinstance(given, DataLoader),
        lambda given, wanted, size: Loaded(given, wanted),
    ),
    Door(lambda given: isinstance(given, IterableDataset), _stream),
    Door(is_frame, lambda given, wanted, size: of_frame(given, wanted)),
    Door(_has_numbers, lambda given, wanted, size: Items(given, wanted)),
)


def batches_of(given: object, model: Any, who: str, size: int) -> Any:
    """Data of any kind as batches for a model.

    Args:
        given: data of a kind that the head of this file lists.
        model: model whose space and context_space the rows are of, where the data do not say.
        who: caller, for messages.
        size: number of rows in a batch of a stream.

    Raises:
        Refused: the kind is unknown, or the rows are not of the model's space.
    """
    if isinstance(given, Data):
        return given.train
    wanted = Wanted(
        model.space, getattr(model, "context_space", None), f"{who}: {type(given).__name__}"
    )
    for door in DOORS:
        if door.fits(given):
            return door.opened(given, wanted, size)
    raise Refused(f"{wanted.who} is no data; wanted are {TAKEN}")


def test_rows(given: object, model: Any, who: str) -> Data:
    """Rows alone as data whose only split is the test split: it stands for the others, too.

    Args:
        given, model, who: arguments as in `batches_of`.
    """
    found = batches_of(given, model, who, READ)
    if not isinstance(found, Split):
        x, *context = found.everything()
        more: dict[str, Any] = {}
        if context:
            more = {"context": context[0], "context_space": found.context_space}
        found = Rows(x, found.space, name=str(getattr(found, "name", "rows")), **more)
    return Data(found.name, found, found, found)
