"""The oracle of a labelled data set: the classifier through whose eyes samples are judged."""

from collections.abc import Callable, Mapping

import torch

from ...core import Model
from ...data import Split, load
from ...measure import Oracle
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine

RUN = Run(rounds=1500, batch=128, lr=2e-3)


def oracle(
    data: str = "digits",
    features: int = 32,
    width: int = 32,
    dropout: float = 0.5,
    run: Run = RUN,
) -> Model:
    """Oracle on digits: at least 98 % of the test rows right; a support vector machine has 98.3 %.

    Args:
        data: name or path of a labelled data set.
        features: size of the layer in which samples are compared.
        width: channels after the first convolution.
        dropout: share of the features that is dropped while it learns, in [0, 1).
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data).labelled()
    model = Oracle(source.space, source.classes, features, width, dropout)
    evaluate = _mistakes(source.validation, source.test)
    return fit(model, source.train, run, schedule=cosine, evaluate=evaluate)


def _mistakes(validation: Split, test: Split) -> Callable[[Model], Mapping[str, float]]:
    """Shares of the rows that are taken for another class."""

    def look(model: Model) -> dict[str, float]:
        return {
            "validation_mistakes": share(model, validation),
            "test_mistakes": share(model, test),
        }

    def share(model: Model, split: Split) -> float:
        assert isinstance(model, Oracle)
        x, label = split.everything()
        return (model.see(x, split.space).classes != label).double().mean().item()

    return look
