"""Naive Bayes, for rows with a class: it draws rows of a class, and finds the class of a row."""

from typing import cast

from ...core import Bits, Classes, Model, Pixels, Reals, Tokens
from ...data import Data
from ...density import NaiveBayes
from ...measure import scores
from ...train import Run
from .._fitted import context_of, fitted, loaded

RUN = Run(rounds=1)
ENOUGH = 20_000  # validation rows whose class is found


def naive_bayes(data: str = "digits", smoothing: float = 0.3, run: Run = RUN) -> Model:
    """NaiveBayes on labelled digits; target: 90 % of held-out classes found, in one round.

    Args:
        data: name or path of a data set with classes, of bits, pixels, tokens that do not end or vectors.
        smoothing: how often each value is taken to have been seen in each class before, at least 0.
        run: length, folder and device of the run; one round is all it takes.
    """
    kinds = (Bits, Pixels, Tokens, Reals)
    source, space = loaded("naive_bayes", data, run, *kinds, view=Data.labelled)
    classes = context_of("naive_bayes", source, Classes, "digits and mnist")
    likely = scores(source.validation)

    def look(model: Model) -> dict[str, float]:
        x, label = source.validation.first(ENOUGH)
        home = next(model.parameters()).device
        found = cast(NaiveBayes, model).log_classes(x.to(home)).argmax(1).cpu()
        return {**likely(model), "accuracy": (found == label).double().mean().item()}

    model = NaiveBayes(space, classes, smoothing)
    return fitted(model, source, run, schedule=None, evaluate=look)
