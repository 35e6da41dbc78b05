"""The score of a row in the units of its file, with its standard error, and mixed over classes.

A model of classes that is told no label scores the mixture over them, by their training shares pi:

    log p, log w     log sum_c pi_c p(x | c), and so for each weight, which stays unbiased
    elbo             sum_c q_c (log pi_c + elbo_c - log q_c),  q_c ~ pi_c exp(elbo_c)

The last is a bound for any q that does not depend on the draws of the elbo beside it, by Jensen: one half
of the draws gives q, the other half the bound.

The error of a mean of draws is found from the differences of neighbours, which is right for independent
draws, and for draws that are spread evenly on purpose, as those of a diffusion's time: what changes
slowly from one draw to the next is then no error.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ...core import Classes, HasLogProb, Model, Reals, Refused, RowDraws, promise, score_draws
from ...data.meaning import Meaning
from ...data.tables.columns import Columns
from ...data.tables.loose import Loose
from ...functional.densities.estimates import log_mean_exp

DRAWS = 16
MEANS = {
    "exact": "log p, exact",
    "weight": "importance-weighted bound of log p",
    "bound": "lower bound of log p",
    "energy": "energy, which lacks a constant: low where rows are likely",
}


class Scored(NamedTuple):
    """Scores of rows.

    Args:
        value: (n,), float64, nats; the higher, the likelier.
        error: standard error of each, (n,); None of what is exact.
    """

    value: Tensor
    error: Tensor | None


class Loosened(Model):
    """A model of the looser view of a table, as one that scores its rows: by draws of a bound.

    Args:
        inner: model of real numbers.
        columns: what the columns of the table are.
    """

    def __init__(self, inner: Model, columns: Columns):
        super().__init__()
        self.inner, self.loose = inner, Loose(columns)
        self.space, self.context_space = columns.space, inner.context_space

    def promises(self) -> set[str]:
        weighed = {"log_prob", "log_weight"} & self.inner.promises()
        return {"log_weight"} if weighed else {"elbo"} & self.inner.promises()

    def log_weight(self, x: Tensor, *context: Tensor) -> Tensor:
        """One draw of what is the probability of the row in expectation, as its logarithm, (n,)."""
        exact = promise(self.inner, HasLogProb) is not None
        return self._score("log_prob" if exact else "log_weight", x, *context)

    def elbo(self, x: Tensor, *context: Tensor) -> Tensor:
        """A lower bound of the log probability of the row in expectation, from one draw, (n,)."""
        return self._score("elbo", x, *context)

    def _score(self, name: str, x: Tensor, *context: Tensor) -> Tensor:
        z = self.loose.draw(x.cpu())
        score = getattr(self.inner, name)(z.to(x.device), *context)
        return score.double() + self.loose.log_jacobian(z).to(score.device)


class Scorer:
    """Scores rows as a run has read them.

    Args:
        model: model that scores.
        meaning: what the run keeps of its data.
        draws: number of draws of a random score, for each row.
        seed: random seed.
        labels: whether rows come with their labels; otherwise their classes are mixed.

    Raises:
        Refused: the model has no score, or takes no labels.
    """

    def __init__(
        self,
        model: Model,
        meaning: Meaning,
        draws: int = DRAWS,
        seed: int = 0,
        labels: bool = False,
    ):
        if meaning.loose and meaning.columns is not None:
            model = Loosened(model, meaning.columns)
        self.model, self.meaning, self.draws, self.seed = model, meaning, draws, seed
        self.classes = isinstance(model.context_space, Classes) and bool(meaning.shares)
        self.mixed = self.classes and not labels
        if labels and not self.classes:
            raise Refused(f"score: {type(model).__name__} takes no labels; leave them out")
        space = model.context_space
        kind = torch.float32 if isinstance(space, Reals) else torch.int64
        none = None if space is None else torch.zeros(0, *space.shape, dtype=kind)
        first = score_draws(model, torch.zeros(0, *model.space.shape), none, draws=draws)
        self.kind, self.name = first.kind, first.name

    @property
    def random(self) -> bool:
        """Whether scores are estimates."""
        return self.kind in ("weight", "bound")

    @property
    def settings(self) -> str:
        """All but the seed that scores depend on, beside the weights."""
        how = f"{self.kind}, {self.draws} draws" if self.random else self.kind
        return f"{how}, labelled" if self.classes and not self.mixed else how

    @property
    def how(self) -> str:
        """What the scores are, in words."""
        name = "estimate of log p" if (self.kind, self.name) == ("weight", "log_p") else ""
        parts = [f"{self.name}: {name or MEANS[self.kind]}, in nats"]
        parts += [f"{self.draws} draws for each row"] if self.random else []
        if self.classes:
            mixed = "mixed over the classes by their training shares"
            parts.append(mixed if self.mixed else "given the labels")
        return "; ".join(parts)

    def __call__(self, x: Tensor, context: Tensor | None = None) -> Scored:
        """The scores of rows, (n, *space.shape), with their contexts, (n, ...)."""
        found = self._mixed(x) if self.mixed else self._drawn(x, context)
        value, error = found.value, errors(found)
        if self.meaning.columns is not None and not self.meaning.loose:
            value = value + self.meaning.columns.log_jacobian(x)
        return Scored(value, error)

    def _drawn(self, x: Tensor, context: Tensor | None) -> RowDraws:
        return score_draws(self.model, x, context, draws=self.draws, seed=self.seed)

    def _mixed(self, x: Tensor) -> RowDraws:
        shares = torch.tensor(self.meaning.shares, dtype=torch.float64)
        classes = shares.nonzero()[:, 0]
        log_share = shares[classes].log()
        each = [self._drawn(x, torch.full((len(x),), c)) for c in classes.tolist()]
        draws = torch.stack([one.draws for one in each], 1)  # (n, classes, draws)
        if self.kind != "bound":
            return each[0]._replace(draws=(log_share[:, None] + draws).logsumexp(1))
        half = draws.shape[2] // 2
        guess = draws[:, :, :half].mean(2) if half else torch.zeros(len(x), len(classes))
        q = (log_share + guess).softmax(1)
        bound = (q[:, :, None] * (log_share[:, None] + draws[:, :, half:])).sum(1)
        return each[0]._replace(draws=bound + torch.special.entr(q).sum(1)[:, None])


def errors(found: RowDraws) -> Tensor | None:
    """The standard error of each row's score, (n,); None of what is exact, nan of a single draw."""
    draws = found.draws
    if found.kind in ("exact", "energy"):
        return None
    if draws.shape[1] < 2:
        return torch.full_like(found.value, math.nan)
    if found.kind == "weight":
        return torch.tensor([log_mean_exp(row)[1] for row in draws], dtype=torch.float64)
    return (draws.diff(dim=1).square().mean(1) / (2 * draws.shape[1])).sqrt()
