"""Rows of any table: MixedMADE, beside a normal distribution and mixtures of a few.

Widths follow the number of rows. Training ends when rows that are left out become no likelier, and the
weights that were best for them are kept. The simpler models are fitted first: where one of them is as
good, the run says so. Where columns are given, all of these are models of the others given those.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ...autoregressive import MixedMADE
from ...core import Bits, GenerativeModel, Model, Reals, Records
from ...data import Data, Split
from ...data.tables.rows import LooseRows
from ...density import Gaussian, GaussianMixture
from ...density.gaussian import Covariance
from ...train import Batches, Run
from ...train.schedules import cosine, warmed
from .._fitted import dropout_for, fitted, loaded

RUN = Run(rounds=20_000, batch=256, lr=1e-3, clip=5.0, ema=0.98, evaluate_every=50, patience=12)
ENOUGH = 20_000  # rows of which the start and the simpler models are made
UNSEEN = 5_000  # rows of the validation split that are scored
DRAWS = 16  # of the noise by which a density becomes a bound, for the simpler models
MIXTURES = (2, 4, 8)  # components of the mixtures
LEAST = 1e-3  # variance of a mixture in any direction, of columns of variance 1
LARGE = 64  # numbers of a row above which mixtures have no full covariances
STEPS = 50  # of a mixture
CLEARLY = 0.02  # nats a column by which a model is clearly better


def rows(
    data: str = "wine",
    hidden: tuple[int, ...] | None = None,
    components: int = 3,
    dropout: float | None = None,
    decay: float = 0.5,
    run: Run = RUN,
) -> Model:
    """Rows of any table; target: no worse than a normal distribution, a mixture or single columns.

    Args:
        data: name or path of a table, of which columns may be given.
        hidden: widths of the hidden layers; by default two that follow the number of rows.
        components: logistics in the mixture of a number.
        dropout: share of hidden units set to zero in a round, in [0, 1); by default the less the more
            rows there are, from 0.5 down.
        decay: weight decay of AdamW.
        run: length, folder and device of the run; by default it ends when it becomes no better.
    """
    source, space = loaded("rows", data, run, Records, Reals, Bits, axes="k", given=True)
    many = len(source.train)
    width = min(512, max(64, 8 * round(math.sqrt(many) / 4)))
    share = dropout_for(source) if dropout is None else dropout
    model = MixedMADE(space, hidden or (width, width), components, share, source.context_space)
    model.prepare(*source.train.first(ENOUGH))
    judge = Beside(source, simpler(source))
    optimizers = partial(_adamw, model, run.lr, decay)
    return fitted(model, source, run, optimizers, schedule=warmed(cosine, 0.01), evaluate=judge)


def _adamw(
    model: MixedMADE, lr: float, decay: float, name: str, parameters: list[nn.Parameter]
) -> Optimizer:
    """AdamW of all but the regressions that the model begins with, which stay as they are."""
    begun = {id(p) for p in model.direct.parameters()}
    learning = [p for p in parameters if id(p) not in begun]
    return torch.optim.AdamW(learning, lr=lr, weight_decay=decay, fused=True)


@dataclass(frozen=True)
class Rival:
    """A simpler model, and the nats of unseen rows under it."""

    name: str
    nats: float


class Beside:
    """The figures of a run: nats of unseen rows, in the units of the table, beside simpler models.

    Args:
        source: table.
        simple: simpler models.
    """

    def __init__(self, source: Data, simple: Sequence[Rival]):
        self.split, self.simple = source.validation, simple
        self.columns = source.space.dims

    @torch.no_grad()
    def __call__(self, model: Model) -> Mapping[str, float]:
        x, *context = (part.to(_place(model)) for part in self.split.first(UNSEEN))
        log_p = model.log_prob(x, *context).double().cpu()
        nats = -(log_p + self.split.log_jacobian(x)).mean().item()
        return {"nats": nats} | {one.name: one.nats for one in self.simple}

    def examine(self, model: Model, data: Batches) -> Mapping[str, float]:
        return {}

    def verdict(self, lines: Sequence[Mapping[str, Any]]) -> str:
        """Which model is better, after a run."""
        found = [line["nats"] for line in lines if "nats" in line]
        if not found or not self.simple:
            return ""
        own, best = min(found), min(self.simple, key=lambda one: one.nats)
        gap = (best.nats - own) / self.columns
        told = f"{own:.2f} nats on unseen rows; {best.name.replace('_', ' ')}: {best.nats:.2f}"
        if gap < -CLEARLY:
            return f"{told}: the simpler model is better for these rows"
        return f"{told}: " + ("this model is better" if gap > CLEARLY else "both are as good")


def simpler(source: Data) -> list[Rival]:
    """A normal distribution and the best of some mixtures, fitted to the training rows.

    Of columns and others that are given they are the joint distribution, which gives that of the former
    given the latter.
    """
    loose = source.loosened()
    x, *context = loose.train.first(ENOUGH)
    if isinstance(loose.train, LooseRows):  # several draws of a small table
        copies = range(min(max(1, ENOUGH // 2 // len(x)), DRAWS))
        context = [part.repeat(len(copies), 1) for part in context]
        x = torch.cat([loose.train.drawn(i, ENOUGH) for i in copies])
    train = torch.cat([*context, x], 1)
    space = Reals((train.shape[1],))
    kind = "full" if space.dims <= LARGE else "diagonal"
    floor = LEAST if context else 1e-6
    gaussian = _settled(Gaussian(space, kind, floor), train)
    found = [Rival("gaussian", _nats(gaussian, loose.validation))]
    mixtures = [
        _nats(_settled(GaussianMixture(space, count, kind, LEAST), train), loose.validation)
        for count in MIXTURES
        if len(source.train) > 10 * count
    ]
    return [*found, *([Rival("mixture", min(mixtures))] if mixtures else [])]


def _settled(model: Any, x: Tensor) -> GenerativeModel:
    for step, _ in enumerate(model.fit(x)):
        if step >= STEPS:
            break
    return model


@torch.no_grad()
def _nats(model: Any, split: Split) -> float:
    """The nats of a split under a density of its looser view; the bound is that of some draws."""
    x, *context = split.first(UNSEEN)
    draws = [x]
    if isinstance(split, LooseRows):
        draws = [split.drawn(i, UNSEEN) for i in range(DRAWS)]
    each = torch.stack(
        [
            model.log_prob(torch.cat([*context, z], 1)).double() + split.log_jacobian(z)
            for z in draws
        ]
    )
    if context:
        each = each - _of_first(model, context[0].shape[1]).log_prob(context[0]).double()
    return -(each.logsumexp(0) - math.log(len(draws))).mean().item()


def _of_first(model: Any, k: int) -> Any:
    """The distribution of the first k of the features of a normal distribution, or of a mixture."""
    space, names = Reals((k,)), ("mean", "scale")
    if isinstance(model, GaussianMixture):
        part, names = (
            GaussianMixture(space, model.components, cast(Covariance, model.covariance)),
            ("means", "scales"),
        )
        part.logits.copy_(model.logits)
    else:
        part = Gaussian(space, cast(Covariance, model.covariance))
    for name in names:
        own = getattr(part, name)
        own.copy_(getattr(model, name)[tuple(slice(side) for side in own.shape)])
    return part


def _place(model: Model) -> torch.device:
    return next(model.parameters()).device
