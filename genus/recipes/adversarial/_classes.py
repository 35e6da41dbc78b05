"""How many classes of held-out rows a game finds, with labels or without."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ...core import Model
from ...data.splits import Split

ROWS = 1000  # of the validation split whose classes are looked at
Classify = Callable[[Model, Tensor], Tensor]  # probabilities of rows, (n, K)


def matched(found: Tensor, labels: Tensor) -> Tensor:
    """The share of rows whose class is that of most rows of the code that was found for them, ().

    Args:
        found: code of each row, (n,), int64.
        labels: classes, (n,), int64.
    """
    table = torch.zeros(int(found.max()) + 1, int(labels.max()) + 1, dtype=torch.float64)
    table.index_put_((found, labels), torch.ones(len(found), dtype=torch.float64), accumulate=True)
    return table.amax(1).sum() / len(found)


def error_of(
    split: Split, classify: Classify, *, by_code: bool = False
) -> Callable[[Model], Mapping[str, float]]:
    """A function that returns the share of wrong classes, as `error`, of rows of a labelled split.

    Args:
        split: rows that come with their class.
        classify: function of a model and rows that returns probabilities.
        by_code: whether they are of codes that nobody named, so that each is called by most of its rows.
    """
    x, labels = split.first(ROWS)

    @torch.no_grad()
    def look(model: Model) -> dict[str, float]:
        rows = x.to(next(model.parameters()).device)
        found = classify(model, rows).argmax(1).cpu()
        right = matched(found, labels) if by_code else (found == labels).double().mean()
        return {"error": 1 - right.item()}

    return look
