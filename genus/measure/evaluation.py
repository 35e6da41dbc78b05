"""evaluate: all figures of a model on a data set, by the model's promises and the space of x.

    log_prob, log_weight, elbo, annealing_path,
    annealed_log_prob, unnormalised_log_weight,
    conditionals                                   negative log-likelihood of the test rows
    the truth is known (toys)              how far the model is from it
    an oracle or extractor sees such x     fidelity, coverage, memorisation, beside real rows' own
    rows of a table                        marginals, correlations, copies
    separate bumps (toys)                  which of them are found
    stacked digits                         which of the thousand modes are found
    clouds of points                       mmd, coverage and one_nn of 100 of them
    graphs                                 distances by degrees, clustering and orbits
    other vectors                          energy distance, beside real rows' own
    some samples are not finite            their share, and nothing else of samples
    always                                 parameters and speed

All noise comes from one seed, so a figure can be reproduced.
"""

import warnings
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .._version import __version__
from ..core import (
    Classes,
    GenerativeModel,
    Graphs,
    Model,
    Reals,
    Refused,
    Space,
    Strokes,
    Tokens,
    at_least,
)
from ..data import Data
from ..data.images.stacked import Stacked
from ..data.own import Given, test_rows
from ..data.sources import Note
from ..functional.densities.estimates import mean_error
from ..train import Batches
from .extractors.pictures import Extractor
from .figures import Figure, Figures
from .judges import ByOracle, BySight, judge_of
from .likelihood.likelihood import (
    THOROUGH,
    Effort,
    in_own_units,
    likelihood_figures,
    likelihoods,
    truth_figure,
)
from .oracles import ROWS as SEEN
from .oracles import Oracle
from .pacing import BASE, Asked, Plan, Witness, of_stacked, planned
from .rows import Chosen, judging, on, sampled
from .samples.stacked import channel_oracle, stacked_figures
from .samples.toys import mode_figures
from .samples.vectors import vector_figures
from .speed import cost_figures, timed
from .structure.graphs import graph_figures
from .structure.points import point_figures

OF_TRAINING = ("memorisation", "copies")  # figures that compare samples with training rows


def evaluate(
    model: Model,
    data: Data | Batches | Given,
    *,
    seed: int = 0,
    samples: int | None = None,
    rows: int | None = None,
    neighbours: int = 5,
    effort: Effort = THOROUGH,
    oracle: Oracle | None = None,
    extractor: Extractor | None = None,
    minutes: float | None = None,
    witness: Witness | None = None,
) -> Figures:
    """Measures a model on the test split; its mode and the random streams stay as they were.

    Args:
        model: model to measure.
        data: data set whose test split is scored; its training split gives floors and shows copies.
            Or test rows of any kind that `fit` takes, and figures that need training rows are left
            out, which a warning says.
        seed: random seed of all noise.
        samples: number of samples, by default 1,000; of stacked digits, 26,000 if that is more.
        rows: number of test rows, the first in a fixed random order; by default all.
        neighbours: neighbour that bounds a ball, for precision, recall, density and coverage.
        effort: effort of estimated likelihoods.
        oracle: oracle that judges the samples; by default the one that ships for the data, if any.
        extractor: extractor that judges pictures instead; by default the one that ships, where there
            is no oracle.
        minutes: time in which to stay, about, by fewer rows, draws and samples where their number
            was not given; the protocols say how many. By default everything is measured.
        witness: object that is told how it goes.

    Raises:
        Refused: the model or the oracle does not fit the data.
    """
    alone = not isinstance(data, Data)
    data = test_rows(data, model, "evaluate") if alone else data
    _match(model, data)
    at_least(1, "evaluate", rows=rows, samples=samples)
    at_least(0, "evaluate", minutes=minutes)
    judge = judge_of(data, oracle, extractor)
    labels = isinstance(data.context_space, Classes)
    with judging(model, seed):
        test = Chosen(data.test, model=model)
        asked = Asked(rows, samples, effort, 60 * minutes if minutes else None)
        plan = planned(model, data, test, judge, asked, witness)
        if plan.rows < len(test):
            test = test.shuffled(plan.rows)
        protocol = {**protocol_of(data, seed), "rows": len(test)}
        begins = witness.begins if witness else _silent
        begins("likelihood")
        figures = _likelihood(model, data, test, protocol, plan.effort)
        begins("samples")
        conditional = data.context_space is not None
        true, *context = test.shuffled(plan.samples if conditional else 1).whole()
        fake, seconds = timed(lambda: sampled(model, plan.samples, tuple(context), seed))
        sound = torch.cat(
            [part.isfinite().reshape(len(part), -1).all(1) for part in fake.split(SEEN)]
        )
        if sound.all():
            if judge is not None:
                begins("judging")
                given = context[0] if context else None
                figures += judge.figures(data, fake, given, protocol, neighbours, plan)
            figures += _of_structure(data, fake, test, judge, plan, protocol)
        else:
            figures.append(_finite(sound, protocol))
        if not conditional:
            begins("modes")
            figures += _thousand(
                model, data, of_stacked(plan.samples, asked), seed, oracle, protocol
            )
        if context and not labels:
            figures += _pairs_figures(fake, true, data.space, protocol)
    if alone:
        figures = untrained(figures)
    return Figures(figures + cost_figures(model, plan.samples, seconds, protocol))


