"""The best evaluation of a run, and how long it waits for a better one."""

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..core import Model
from .run import Figures


@dataclass
class Best:
    """The best evaluation so far.

    Args:
        patience: number of evaluations without a better one after which the run ends; None keeps no
            weights, and waits for ever.
        value: its first figure.
        waited: evaluations since then.
        weights: those of the model, if the run ends with them.
        figures: all of its figures.
    """

    patience: int | None
    value: float = math.inf
    waited: int = 0
    weights: dict[str, Tensor] | None = None
    figures: Figures | None = None

    def improves(self, figures: Figures, model: Model) -> bool:
        """Whether an evaluation of a model is the best; then it is kept."""
        first = next(iter(figures.values()), math.inf)
        self.waited += 1
        if not first < self.value:  # also if it is not a number
            return False
        self.value, self.waited = first, 0
        if self.patience is not None:
            self.weights = {name: x.clone() for name, x in model.state_dict().items()}
            self.figures = dict(figures)
        return True

    def over(self) -> bool:
        """Whether the run has waited long enough."""
        return self.patience is not None and self.waited >= self.patience

    def state(self) -> dict[str, Any]:
        """What a resumed run needs of it."""
        return {"best": self.value, "waited": self.waited} | {
            f"best_{name}": getattr(self, name) for name in ("weights", "figures")
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Takes over what `state` has written."""
        self.value, self.waited = state["best"], state.get("waited", 0)
        self.weights, self.figures = state["best_weights"], state["best_figures"]
