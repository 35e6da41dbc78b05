"""The oracle of a labelled data set: the classifier through whose eyes samples are judged."""

from collections.abc import Callable, Mapping

from ...core import Model
from ...data import Data, Split
from ...measure import Oracle
from ...measure.oracles import ROWS
from ...measure.rows import Chosen
from ...train import Run
from .._fitted import fitted, loaded

RUN = Run(rounds=1500, batch=128, lr=2e-3)


def oracle(
    data: str = "digits",
    features: int = 32,
    width: int = 32,
    dropout: float = 0.5,
    run: Run = RUN,
) -> Model:
    """Oracle on digits; target: 0.98 of the test rows right, as a support vector machine.

    Args:
        data: name or path of a labelled data set.
        features: dimension of the layer in which samples are compared.
        width: channels after the first convolution.
        dropout: share of the features set to zero in a round of training, in [0, 1).
        run: length, folder and device of the run.
    """
    source, space = loaded("oracle", data, run, view=Data.labelled)
    model = Oracle(space, source.classes, features, width, dropout)
    mistakes = _mistakes(source.validation, source.test)
    return fitted(model, source, run, evaluate=mistakes, picture=None)


def _mistakes(validation: Split, test: Split) -> Callable[[Model], Mapping[str, float]]:
    """Shares of the rows that are taken for another class."""

    def look(model: Model) -> dict[str, float]:
        return {
            "validation_mistakes": share(model, validation),
            "test_mistakes": share(model, test),
        }

    def share(model: Model, split: Split) -> float:
        assert isinstance(model, Oracle)
        assert split.labels is not None
        seen = model.see((x for x, *_ in Chosen(split).blocks(ROWS)), split.space)
        return (seen.classes != split.labels).double().mean().item()

    return look
