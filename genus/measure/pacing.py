"""Pacing: how much of a measurement fits into a time, from trials on its first rows.

A trial does a little of the work, then eight times as much, as long as that costs little; what it finds
is the time of one row, of one sample, of one step. Where all of the work does not fit, it is cut to round
numbers, so that a figure can be measured again by naming them. The parts of
a measurement share its time: a part that needs less than its share keeps all its work, and leaves
the rest to the others.

    likelihood    first fewer rows, down to ENOUGH; then fewer draws of each; then fewer rows again.
                  Annealed importance sampling: fewer steps
    samples       fewer of them
    judging       fewer training rows
"""

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple, Protocol

import torch

from ..core import (
    HasAnnealedLogProb,
    HasAnnealingPath,
    HasConditionals,
    HasElbo,
    HasLogProb,
    HasLogWeight,
    HasUnnormalisedLogWeight,
    Model,
    Space,
    promise,
)
from ..data import Data
from ..data.images.stacked import Stacked
from .likelihood.annealing import log_z
from .likelihood.likelihood import Batch, Effort, own_path
from .likelihood.samplebound import sample_bound
from .rows import Chosen, on, sampled
from .samples.stacked import SAMPLES as STACKED

ENOUGH = 1000  # rows whose mean is exact enough to save draws first
LEAST = 20  # rows
SAMPLES = 100  # at least, for figures of samples
WHOLE = 1000  # samples, if their number is not given
BASE = 5000  # training rows whose rates begin annealed importance sampling
TRIALS = 20.0  # seconds, of which a tenth is a trial's, where an evaluation has no limit
FEWEST = Effort(draws=1, importance=5, betas=100)  # below this an estimate says too little
GROWTH = 8  # of a trial
SAFE = 0.8  # of the time, for a trial is no promise
TELLING = 64  # units whose time says what a unit costs
FIRST = 500  # rows on which a trial can be made
ROUND = (1, 1.5, 2, 3, 4, 5, 6, 8)
STEPS = 3  # of the shortest annealing path


class Pace(NamedTuple):
    """What a trial found: seconds of one unit of the work, and of all of it."""

    each: float
    whole: float


