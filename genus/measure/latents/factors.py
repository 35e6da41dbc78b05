"""Disentanglement: whether each unit of a code tells of one factor of the data, where the factors are known.

    I(z_j; v_k)        mutual information of a unit, in bins of equal width, and a factor, nats
    gap                the mean over factors of  (the largest I(z_j; v_k) - the second largest) / H(v_k)
    R_jk               how much a forest of trees that reads v_k from the code looks at unit j, sum_j R_jk = 1
    disentanglement    the mean over units of 1 - entropy of R_j. over factors, by how much the unit is looked at
    completeness       the mean over factors of 1 - entropy of R_.k over units
    informativeness    share of other rows whose factor the forest reads rightly, the mean over factors, beside `chance`,
                       what the most frequent value alone would get

Entropies of R are divided by their largest value, so all are from 0 to 1, and 1 is best. A code in which every unit is
turned against every other tells as much, with a gap near 0.

Source: Chen, Li, Grosse, Duvenaud, "Isolating sources of disentanglement in variational autoencoders", 2018,
    arXiv:1802.04942, equation 7 (the gap). Eastwood, Williams, "A framework for the quantitative evaluation of
    disentangled representations", 2018 (R and what it gives).
Departs: units are the means of guesses, as `encode` gives them, and not draws; the bias that few rows give to mutual
    information is taken away to first order, (occupied bins - 1)(values - 1) / 2n.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...core import Refused, at_least
from ...data.faces.people import FACTORS as OF_PORTRAITS
from ...data.solids.settings import FACTORS as OF_SCENES
from ...data.splits import Split
from ..readers.truth import parameters_of

BINS = 20  # of a unit of a code
VALUES = 10  # of a factor that is a number
TREES, LEAST = 100, 5  # of the forest, and rows in one of its leaves
INDEPENDENT = {"portraits_six": OF_PORTRAITS, "scenes_six": OF_SCENES}


class Disentanglement(NamedTuple):
    """How a code tells of factors; all but the tables are from 0 to 1."""

    gap: float
    disentanglement: float
    completeness: float
    informativeness: float
    chance: float
    told: Tensor  # I(z_j; v_k), (units, factors) nats
    looked_at: Tensor  # R, (units, factors)


def disentanglement(codes: Tensor, factors: Mapping[str, Tensor]) -> Disentanglement:
    """How the units of a code tell of factors.

    Args:
        codes: (n, units), at least 2 units; half of the rows, drawn at random, train the forest.
        factors: values of each factor, (n,) int64 from 0 on, at least 2 different ones.

    Raises:
        Refused: there are too few units, rows or values, or a code is not finite.
    """
    _check(codes, factors)
    units = torch.stack([binned(unit, BINS) for unit in codes.T.double()])
    values = [torch.unique(v, return_inverse=True)[1] for v in factors.values()]
    told = torch.stack([torch.stack([information(unit, v) for v in values]) for unit in units])
    entropies = torch.stack([entropy(v) for v in values])
    best = told.topk(2, dim=0).values
    forests = [_forest(codes, v) for v in values]
    looked_at = torch.stack([importance for importance, _, _ in forests], 1)
    return Disentanglement(
        ((best[0] - best[1]) / entropies).mean().item(),
        *_shares(looked_at),
        sum(right for _, right, _ in forests) / len(forests),
        sum(chance for _, _, chance in forests) / len(forests),
        told,
        looked_at,
    )


def binned(values: Tensor, bins: int) -> Tensor:
    """The number of the bin of each value, (n,) int64, of bins of equal width between the extremes."""
    low, high = values.aminmax()
    width = (high - low).clamp(min=torch.finfo(values.dtype).tiny)
    return ((values - low) / width * bins).long().clamp(max=bins - 1)


def information(a: Tensor, b: Tensor) -> Tensor:
    """Mutual information of two columns of whole numbers from 0 on, (n,) each: () nats, at least 0."""
    counts = torch.zeros(int(a.max()) + 1, int(b.max()) + 1, dtype=torch.float64)
    counts.index_put_((a, b), torch.ones(len(a), dtype=torch.float64), accumulate=True)
    counts = counts[counts.sum(1) > 0][:, counts.sum(0) > 0]
    joint = counts / len(a)
    apart = joint.sum(1, keepdim=True) * joint.sum(0)
    found = torch.where(joint > 0, joint * (joint / apart).log(), 0.0).sum()
    rows, columns = joint.shape
    return (found - (rows - 1) * (columns - 1) / (2 * len(a))).clamp(min=0)


def entropy(a: Tensor) -> Tensor:
    """Of a column of whole numbers, () nats."""
    share = a.bincount().double() / len(a)
    return -torch.where(share > 0, share * share.log(), 0.0).sum()


def known_factors(split: Split, world: str, names: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """The factors of the rows of a world, (n,) int64 each; numbers in ten bins.

    Args:
        split: rows of the world.
        world: its name; portraits_six and scenes_six have six factors, which are independent.
        names: the factors to take; those six if none are given.

    Raises:
        Refused: the rows are not of a world, or a name is not of one of its parameters.
    """
    truth = parameters_of(split)
    wanted = names or INDEPENDENT.get(world, ())
    if not wanted or not set(wanted) <= set(truth):
        raise Refused(
            f"known_factors: {world} with {', '.join(names) or 'no names'}; names of parameters are wanted, "
            f"or one of {' and '.join(INDEPENDENT)}"
        )
    return {
        name: binned(truth[name].double(), VALUES)
        if truth[name].is_floating_point()
        else truth[name]
        for name in wanted
    }


def _forest(codes: Tensor, values: Tensor) -> tuple[Tensor, float, float]:
    """How much a forest looks at each unit, (units,), and the shares of other rows that it and the mode get right."""
    from sklearn.ensemble import RandomForestClassifier  # takes half a second

    order = torch.randperm(len(codes), generator=torch.Generator().manual_seed(0))
    learn, other = order.chunk(2)
    every: Any = None  # among few units a tree would have to take one that tells nothing
    forest = RandomForestClassifier(
        TREES, min_samples_leaf=LEAST, max_features=every, random_state=0
    )
    forest.fit(codes[learn].numpy(), values[learn].numpy())
    right = float(forest.score(codes[other].numpy(), values[other].numpy()))
    chance = (values[other] == values[learn].mode().values).double().mean().item()
    return torch.tensor(forest.feature_importances_, dtype=torch.float64), right, chance


def _shares(looked_at: Tensor) -> tuple[float, float]:
    """Disentanglement and completeness of R, (units, factors)."""
    units = looked_at.sum(1)
    of_unit = _one_less_entropy(looked_at / units.clamp(min=1e-12)[:, None])
    of_factor = _one_less_entropy((looked_at / looked_at.sum(0).clamp(min=1e-12)).T)
    return (of_unit * units).sum().item() / max(units.sum().item(), 1e-12), of_factor.mean().item()


def _one_less_entropy(shares: Tensor) -> Tensor:
    """1 - entropy of each row, (rows, columns) -> (rows,), by its largest value; 1 of a single column."""
    columns = shares.shape[1]
    if columns == 1:
        return torch.ones_like(shares[:, 0])
    each = torch.where(shares > 0, shares * shares.clamp(min=1e-300).log(), 0.0)
    return 1 + each.sum(1) / torch.tensor(float(columns)).log()


def _check(codes: Tensor, factors: Mapping[str, Tensor]) -> None:
    if codes.dim() != 2 or codes.shape[1] < 2 or not factors:
        raise Refused(
            f"disentanglement: codes are {tuple(codes.shape)}, with {len(factors)} factors; (n, units) with "
            f"2 units or more, and 1 factor or more, are wanted"
        )
    at_least(20, "disentanglement", rows=len(codes))
    if not codes.isfinite().all():
        raise Refused("disentanglement: codes are not finite everywhere; a sound model is wanted")
    for name, values in factors.items():
        if len(values) != len(codes) or len(values.unique()) < 2:
            raise Refused(
                f"disentanglement: {name} has {len(values.unique())} values in {len(values)} rows; 2 values or "
                f"more in the {len(codes)} rows of the codes are wanted"
            )
