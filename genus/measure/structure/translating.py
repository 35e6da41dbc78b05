"""The share of translations that are right, word for word."""

import torch

from ...core import GenerativeModel, HasLogProb, Model, Refused, promise
from ...data import Split
from ...functional.sequences.choices import Decoding
from ..rows import on

GREEDY = Decoding(temperature=0)


class Translations:
    """Figures for `fit(evaluate=...)` of a model that translates; the first is smaller if better.

    wrong    the share of greedy translations that are not right throughout
    nats     the mean of -log p of the true translations

    Args:
        split: rows (translation, source).
        rows: largest number of rows.
    """

    def __init__(self, split: Split, rows: int = 500):
        self.batch = split.batch(0, min(rows, len(split)), 0)

    @torch.no_grad()
    def __call__(self, model: Model) -> dict[str, float]:
        x, context = on(model, self.batch)
        translates = isinstance(model, GenerativeModel) and model.context_space is not None
        scored = promise(model, HasLogProb)
        if not translates or scored is None:
            raise Refused(f"Translations: {type(model).__name__} does not translate")
        fake = model.sample(context=context, decoding=GREEDY)  # pyright: ignore[reportCallIssue]
        right = (fake == x).flatten(1).all(1).double().mean().item()
        return {"wrong": 1 - right, "nats": -scored.log_prob(x, context).mean().item()}
