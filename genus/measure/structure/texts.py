"""The score of a text under a model, in nats per symbol, each given all symbols before it."""

import math
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from torch import Tensor

from ...core import Model
from ...data import Split
from ...data.text.text import Windows
from ..scoring import scores


@runtime_checkable
class Reads(Protocol):
    """A model that scores the symbols of texts of any length."""

    def along(self, x: Tensor) -> Tensor: ...


def nats_per_symbol(model: Reads, text: Tensor) -> float:
    """The mean of -log p(x_t | x_0 .. x_(t-1)) over a text, (t,)."""
    return -model.along(text[None]).double().mean().item()


def read(split: Split) -> Callable[[Model], dict[str, float]]:
    """Figures for `fit(evaluate=...)`, of a model on the whole text of a split.

    nats_per_symbol     mean of -log p of each symbol given all before it
    bits_per_symbol     the same, divided by ln 2

    For a split that is no text, `genus.measure.scores` is used.
    """
    if not isinstance(split, Windows):
        return scores(split)
    text = split.text

    def figures(model: Model) -> dict[str, float]:
        if not isinstance(model, Reads):
            return dict(scores(split)(model))
        device = next((p.device for p in model.parameters()), None)
        nats = nats_per_symbol(model, text.to(device))
        return {"nats_per_symbol": nats, "bits_per_symbol": nats / math.log(2)}

    return figures
