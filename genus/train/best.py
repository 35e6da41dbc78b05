"""The best evaluation of a run: whether the run ends with its weights, and how long it waits for a better one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..core import HasElbo, HasLogProb, Model, promise
from .run import EndsWith, Figures

LIKELIHOODS = ("nats", "bits")  # what figures begin with that are likelihoods of validation rows
DIVERGED = 3.0  # times its first value by which such a figure has grown where a run diverges
CLEARLY = 0.1  # of what was gained in all, that is lost again where a model overfits


def overfits(lines: Sequence[Mapping[str, Any]], kept: int | None) -> str:
    """Whether validation rows have become less likely again, or ever less, in a sentence; "" if not.

    Args:
        lines: lines of the log of a run.
        kept: round of the weights that the run ends with, where that is not its last.
    """
    found = [(line["round"], line) for line in lines if line.get("event") == "figures"]
    names = [name for name in (found[0][1] if found else {}) if name.startswith(LIKELIHOODS)]
    first = next(iter(names), "")
    values = [(line[first], n) for n, line in found if math.isfinite(line.get(first, math.nan))]
    if not first or len(values) < 3:
        return ""
    (best, at), (last, _) = min(values), values[-1]
    if last - values[0][0] > DIVERGED * max(1.0, abs(values[0][0])):
        return (
            f"{first} of validation rows were {values[0][0]:.4g} after round {values[0][1]:,}, and are "
            f"{last:.4g} now: the run diverges; a smaller lr, or --clip, may keep it"
        )
    lost, gained = last - best, values[0][0] - best
    if not lost > CLEARLY * max(gained, abs(best) / 10) or at == values[-2][1]:
        return ""
    mend = (
        f"the run ends with the weights of round {kept:,}"
        if kept is not None
        else "best/ has the weights of that round, and --ends-with best ends a run with them"
    )
    return (
        f"{first} of validation rows were {best:.4g} after round {at:,}, and are {last:.4g} now: the model "
        f"learns its rows by heart; {mend}"
    )


def whose_weights(training: Mapping[str, Any]) -> str:
    """What is said of a run that ended with the weights of another round than its last; "" of others."""
    best = training.get("best_round")
    return "" if best is None else f", with the weights of round {best:,}, its best"


@dataclass
class Best:
    """The best evaluation so far.

    Args:
        patience: number of evaluations without a better one after which the run ends; None waits for ever.
        ends_with: which weights the run ends with, as in `Run`.
        value: its first figure.
        waited: evaluations since then.
        number: rounds before it.
        weights: those of the model, if the run ends with them.
        figures: all of its figures.
    """

    patience: int | None
    ends_with: EndsWith = "auto"
    value: float = math.inf
    waited: int = 0
    number: int = 0
    weights: dict[str, Tensor] | None = None
    figures: Figures | None = None

    def improves(self, figures: Figures, model: Model, number: int) -> bool:
        """Whether an evaluation of a model, after a number of rounds, is the best; then it is kept."""
        name, first = next(iter(figures.items()), ("", math.inf))
        self.waited += 1
        if not first < self.value:  # also if it is not a number
            return False
        self.value, self.waited, self.number = first, 0, number
        if self.keeps(name, model):
            self.weights = {name: x.clone() for name, x in model.state_dict().items()}
            self.figures = dict(figures)
        return True

    def keeps(self, figure: str, model: Model) -> bool:
        """Whether the run ends with the best weights, by what its first figure is.

        The best of many estimates is mostly the luckiest, so by default it has to be a likelihood, or a bound.
        """
        if self.ends_with != "auto":
            return self.ends_with == "best"
        likelihood = promise(model, HasLogProb) or promise(model, HasElbo)
        return self.patience is not None or (
            figure.startswith(LIKELIHOODS) and likelihood is not None
        )

    @property
    def kept(self) -> int | None:
        """The round whose weights the run ends with as far as it is known; None for its last."""
        return None if self.weights is None else self.number

    def over(self) -> bool:
        """Whether the run has waited long enough."""
        return self.patience is not None and self.waited >= self.patience

    def state(self) -> dict[str, Any]:
        """What a resumed run needs of it."""
        return {"best": self.value, "waited": self.waited} | {
            f"best_{name}": getattr(self, name) for name in ("number", "weights", "figures")
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Takes over what `state` has written, but for weights that the run does not end with now."""
        self.value, self.waited = state["best"], state["waited"]
        self.number = state["best_number"]
        if self.ends_with != "last":
            self.weights, self.figures = state["best_weights"], state["best_figures"]