def trial(
    work: Callable[[int], object],
    most: int,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> Pace:
    """The pace of some work, from its first units; random streams stay as they were.

    The first unit is done twice, for the first call of a network also prepares it.

    Args:
        work: function that does so many units of it.
        most: all units.
        seconds: time that the trial may take, except for its first unit.
        clock: function that returns the time in seconds.
    """
    n, spent, known = 1, 0.0, list[tuple[int, float]]()
    with torch.random.fork_rng():
        while True:
            begun = clock()
            work(n)
            took = clock() - begun
            spent += took
            whole = took + _slope(known, n, took) * (most - n)
            growth = max(1.0, 2 * took / known[-1][1]) if len(known) > 1 else GROWTH / 2
            known.append((n, max(took, 1e-9)))
            enough = n >= min(TELLING, most) and whole <= seconds
            if n == most or enough or spent + min(growth, GROWTH) * took > seconds:
                return Pace(whole / most, whole)
            n = min(GROWTH * n, most) if len(known) > 1 else 1


def _slope(known: list[tuple[int, float]], n: int, took: float) -> float:
    """Seconds of one unit more: a call costs something of its own, whatever it is called for."""
    if n == 1:
        return took
    before, other = known[-1]
    return max((took - other) / (n - before), took / (GROWTH * n))


def shared(costs: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Seconds of each part: all that it costs if that is less than its share of what is left."""
    given: dict[str, float] = {}
    for name, cost in sorted(costs.items(), key=lambda item: item[1]):
        given[name] = min(cost, max(0.0, seconds) / (len(costs) - len(given)))
        seconds -= given[name]
    return given


def rounded(count: float, most: int, least: int = 1) -> int:
    """A round number that is not above a count, or `most` if that is reached; not below `least`."""
    if count >= most:
        return most
    unit = 10 ** math.floor(math.log10(max(count, 1)))
    found = max((int(unit * digit) for digit in ROUND if unit * digit <= count), default=1)
    return min(most, max(least, found))


class Cost(NamedTuple):
    """The cost of a likelihood: seconds of a row in one pass, or of one annealing step."""

    each: float
    unit: str  # "rows", or "betas"


class Plan(NamedTuple):
    """How much of an evaluation is done.

    Args:
        rows: number of test rows.
        train: number of training rows that are compared.
        samples: number of samples.
        effort: effort of estimated likelihoods.
        costs: expected seconds of each part.
    """

    rows: int
    train: int
    samples: int
    effort: Effort
    costs: Mapping[str, float]

    @property
    def seconds(self) -> float:
        """Expected seconds of all parts."""
        return sum(self.costs.values())

    def work(self, model: Model, scoring: Cost | None) -> int:
        """The units of the likelihood: rows in all passes, or annealing steps up and down."""
        if scoring is not None and scoring.unit == "betas":
            return 2 * self.effort.betas
        return self.rows * max(1, passes(model, self.effort))

    def fewer_than(self, whole: "Plan") -> list[str]:
        """What is left out, in words."""
        pairs = [
            ("test rows", self.rows, whole.rows),
            ("training rows", self.train, whole.train),
            ("samples", self.samples, whole.samples),
            ("importance weights", self.effort.importance, whole.effort.importance),
            ("draws of the bound", self.effort.draws, whole.effort.draws),
            ("annealing steps", self.effort.betas, whole.effort.betas),
        ]
        return [f"{own:,} of {all_:,} {what}" for what, own, all_ in pairs if own < all_]


class Asked(NamedTuple):
    """What an evaluation was asked for: numbers that were given stay as they are."""

    rows: int | None
    samples: int | None
    effort: Effort
    seconds: float | None


class Sees(Protocol):
    """Judges samples by what it sees in rows, of at most so many training rows."""

    @property
    def most(self) -> int | None: ...

    def see(self, x: torch.Tensor, space: Space) -> object: ...


class Witness(Protocol):
    """Is told how an evaluation goes: `genus evaluate` prints it."""

    def plans(self, plan: Plan, whole: Plan) -> None:
        """What will be done, and what all of it would be."""

    def begins(self, part: str) -> None:
        """The part that begins: a key of the plan's costs."""


def planned(
    model: Model,
    data: Data,
    test: Chosen,
    judge: Sees | None,
    asked: Asked,
    witness: Witness | None,
) -> Plan:
    """How much is done: all that was asked for, or as much as fits into the time."""
    rows = min(asked.rows or len(test), len(test))
    train = 0 if judge is None else min(len(data.train), judge.most or len(data.train))
    whole = Plan(rows, train, asked.samples or WHOLE, asked.effort, {})
    if asked.seconds is None and witness is None:
        return whole
    space = (asked.seconds or TRIALS) / 10
    costs: dict[str, float] = {}
    base = on(model, data.train.batch(0, min(BASE, len(data.train)), 0))[0]
    order = test.shuffled(len(test)).first(FIRST)
    scoring = likelihood_cost(model, order, base, asked.effort, space)
    if scoring is not None:
        costs["likelihood"] = scoring.each * whole.work(model, scoring)
    contexts = tuple(order[1:])
    n = whole.samples
    drawing = trial(
        lambda k: sampled(model, k, tuple(c[:k] for c in contexts)), min(n, FIRST), space
    )
    costs["samples"] = drawing.each * n
    if isinstance(data.test, Stacked) and data.context_space is None:
        costs["modes"] = drawing.each * of_stacked(n, asked)
    if judge is not None:
        seeing = trial(lambda k: judge.see(order[0][:k], data.space), min(rows, FIRST), space)
        costs["judging"] = seeing.each * (rows + train + n)
    whole = whole._replace(costs=costs)
    plan = whole if asked.seconds is None else within(model, whole, scoring, asked)
    if witness is not None:
        witness.plans(plan, whole)
    return plan


def of_stacked(samples: int, asked: Asked) -> int:
    """The number of samples of stacked digits: 26,000, unless time or a wish are below it."""
    if asked.seconds is not None and samples < (asked.samples or WHOLE):
        return STACKED * samples // WHOLE
    return max(samples, STACKED)


def within(model: Model, whole: Plan, scoring: Cost | None, asked: Asked) -> Plan:
    """The part of a plan that fits into the time."""
    given = shared(whole.costs, SAFE * (asked.seconds or 0.0))
    part = {name: given[name] / max(cost, 1e-12) for name, cost in whole.costs.items()}
    rows, effort = whole.rows, whole.effort
    if scoring is not None and part["likelihood"] < 1:
        fixed = asked.rows is not None
        rows, effort = cut(model, rows, effort, scoring, given["likelihood"], fixed)
    samples, train = whole.samples, whole.train
    if asked.samples is None:
        least = min(part["samples"], part.get("modes", 1))
        samples = rounded(samples * least, samples, min(samples, SAMPLES))
    if part.get("judging", 1) < 1:
        train = rounded(train * part["judging"], train, min(train, ENOUGH))
        if asked.rows is None:
            rows = min(rows, rounded(rows * part["judging"], rows, min(rows, ENOUGH)))
    plan = Plan(rows, train, samples, effort, {})
    shares = {
        "likelihood": plan.work(model, scoring) / whole.work(model, scoring),
        "samples": samples / whole.samples,
        "modes": samples / whole.samples,
        "judging": (rows + train + samples) / (whole.rows + whole.train + whole.samples),
    }
    return plan._replace(costs={name: cost * shares[name] for name, cost in whole.costs.items()})


# --- likelihoods ------------------------------------------------------------------------------


def likelihood_cost(
    model: Model, batch: Batch, base: torch.Tensor, effort: Effort, seconds: float
) -> Cost | None:
    """What one row in one pass, or one annealing step, costs; None if the model has no likelihood.

    Args:
        batch: rows to score.
        base: rows whose rates begin an annealing path.
        effort: effort of annealed importance sampling.
        seconds: time for the trial.
    """
    scores = {"log_prob": HasLogProb, "log_weight": HasLogWeight, "elbo": HasElbo}
    name = next((name for name, kind in scores.items() if promise(model, kind)), None)
    score = None if name is None else getattr(model, name)
    if name is None and (annealed := promise(model, HasAnnealedLogProb)):
        score = partial(annealed.annealed_log_prob, **own_path(effort))
    if score is not None:
        pace = trial(lambda n: score(*(x[:n] for x in batch)), min(len(batch[0]), FIRST), seconds)
        return Cost(pace.each, "rows")
    climbing = promise(model, HasAnnealingPath) or promise(model, HasUnnormalisedLogWeight)
    if climbing:
        path = climbing.annealing_path(base)
        pace = trial(lambda n: log_z(path, n + STEPS - 1, effort.chains), 1000, seconds)
        return Cost(pace.each, "betas")
    if drawing := promise(model, HasConditionals):
        pace = trial(lambda n: sample_bound(drawing, batch[0], n), 1000, seconds)
        return Cost(pace.each, "betas")
    return None


def passes(model: Model, effort: Effort) -> int:
    """How many times each row is scored."""
    if promise(model, HasLogProb) or promise(model, HasAnnealedLogProb):
        return 1
    bounded, weighted = promise(model, HasElbo), promise(model, HasLogWeight)
    count = effort.draws if bounded else 0
    return count + (effort.importance if weighted and (effort.importance > 1 or not bounded) else 0)


def cut(
    model: Model, rows: int, effort: Effort, cost: Cost, seconds: float, fixed: bool = False
) -> tuple[int, Effort]:
    """The number of rows and the effort of a likelihood that fit into the time.

    Args:
        rows: all rows.
        effort: largest effort.
        cost: cost of a row or of a step.
        seconds: time for all of it.
        fixed: whether the number of rows must stay as it is.
    """
    if cost.unit == "betas":  # up and down the path
        steps = rounded(seconds / (2 * cost.each), effort.betas, min(FEWEST.betas, effort.betas))
        fewer = effort._replace(betas=steps)
        if promise(model, HasUnnormalisedLogWeight):
            draws = max(1, round(effort.importance * steps / effort.betas))
            fewer = fewer._replace(importance=draws)
        return rows, fewer
    affordable = seconds / (cost.each * passes(model, effort))
    if affordable >= rows:
        return rows, effort
    least = rows if fixed else min(rows, ENOUGH)
    if affordable >= least:
        return rounded(affordable, rows, min(LEAST, rows)), effort
    share = affordable / least
    fewer = effort
    if not promise(model, HasLogProb) and promise(model, HasElbo):
        fewer = fewer._replace(draws=rounded(effort.draws * share, effort.draws, FEWEST.draws))
    if not promise(model, HasLogProb) and promise(model, HasLogWeight):
        k, least_k = effort.importance, min(FEWEST.importance, effort.importance)
        fewer = fewer._replace(importance=rounded(k * share, k, least_k))
    affordable = seconds / (cost.each * passes(model, fewer))
    return (rows if fixed else rounded(affordable, least, min(LEAST, rows))), fewer
