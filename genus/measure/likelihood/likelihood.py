"""Negative log-likelihood of data under a model, in nats per row and in bits per dimension.

    exact    -log p(x)                                             =
    iwae     -log (1/k) sum_i w_i,   w_i = p(x, z_i) / q(z_i | x)  <=  in expectation, tight as k grows
    elbo     -E[log w]                                             <=
    ais      E(x) + log Z, log Z by annealed importance sampling   ~
    iwae and elbo with an ais     the same, where E[w_i] = Z p(x)  ~
    samples  -log (1/S) sum_s p(x | z_s),   z_s ~ p(z)             <=  in expectation, tight as S grows

A model is scored by the first of these that it offers. Bits per dimension are printed on discrete
spaces only: there a score is a probability, while a density's bits depend on the unit of x.

Source: iwae: Burda, Grosse, Salakhutdinov, "Importance weighted autoencoders", 2016,
    arXiv:1509.00519, equation 8.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from ...core import (
    AnnealingPath,
    Graphs,
    HasAnnealedLogProb,
    HasAnnealingPath,
    HasConditionals,
    HasElbo,
    HasLogProb,
    HasLogWeight,
    HasLogWeights,
    HasUnnormalisedLogWeight,
    Model,
    Reals,
    Records,
    Space,
    Strokes,
    at_least,
    promise,
)
from ...functional.densities.estimates import mean_error
from ..figures import Figure
from .annealing import LogZ, log_z, log_z_from_above
from .samplebound import sample_bound

Batch = tuple[Tensor, ...]
ROWS = 500  # rows in one pass
TOGETHER = 1000  # importance weights in one pass, where a model draws several at once
OWN = 1 / 20, 10  # share of the rungs, and chains, of a path that each row has to itself


class Blocks(Protocol):
    """Rows that are read when they are needed."""

    def blocks(self, rows: int) -> Iterator[Batch]:
        """All rows, `rows` at once."""
        ...


class Effort(NamedTuple):
    """The effort of estimated likelihoods.

    Args:
        draws: number of draws of a random lower bound, for each row.
        importance: number k of draws of an importance-weighted bound, for each row.
        betas: number of steps of annealed importance sampling, or of latents of a bound by samples.
        chains: number of chains of annealed importance sampling.
    """

    draws: int = 16
    importance: int = 100
    betas: int = 10_000
    chains: int = 100


THOROUGH = Effort()
QUICK = Effort(draws=4, importance=1, betas=1_000)  # while a model still learns


class LikelihoodEstimate(NamedTuple):
    """The log p(x) of rows, how it was found, and whether it is exact."""

    log_p: Tensor  # (n,), float64, nats
    sign: Literal["=", "<=", "~"]  # of -log p
    estimator: dict[str, Any]
    common_error: float = 0.0  # standard error of what all rows share: of log Z


def exact(model: HasLogProb, batch: Batch | Blocks) -> LikelihoodEstimate:
    """log p(x), (n,)."""
    return LikelihoodEstimate(_by_rows(model.log_prob, batch), "=", {"name": "exact"})


def bound(model: HasElbo, batch: Batch | Blocks, draws: int) -> LikelihoodEstimate:
    """The mean of some draws of the lower bound, (n,)."""
    log_p = torch.stack([_by_rows(model.elbo, batch) for _ in range(draws)]).mean(0)
    return LikelihoodEstimate(log_p, "<=", {"name": "elbo", "settings": {"draws": draws}})


def importance_weighted(model: HasLogWeight, batch: Batch | Blocks, k: int) -> LikelihoodEstimate:
    """log mean of k importance weights, (n,): in expectation it never falls as k grows."""
    at_least(1, "importance_weighted", k=k)
    several = promise(model, HasLogWeights)

    def score(*part: Tensor) -> Tensor:
        together = max(1, TOGETHER // max(1, len(part[0]))) if several else 1
        total, drawn = torch.full((len(part[0]),), -math.inf, dtype=torch.float64), 0
        while drawn < k:
            now = min(together, k - drawn)
            if several:
                found = _precise(several.log_weights(*part, k=now)).logsumexp(0)
            else:
                found = _precise(model.log_weight(*part))
            total, drawn = torch.logaddexp(total, found), drawn + now
        return total - math.log(k)

    return LikelihoodEstimate(_by_rows(score, batch), "<=", {"name": "iwae", "settings": {"k": k}})


def annealed(
    model: HasAnnealingPath,
    batch: Batch | Blocks,
    base: Tensor,
    betas: int,
    chains: int,
    check: bool = True,
) -> LikelihoodEstimate:
    """-energy(x) - log Z, (n,), with log Z from below.

    Args:
        base: rows whose rates begin the path, (m, *shape).
        check: whether to go down the path too, from the model's own samples, for the estimator.
    """
    found, estimator = _constant(model.annealing_path(base), betas, chains, check)
    return LikelihoodEstimate(
        -_by_rows(model.energy, batch) - found.value, "~", estimator, found.error
    )


def annealed_weights(
    model: HasUnnormalisedLogWeight,
    batch: Batch | Blocks,
    base: Tensor,
    effort: Effort,
    check: bool = True,
) -> list[LikelihoodEstimate]:
    """log mean of `effort.importance` weights, and the mean of their logarithms, less log Z from below, (n,).

    The second is a bound, but for the error of log Z. A single draw gives this one only.

    Args:
        base: rows whose rates begin the path, (m, *shape).
        check: whether to go down the path too, from the model's own samples, for the estimator.
    """
    found, estimator = _constant(model.annealing_path(base), effort.betas, effort.chains, check)

    def score(*part: Tensor) -> Tensor:
        draws = [
            _precise(model.unnormalised_log_weight(*part)) for _ in range(max(1, effort.importance))
        ]
        weights = torch.stack(draws)
        return torch.stack([weights.logsumexp(0) - math.log(len(weights)), weights.mean(0)], 1)

    log_p = _by_rows(score, batch) - found.value
    names = (("iwae", "k"), ("elbo", "draws"))
    estimates = []
    for column, (name, number) in enumerate(names):
        settings = {number: effort.importance, **estimator["settings"]}
        how = {**estimator, "name": f"{name} with {estimator['name']}", "settings": settings}
        estimates.append(LikelihoodEstimate(log_p[:, column], "~", how, found.error))
    return estimates if effort.importance > 1 else estimates[1:]


def _constant(
    annealing: AnnealingPath, betas: int, chains: int, check: bool
) -> tuple[LogZ, dict[str, Any]]:
    """log Z from below, and what is said of it."""
    found = log_z(annealing, betas, chains)
    estimator: dict[str, Any] = {
        "name": "ais",
        "settings": {"betas": betas, "chains": chains},
        "log_z": found._asdict(),
    }
    if check:
        above = log_z_from_above(annealing, annealing.end(chains), betas)
        estimator["log_z_from_above"] = above._asdict()
    return found, estimator


def by_samples(model: HasConditionals, batch: Batch | Blocks, draws: int) -> LikelihoodEstimate:
    """The bound of log p(x) by the latents of samples, (n,), with the same for all rows."""
    x = torch.cat([part[0] for part in parts(batch)])
    log_p = sample_bound(model, x, draws)
    return LikelihoodEstimate(log_p, "<=", {"name": "samples", "settings": {"draws": draws}})


def annealed_by_rows(
    model: HasAnnealedLogProb, batch: Batch | Blocks, effort: Effort
) -> LikelihoodEstimate:
    """log p(x), (n,), where each row has a constant, and so a path, of its own."""
    settings = own_path(effort)
    score = partial(model.annealed_log_prob, **settings)
    return LikelihoodEstimate(_by_rows(score, batch), "~", {"name": "ais", "settings": settings})


def own_path(effort: Effort) -> dict[str, int]:
    """The effort of a path that each row has to itself."""
    share, chains = OWN
    return {"betas": max(1, round(share * effort.betas)), "chains": chains}


@torch.no_grad()
def likelihoods(
    model: Model, batch: Batch | Blocks, base: Tensor, effort: Effort, check: bool = True
) -> list[LikelihoodEstimate]:
    """All estimates of log p(x) that the model can give, the best first, if any."""
    if scored := promise(model, HasLogProb):
        return [exact(scored, batch)]
    found = []
    bounded, weighted = promise(model, HasElbo), promise(model, HasLogWeight)
    if weighted and (effort.importance > 1 or not bounded):
        found.append(importance_weighted(weighted, batch, effort.importance))
    if bounded:
        found.append(bound(bounded, batch, effort.draws))
    if not found and (climbing := promise(model, HasAnnealingPath)):
        found.append(annealed(climbing, batch, base, effort.betas, effort.chains, check))
    if not found and (weighing := promise(model, HasUnnormalisedLogWeight)):
        found.extend(annealed_weights(weighing, batch, base, effort, check))
    if not found and (drawing := promise(model, HasConditionals)):
        found.append(by_samples(drawing, batch, effort.betas))
    if not found and (many := promise(model, HasAnnealedLogProb)):
        found.append(annealed_by_rows(many, batch, effort))
    return found


def likelihood_figures(
    found: list[LikelihoodEstimate], space: Space, protocol: dict[str, Any]
) -> list[Figure]:
    """nll and bits_per_dim by the best estimator; also nll_elbo, where that is another one.

    Bits per dimension are given for discrete spaces of a fixed number of dimensions.

    Args:
        found: estimates from `likelihoods`.
        space: space of x.
        protocol: description of the data for the figures.
    """
    figures = []
    for name, likelihood in zip(("nll", "nll_elbo"), found, strict=False):
        figures.append(_figure(name, likelihood, -likelihood.log_p, protocol))
        if name == "nll" and not isinstance(space, Reals | Records | Strokes | Graphs):
            bits = -likelihood.log_p / (math.log(2) * space.dims)
            shared = likelihood.common_error / (math.log(2) * space.dims)
            scaled = likelihood._replace(common_error=shared)
            figures.append(_figure("bits_per_dim", scaled, bits, protocol, "bits/dim"))
    return figures


def in_own_units(
    found: Sequence[LikelihoodEstimate], log_jacobian: Tensor, bounds: bool
) -> list[LikelihoodEstimate]:
    """Estimates of rows of a table, in the units of the table.

    Args:
        found: estimates of log p(x).
        log_jacobian: what is added to them, (n,).
        bounds: whether the sum of an exact log p(x) and this is a lower bound, and not exact.
    """
    return [
        one._replace(
            log_p=one.log_p + log_jacobian.to(one.log_p),
            sign="<=" if bounds and one.sign == "=" else one.sign,
            estimator={"name": "elbo", "settings": {"draws": 1}}
            if bounds and one.sign == "="
            else one.estimator,
        )
        for one in found
    ]


def truth_figure(found: LikelihoodEstimate, log_truth: Tensor, protocol: dict[str, Any]) -> Figure:
    """kl_to_truth: the mean of log truth(x) - log p(x), which tends to KL(truth || p), nats.

    Args:
        found: likelihood of the rows under the model.
        log_truth: true log density of the same rows, (n,).
        protocol: description of the data for the figure.
    """
    return _figure("kl_to_truth", found, log_truth.to(found.log_p) - found.log_p, protocol)


def _figure(
    name: str, found: LikelihoodEstimate, rows: Tensor, protocol: dict[str, Any], unit: str = "nats"
) -> Figure:
    mean, error = mean_error(rows)
    return Figure(
        name,
        mean,
        unit,
        protocol,
        sign=found.sign,
        error=math.hypot(error, found.common_error),
        better="lower",
        estimator=found.estimator,
    )


def parts(batch: Batch | Blocks, rows: int = ROWS) -> Iterator[Batch]:
    """A batch, or rows that are read when they are needed, in parts of `rows` rows."""
    if not isinstance(batch, tuple):
        return batch.blocks(rows)
    return zip(*(x.split(rows) for x in batch), strict=True)


@torch.no_grad()
def _by_rows(score: Callable[..., Tensor], batch: Batch | Blocks) -> Tensor:
    return torch.cat([_precise(score(*part)) for part in parts(batch)])


def _precise(x: Tensor) -> Tensor:
    return x.cpu().double()  # not every device has float64
