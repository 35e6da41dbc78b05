"""The kinds of data that `fit` and `evaluate` take, told apart.

    Batches, or a split of genus      as it is
    genus.data.Data                   its training split, or its test split
    tensor, array                     rows of the model's space; values.py says what is understood
    (x, context) of them              rows, each with its label or other context
    TensorDataset                     the same, of its tensors
    Dataset of PyTorch                items that are read when they are needed; items.py
    IterableDataset of PyTorch        a stream, which is read in batches; loaders.py
    DataLoader of PyTorch             its batches in its order; loaders.py

A kind is a line of `KINDS`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from ...core import Refused
from ..sets import Data
from ..splits import Rows, Split
from .items import Form, Items
from .loaders import Loaded
from .values import Values, is_values, kept, settled

WANTED = "a tensor, an array, (x, label), a Dataset or a DataLoader of PyTorch, or data of genus.data.load"


READ = 500  # rows of a stream that are read at once

Given = Values | tuple[Values, ...] | Dataset[Any] | DataLoader[Any] | Data


class Kind(NamedTuple):
    """A kind of data, and how it becomes batches.

    Args:
        fits: function that says whether something is of this kind.
        opened: function of it, of the form of batches that are wanted, and of their size.
    """

    fits: Callable[[Any], bool]
    opened: Callable[[Any, Form, int], Any]


def _rows(given: Any, form: Form, size: int) -> Rows:
    """Tensors or arrays, in memory."""
    x, *context = form.parts(given)
    rows, more = kept(x, form.space, form.who), {}
    if (space := form.context_space) is not None:
        more = {"context": settled(context[0], space, form.of_context), "context_space": space}
    return Rows(rows, form.space, name="rows", **more)


def _stream(given: Any, form: Form, size: int) -> Loaded:
    return Loaded(DataLoader(given, batch_size=size), form)


def _is_batches(given: Any) -> bool:
    return hasattr(given, "batch") and hasattr(given, "everything")


def _has_numbers(given: Any) -> bool:
    return (
        isinstance(given, Dataset) and hasattr(given, "__getitem__") and hasattr(given, "__len__")
    )


KINDS = (  # the first that fits
    Kind(_is_batches, lambda given, form, size: given),
    Kind(is_values, _rows),
    Kind(lambda given: isinstance(given, tuple) and all(map(is_values, given)), _rows),
    Kind(
        lambda given: type(given) is TensorDataset,
        lambda given, form, size: _rows(given.tensors, form, size),
    ),
    Kind(
        lambda given: isinstance(given, DataLoader), lambda given, form, size: Loaded(given, form)
    ),
    Kind(lambda given: isinstance(given, IterableDataset), _stream),
    Kind(_has_numbers, lambda given, form, size: Items(given, form)),
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
    form = Form(
        model.space, getattr(model, "context_space", None), f"{who}: {type(given).__name__}"
    )
    for kind in KINDS:
        if kind.fits(given):
            return kind.opened(given, form, size)
    raise Refused(f"{form.who} is no data; wanted are {WANTED}")


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