def _of_structure(
    data: Data,
    fake: Tensor,
    test: Chosen,
    judge: ByOracle | BySight | None,
    plan: Plan,
    protocol: dict[str, Any],
) -> list[Figure]:
    """Figures of samples that the space or the truth of the data has, whoever else judges them."""
    figures: list[Figure] = []
    if data.modes is not None:
        figures += mode_figures(fake.cpu(), test.whole()[0].cpu(), *data.modes, protocol)
    if of_points(data.space):
        train = data.train.everything()[0]
        figures += point_figures(fake.cpu(), train, test.whole()[0].cpu(), protocol)
    if isinstance(data.space, Graphs):
        train = data.train.everything()[0]
        figures += graph_figures(fake.cpu(), train, test.whole()[0].cpu(), protocol)
    if not isinstance(judge, ByOracle) and data.truth is None and of_vectors(data.space):
        real = (
            Chosen(split).shuffled(n).whole()[0]
            for split, n in ((data.train, len(data.train)), (data.test, plan.rows))
        )
        figures += vector_figures(fake.cpu(), *real, protocol)
    return figures


def _finite(sound: Tensor, protocol: dict[str, Any]) -> Figure:
    """The share of samples that are finite numbers: if it is below one, nothing else is said of them."""
    mean, error = mean_error(sound.cpu().double())
    known = {**protocol, "samples": len(sound)}
    how = {"better": "higher", "estimator": {"name": "samples"}}
    return Figure("finite", mean, "share", known, "~", error, **how)


def untrained(figures: list[Figure]) -> list[Figure]:
    """Figures of test rows that were taken for training rows, too, without what these say."""
    left = [figure for figure in figures if figure.name not in OF_TRAINING]
    floors = any(figure.floor is not None for figure in left)
    if out := [*(f.name for f in figures if f.name in OF_TRAINING), *["floors"] * floors]:
        warnings.warn(
            f"evaluate: these are test rows alone, so {' and '.join(out)} are left out, which need "
            f"training rows; genus.data.Data holds both",
            Note,
            stacklevel=3,
        )
    known = [
        {k: v for k, v in f.protocol.items() if k not in ("train", "floor_rows")} for f in left
    ]
    return [
        replace(f, protocol=how, floor=None, better=None if f.better == "floor" else f.better)
        for f, how in zip(left, known, strict=True)
    ]


def _silent(part: str) -> None:
    """Tells nobody."""


