"""evaluate: all figures of a model on a data set, by the model's promises and the space of x.

    log_prob, log_weight, elbo, annealing_path     negative log-likelihood of the test rows
    the truth is known (toys)              how far the model is from it
    an oracle sees such x                  fidelity, coverage, memorisation, beside real rows' own
    separate bumps (toys)                  which of them are found
    stacked digits                         which of the thousand modes are found
    clouds of points                       mmd, coverage and one_nn of 100 of them
    graphs                                 distances by degrees, clustering and orbits
    other vectors                          energy distance, beside real rows' own
    always                                 parameters and speed

All noise comes from one seed, so a figure can be reproduced.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
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
    sample,
)
from ..data import Data
from ..data.images.stacked import Stacked
from ..functional.densities.estimates import mean_error
from .figures import Figure
from .likelihood.likelihood import (
    THOROUGH,
    Batch,
    Effort,
    likelihood_figures,
    likelihoods,
    truth_figure,
)
from .oracles import Oracle, oracle_for
from .samples.samples import sample_figures
from .samples.stacked import SAMPLES as STACKED
from .samples.stacked import channel_oracle, stacked_figures
from .samples.toys import mode_figures
from .samples.vectors import vector_figures
from .speed import cost_figures, timed
from .structure.graphs import graph_figures
from .structure.points import point_figures

BASE = 5000  # training rows whose rates begin annealed importance sampling


def evaluate(
    model: Model,
    data: Data,
    *,
    seed: int = 0,
    samples: int = 1000,
    neighbours: int = 5,
    effort: Effort = THOROUGH,
    oracle: Oracle | None = None,
) -> list[Figure]:
    """Measures a model on the test split; its mode and the random streams stay as they were.

    Args:
        model: model to measure.
        data: data set whose test split is scored; its training split gives floors and shows copies.
        seed: random seed of all noise.
        samples: number of samples; of stacked digits, 26,000 if that is more.
        neighbours: neighbour that bounds a ball, for precision, recall, density and coverage.
        effort: effort of estimated likelihoods.
        oracle: oracle that judges the samples; by default the one that ships for the data, if any.

    Raises:
        Refused: the model or the oracle does not fit the data.
    """
    _match(model, data)
    judge = _judge(data, oracle)
    protocol = protocol_of(data, seed)
    labels = isinstance(data.context_space, Classes)
    with judging(model, seed):
        test = on(model, data.test.everything())
        figures = _likelihood(model, data, test, protocol, effort)
        true, *context = shuffled(test, samples)
        fake, seconds = timed(lambda: sampled(model, samples, tuple(context), seed))
        if judge is not None:
            classes = context[0].cpu() if labels else None
            figures += _seen(judge, data, fake, classes, protocol, neighbours)
        if data.modes is not None:
            figures += mode_figures(fake.cpu(), test[0].cpu(), *data.modes, protocol)
        if of_points(data.space):
            train = data.train.everything()[0]
            figures += point_figures(fake.cpu(), train, test[0].cpu(), protocol)
        if isinstance(data.space, Graphs):
            train = data.train.everything()[0]
            figures += graph_figures(fake.cpu(), train, test[0].cpu(), protocol)
        if judge is None and data.truth is None and of_vectors(data.space):
            real = (
                shuffled(split.everything(), len(split))[0] for split in (data.train, data.test)
            )
            figures += vector_figures(fake.cpu(), *real, protocol)
        if data.context_space is None:
            figures += _thousand(model, data, max(samples, STACKED), seed, oracle, protocol)
        if context and not labels:
            figures += _pairs_figures(fake, true, data.space, protocol)
    return figures + cost_figures(model, samples, seconds, protocol)


def real_floor(
    data: Data,
    *,
    seed: int = 0,
    samples: int = 1000,
    neighbours: int = 5,
    oracle: Oracle | None = None,
) -> list[Figure]:
    """The figures of real rows in the place of samples, for a report; empty without an oracle.

    Args:
        data, seed, samples, neighbours, oracle: arguments as in `evaluate`, for comparable figures.
    """
    judge = _judge(data, oracle)
    if judge is None:
        return []
    stand_in = data.train.everything()[0][:samples]  # of the figures only the floors are used
    figures = _seen(judge, data, stand_in, None, protocol_of(data, seed), neighbours)
    return [replace(f, value=f.floor, error=None) for f in figures if f.floor is not None]


def _judge(data: Data, oracle: Oracle | None) -> Oracle | None:
    """The oracle that was given, or the one that ships for the data."""
    if isinstance(data.test, Stacked):  # an oracle sees one channel of it
        return None
    judge = oracle or oracle_for(data.name, data.space)
    if judge is not None:
        judge.suits(data.space)
    return judge


def _likelihood(
    model: Model, data: Data, test: Batch, protocol: dict[str, Any], effort: Effort
) -> list[Figure]:
    base = on(model, data.train.batch(0, min(BASE, len(data.train)), 0))[0]
    found = likelihoods(model, test, base, effort)
    figures = likelihood_figures(found, model.space, protocol)
    if found and data.truth is not None and data.context_space is None:
        log_truth = data.log_prob(test[0].cpu())
        figures[0] = replace(figures[0], floor=-log_truth.mean().item())
        figures.append(truth_figure(found[0], log_truth, protocol))
    return figures


def _seen(
    judge: Oracle,
    data: Data,
    fake: Tensor,
    wanted: Tensor | None,
    protocol: dict[str, Any],
    neighbours: int,
) -> list[Figure]:
    """Figures of samples, as an oracle sees them."""
    train, test = (
        judge.see(shuffled(split.everything(), len(split))[0], data.space)
        for split in (data.train, data.test)
    )
    labels, account = None, judge.account()
    if data.test.labels is not None:
        (labels,) = shuffled((data.test.labels,), len(data.test))
        account["accuracy"] = round((test.classes == labels).double().mean().item(), 4)
    return sample_figures(
        judge.see(fake, data.space),
        train,
        test,
        judge.classes,
        {**protocol, "train": data.train.fingerprint[:16], "oracle": account},
        k=neighbours,
        wanted=wanted,
        labels=labels,
    )


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


# --- pieces -----------------------------------------------------------------------------------


def sampled(model: Model, n: int, context: Batch = (), seed: int = 0) -> Tensor:
    """n samples, (n, *shape), as `genus.sample` draws them; with a context, one for each of its rows."""
    if model.context_space is not None:
        return sample(model, None, seed, *context)
    return sample(model, n, seed)


@contextmanager
def judging(model: Model, seed: int) -> Iterator[None]:
    """A context with the model in evaluation mode, seeded random streams and no gradients."""
    was = model.training
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        model.eval()
        try:
            yield
        finally:
            model.train(was)


def on(model: Model, batch: Batch) -> Batch:
    """The batch on the model's device, real numbers in its precision."""
    at = next(chain(model.parameters(), model.buffers()), None)
    if at is None:
        return batch
    return tuple(x.to(at if x.is_floating_point() else at.device) for x in batch)


def shuffled(batch: Batch, n: int) -> Batch:
    """n rows in a fixed random order, repeated where there are fewer."""
    order = torch.randperm(len(batch[0]), generator=torch.Generator().manual_seed(0))
    rows = order[torch.arange(n) % len(order)]
    return tuple(x[rows.to(x.device)] for x in batch)


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
