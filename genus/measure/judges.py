"""Who judges samples: the oracle of a data set, or else extractors, which know no data set.

    an oracle ships, or is given         its features and classes                     samples.samples
    pictures without one                 a net that ships, and random convolutions    extractors.pictures
    of a world with a reader             beside them what the reader reads            readers.judging
    other rows                           columns, spectra or n-grams, and random      extractors.rows
                                         waves of them
    toys, classes, clouds, graphs        nobody: some have figures of their own

The protocol names the judge, so figures of two judges are never compared.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from ..core import Bits, Classes, Graphs, Reals, Records, Refused, Space, given
from ..data import Data
from ..data.images.stacked import Stacked
from .extractors.pictures import Extractor, RandomLayers, sees, shipped
from .extractors.rows import Sight, sights_of_rows
from .figures import Figure
from .oracles import ROWS as SEEN
from .oracles import Oracle, oracle_for
from .pacing import Plan
from .readers.judging import known_of, reader_figures, seen_by
from .readers.reader import Reader, reader_for
from .readers.truth import parameters_of
from .rows import Chosen, shuffled
from .samples.extracted import Three, extracted_figures
from .samples.samples import sample_figures
from .samples.tables import table_figures

UNITS = 2000  # training rows that give the units of features
KEPT: dict[tuple[object, ...], list[Tensor]] = {}  # features of real rows
TEST, TRAIN = 2000, 10_000  # at most so many rows are compared: neighbours cost their product


class ByOracle:
    """Judges samples by the features and classes of an oracle.

    Args:
        oracle: oracle that knows the data.
    """

    most = None  # training rows that are compared

    def __init__(self, oracle: Oracle):
        self.oracle = oracle

    def see(self, x: Tensor, space: Space) -> object:
        """What is done with rows, for a trial of how long it takes."""
        return self.oracle.see(x, space)

    def figures(
        self,
        data: Data,
        fake: Tensor,
        context: Tensor | None,
        protocol: dict[str, Any],
        neighbours: int,
        plan: Plan,
    ) -> list[Figure]:
        """Figures of samples, (n, *shape), and of the contexts that they were drawn for, if any."""
        train, test = (
            self.oracle.see(_blocks(data, split, n), data.space)
            for split, n in (("train", plan.train), ("test", plan.rows))
        )
        labels, account = None, self.oracle.account()
        if data.test.labels is not None:
            (labels,) = shuffled((data.test.labels,), plan.rows)
            account["accuracy"] = round((test.classes == labels).double().mean().item(), 4)
        classes = isinstance(data.context_space, Classes)
        return sample_figures(
            self.oracle.see(fake, data.space),
            train,
            test,
            self.oracle.classes,
            {**_known(data, protocol, plan), "oracle": account},
            k=neighbours,
            wanted=context.cpu() if classes and context is not None else None,
            labels=labels,
        )


class BySight:
    """Judges samples by an extractor, and beside it by one that owes nothing to any data.

    Args:
        sights: extractor, and the plain one.
        reader: reader of the world that the pictures come from, if there is one.
    """

    most = TRAIN  # training rows that are compared

    def __init__(self, sights: tuple[Sight, Sight], reader: Reader | None = None):
        self.sights, self.reader = sights, reader

    def see(self, x: Tensor, space: Space) -> object:
        """What is done with rows, for a trial of how long it takes."""
        found = [sight.see(numbers(x, space), space) for sight in self.sights]
        return found if self.reader is None else [*found, self.reader.read(x, space)]

    def figures(
        self,
        data: Data,
        fake: Tensor,
        context: Tensor | None,
        protocol: dict[str, Any],
        neighbours: int,
        plan: Plan,
    ) -> list[Figure]:
        """Figures of samples, (n, *shape)."""
        plan = plan._replace(rows=min(plan.rows, TEST), train=min(plan.train, self.most))
        known = {**_known(data, protocol, plan), "real_rows": plan.rows}

        seen = (
            self.features(fake.cpu().split(SEEN), data.space),
            self._real(data, "train", plan.train),
            self._real(data, "test", plan.rows),
        )
        features = [Three(*three) for three in zip(*seen, strict=True)]
        found = extracted_figures(self.sights, features, known, neighbours)
        if found and self.reader is not None:
            found += self._read(self.reader, data, fake, known, plan)
        if found and of_table(data.space):
            sides = [
                (fake.cpu(), *given(context)),
                Chosen(data.train).shuffled(plan.train).whole(),
                Chosen(data.test).shuffled(plan.rows).whole(),
            ]
            rows = (numbers(x, data.space) for x, *_ in sides)
            beside = None
            if isinstance(data.context_space, Reals):
                beside = tuple(numbers(c, data.context_space) for _, c in sides)
            found += table_figures(*rows, known, beside)
        return found

    def _read(
        self, reader: Reader, data: Data, fake: Tensor, known: dict[str, Any], plan: Plan
    ) -> list[Figure]:
        """The figures of samples as a reader reads them."""
        sides = (fake.cpu().split(SEEN), _blocks(data, "test", plan.rows))
        read = [seen_by(reader, blocks, data.space) for blocks in sides]
        labels = reader.trusted(data.space.shape[-1])
        truth = known_of(labels, parameters_of(data.train))
        return reader_figures(labels, *read, truth, {**known, "reader": reader.account()})

    def _real(self, data: Data, split: str, n: int) -> list[Tensor]:
        """The features of real rows, kept for the next model of the same data."""
        accounts = (repr(sight.account()) for sight in self.sights)
        rows = (data.train.fingerprint, data.splits[split].fingerprint, n)
        key = (*rows, repr(data.space), *accounts)
        if key not in KEPT:
            while len(KEPT) > 1:  # a training and a test split are enough
                del KEPT[next(iter(KEPT))]
            KEPT[key] = self.features(_blocks(data, split, n), data.space)
        return KEPT[key]

    def features(self, blocks: Iterable[Tensor], space: Space) -> list[Tensor]:
        """The features of rows that come some at once, (n, features), by each extractor."""
        found = [[sight.see(numbers(x, space), space) for sight in self.sights] for x in blocks]
        return [torch.cat(parts) for parts in zip(*found, strict=True)]


def judge_of(
    data: Data, oracle: Oracle | None = None, extractor: Extractor | None = None
) -> ByOracle | BySight | None:
    """The judge of samples of data; None where figures of their own judge them.

    Args:
        data: data set.
        oracle: oracle of the user's; by default the one that ships for the data, if any.
        extractor: extractor of pictures of the user's, by default the one that ships.

    Raises:
        Refused: both are given, or one that does not fit the data.
    """
    if extractor is not None and oracle is not None:
        raise Refused("evaluate: an oracle and an extractor are given; one of them judges")
    if extractor is not None and not sees(data.space):
        raise Refused(
            f"evaluate: an extractor is given, and the data are {data.space}; it judges pictures of 1 "
            f"or 3 channels; leave it out"
        )
    if isinstance(data.test, Stacked):  # an oracle sees one channel of it
        return None
    judge = oracle or (None if extractor else oracle_for(data.name, data.space))
    if judge is not None:
        judge.suits(data.space)
        return ByOracle(judge)
    points = isinstance(data.space, Reals) and len(data.space.shape) == 2
    if data.truth is not None or points or isinstance(data.space, Graphs | Classes):
        return None
    real = Chosen(data.train).shuffled(min(UNITS, len(data.train))).whole()[0]
    if sees(data.space):
        sights = (extractor or shipped(), RandomLayers(real, data.space))
        return BySight(sights, reader_for(data))
    return BySight(sights_of_rows(numbers(real, data.space), data.space))


def numbers(x: Tensor, space: Space) -> Tensor:
    """Rows as numbers that can be compared: those of a table with a one for each category."""
    return space.features(x) if isinstance(space, Records) else x


def said_of(figures: Iterable[Figure]) -> str:
    """A sentence on who judged the samples, and why; "" where an oracle or nobody did."""
    found = [figure.protocol["extractor"] for figure in figures if "extractor" in figure.protocol]
    if not found:
        return ""
    first = found[0]
    if "hash" in first:
        return (
            f"No oracle knows these pictures, so their samples are compared by the features of a net that "
            f"has learnt from other pictures (hash {first['hash']}), and beside it by random "
            f"convolutions, which owe nothing to any data: what the two disagree on is undecided."
        )
    kinds = {"columns": "their columns", "spectrum": "their spectra", "n_grams": "their n-grams"}
    return (
        f"No oracle knows these rows, so samples are compared by {kinds[first['name']]}, and beside them "
        f"by random waves of these: what the two disagree on is undecided."
    )


def of_table(space: Space) -> bool:
    """Whether one x is a row of a table: numbers or bits."""
    return isinstance(space, Reals | Bits | Records) and len(space.shape) == 1


def _blocks(data: Data, split: str, n: int) -> Iterable[Tensor]:
    """The x of n rows of a split in a fixed random order, some at once."""
    return (x for x, *_ in Chosen(data.splits[split]).shuffled(n).blocks(SEEN))


def _known(data: Data, protocol: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """The protocol, with the training rows."""
    fewer = {"train_rows": plan.train} if plan.train < len(data.train) else {}
    return {**protocol, **fewer, "train": data.train.fingerprint[:16]}