def real_floor(
    data: Data,
    *,
    seed: int = 0,
    samples: int = 1000,
    neighbours: int = 5,
    oracle: Oracle | None = None,
    extractor: Extractor | None = None,
) -> list[Figure]:
    """The figures of real rows in the place of samples, for a report; empty without a judge.

    Args:
        data, seed, samples, neighbours, oracle, extractor: arguments as in `evaluate`, for
            comparable figures.
    """
    judge = judge_of(data, oracle, extractor)
    if judge is None:
        return []
    stand_in = data.train.first(samples)[0]  # of the figures only the floors are used
    plan = Plan(len(data.test), len(data.train), samples, THOROUGH, {})
    figures = judge.figures(data, stand_in, None, protocol_of(data, seed), neighbours, plan)
    return [replace(f, value=f.floor, error=None) for f in figures if f.floor is not None]


def _likelihood(
    model: Model, data: Data, test: Chosen, protocol: dict[str, Any], effort: Effort
) -> list[Figure]:
    base = on(model, data.train.batch(0, min(BASE, len(data.train)), 0))[0]
    found = likelihoods(model, test, base, effort)
    if data.columns is not None:
        own = data.test.log_jacobian(test.whole()[0].cpu())
        found = in_own_units(found, own, data.test.bound)
    figures = likelihood_figures(found, model.space, protocol)
    if found and data.truth is not None and data.context_space is None:
        log_truth = data.log_prob(test.whole()[0].cpu())
        figures[0] = replace(figures[0], floor=-log_truth.mean().item())
        figures.append(truth_figure(found[0], log_truth, protocol))
    return figures


def _thousand(
    model: Model,
    data: Data,
    samples: int,
    seed: int,
    oracle: Oracle | None,
    protocol: dict[str, Any],
) -> list[Figure]:
    """Figures of stacked digits, if there is an oracle for one of their channels."""
    train, test = data.train, data.test
    if not isinstance(train, Stacked) or not isinstance(test, Stacked):
        return []
    judge = oracle or channel_oracle(test)
    if judge is None:
        return []
    return stacked_figures(judge, sampled(model, samples, seed=seed).cpu(), train, test, protocol)


def _pairs_figures(
    fake: Tensor, true: Tensor, space: Space, protocol: dict[str, Any]
) -> list[Figure]:
    """Figures of the samples for contexts, compared with the true rows.

    The mean absolute difference; of tokens and labels, the share of rows that are right throughout.
    Neither is meaningful for drawings.
    """
    known = {**protocol, "samples": len(fake)}
    if isinstance(space, Strokes):
        return []
    if isinstance(space, Tokens | Classes):
        mean, error = mean_error((fake == true).reshape(len(fake), -1).all(1).cpu().double())
        how = {"better": "higher", "estimator": {"name": "samples"}}
        return [Figure("right", mean, "share", known, "~", error, **how)]
    mean, error = mean_error((fake - true).abs().flatten(1).mean(1).cpu().double())
    how = {"better": "lower", "estimator": {"name": "samples"}}
    return [Figure("l1", mean, "", known, "~", error, **how)]


def of_points(space: Space) -> bool:
    """Whether one x is a cloud of points in space."""
    return isinstance(space, Reals) and len(space.shape) == 2 and space.shape[1] == 3


def of_vectors(space: Space) -> bool:
    """Whether one x is a vector of real numbers."""
    return isinstance(space, Reals) and len(space.shape) == 1


def protocol_of(data: Data, seed: int) -> dict[str, Any]:
    """The part of every protocol that describes the data."""
    return {
        "data": data.name,
        "split": "test",
        "fingerprint": data.test.fingerprint[:16],
        "rows": len(data.test),
        "space": repr(data.space),
        "context": None if data.context_space is None else repr(data.context_space),
        "seed": seed,
        "genus": __version__,
    }


def _match(model: Model, data: Data) -> None:
    name = type(model).__name__
    if not isinstance(model, GenerativeModel):
        raise Refused(f"evaluate: {name} cannot sample; a generative model is wanted")
    wanted = model.context_space
    if model.space != data.space:
        raise Refused(
            f"evaluate: {name} is made for {model.space}, the data are {data.space}; take the view "
            f"of the data that it was trained on"
        )
    if wanted != data.context_space:
        raise Refused(
            f"evaluate: {name} takes {wanted} as context, the data give {data.context_space}; take "
            f"the view of the data that it was trained on"
        )
