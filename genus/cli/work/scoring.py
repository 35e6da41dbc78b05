"""The work of `genus score`: a line for each row of a file, written whole or not at all."""

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ...core.files import drafted
from ...data.in_order.listing import Listing, in_order
from ...data.meaning import Meaning
from ...errors import Refused
from ...measure.anomalies.complexity import complexity, has_complexity
from ...measure.anomalies.reference import LEAST, Reference, keep, kept, referred
from ...measure.anomalies.scorer import Scorer
from ...train.artifact import load, weights_hash
from ...train.process import begin
from ..errors import say
from .runs import RunData

ROWS = 256  # that are read at once
SECONDS = 30.0  # for a reference that a run does not keep
SIMPLE = (
    0.99,
    0.05,
)  # of validation rows are less likely, and the share of rows at which that is said


@dataclass(frozen=True)
class ScoreOrder:
    """What `genus score` is asked for.

    Args:
        folder: folder of a model.
        data: name or path of the rows.
        out: file to write.
        by: likelihood, typicality or complexity: what counts as odd.
        draws: number of draws of an estimate, for each row.
        labels: whether rows are scored given their labels.
        split: split of data whose rows have no order of their own.
        seed: random seed.
        raw: whether to use the weights themselves, not their average.
        device: device as in `Run`.
    """

    folder: Path
    data: str
    out: Path
    by: str = "likelihood"
    draws: int = 16
    labels: bool = False
    split: str | None = None
    seed: int = 0
    raw: bool = False
    device: str = "auto"


def write_scores(order: ScoreOrder) -> None:
    """Scores all rows of a file, and writes them in its order."""
    device = str(begin(order.device))
    model = load(order.folder, average=not order.raw, device=device)
    of_run = RunData(order.folder, model)
    meaning = _meaning(of_run)
    scorer = Scorer(model, meaning, order.draws, order.seed, order.labels)
    if order.by == "complexity" and not has_complexity(model.space):
        raise Refused(
            f"genus score: --by complexity is for pictures, and the model's rows are {model.space}; "
            f"likelihood or typicality is wanted"
        )
    labels = not scorer.mixed and order.labels
    rows = in_order(order.data, meaning, order.split, labels, model.parting)
    reference = _reference(order, scorer, of_run)
    if reference is None and order.by == "typicality":
        raise Refused(
            f"genus score: {order.folder} keeps no scores of validation rows, from which typicality is "
            f"told; --by likelihood needs none"
        )
    for sentence in (rows.note, scorer.how, _placed(reference)):
        if sentence:
            say(sentence)
    judge = _Judge(order.by, scorer, reference)
    order.out.parent.mkdir(parents=True, exist_ok=True)
    with drafted(order.out) as file:
        for line in _lines(rows, judge):
            file.write(line)
    _conclude(judge, len(rows))


def _meaning(of_run: RunData) -> Meaning:
    """What the run knows of its data; of a model that knows nothing of any, its spaces."""
    try:
        return of_run.meaning
    except Refused:
        model = of_run.model
        say(f"{of_run.folder} keeps nothing of its data: rows are read as {model.space}")
        return Meaning(of_run.folder.name, model.space, model.context_space)


def _reference(order: ScoreOrder, scorer: Scorer, of_run: RunData) -> Reference | None:
    """The validation scores that the run keeps; or else they are found, if its data are there."""
    weights = weights_hash(order.folder, average=not order.raw)
    if (found := kept(order.folder, weights, scorer)) is not None:
        return found
    try:
        split = of_run.data.validation
    except Refused as error:
        say(
            f"the column quantile stays empty, for the run keeps no scores of validation rows: {error}"
        )
        return None
    if of_run.changed:
        say(
            "the column quantile stays empty, for the validation rows are no longer those of the run"
        )
        return None
    if (found := referred(scorer, split, SECONDS)) is None:
        say(
            f"the column quantile stays empty, for fewer than {LEAST} validation rows have scores, or all "
            f"have the same"
        )
        return None
    try:
        keep(order.folder, weights, scorer, found)
    except OSError as error:
        say(f"the scores of validation rows are not kept: {error.filename}: {error.strerror}")
    return found


def _placed(reference: Reference | None) -> str:
    if reference is None:
        return ""
    return f"quantile: the share of {reference.rows:,} validation rows that are odder"


class _Judge:
    """Scores of rows and the columns that tell them.

    Args:
        by: what counts as odd.
        scorer: scorer of the rows.
        reference: scores of validation rows, if they are known.
    """

    def __init__(self, by: str, scorer: Scorer, reference: Reference | None):
        self.by, self.scorer, self.reference = by, scorer, reference
        self.columns = [scorer.name, *(["standard_error"] if scorer.random else [])]
        self.columns += {"typicality": ["typicality"], "complexity": ["complexity", "ratio"]}.get(
            by, []
        )
        self.scored, self.simple = 0, 0

    def see(self, x: Tensor, context: Tensor | None) -> tuple[dict[str, Tensor], Tensor | None]:
        """The cells of rows, (n, *shape), by column, and the share of odder validation rows."""
        score, error = self.scorer(x, context)
        cells = {self.scorer.name: -score if self.scorer.name == "energy" else score}
        if error is not None:
            cells["standard_error"] = error
        known, odder = self.reference, None
        if known is not None:
            odder = known.odder_by_score(score)
            self.simple += int((odder > SIMPLE[0]).sum())
        if known is not None and self.by == "typicality":
            cells["typicality"], odder = known.typicality(score), known.odder_by_typicality(score)
        if self.by == "complexity":
            cells["complexity"] = complexity(x, self.scorer.model.space)
            cells["ratio"] = score + cells["complexity"]
            if known is not None:
                odder = known.odder_by_ratio(cells["ratio"]) if known.ratios else None
        self.scored += len(x)
        return cells, odder


def _lines(rows: Listing, judge: _Judge) -> Iterator[bytes]:
    """The lines of the file, some at once, after its header."""
    yield _csv([[rows.column, *judge.columns, "quantile", "reason"]])
    for names, found in rows.blocks(ROWS):
        own, share = judge.see(found.x, found.context)
        cells = [own[column].tolist() for column in judge.columns]
        odder = [math.nan] * len(found.x) if share is None else share.tolist()
        table, at = [], 0
        for name, reason in zip(names, found.reasons, strict=True):
            if reason is not None:
                table.append([name, *[""] * (len(cells) + 1), reason])
                continue
            if math.isnan(cells[0][at]):
                table.append([name, *[""] * (len(cells) + 1), "its score is not a number"])
            else:
                table.append([name, *(_number(one[at]) for one in [*cells, odder]), ""])
            at += 1
        yield _csv(table)


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _conclude(judge: _Judge, rows: int) -> None:
    """Says how many rows could not be scored, and whether many are suspiciously likely."""
    if judge.scored < rows:
        say(
            f"{rows - judge.scored:,} of {rows:,} rows could not be read; the column reason says why"
        )
    least, share = SIMPLE
    if judge.by != "likelihood" or judge.simple <= share * judge.scored or not judge.scored:
        return
    mend = "--by typicality counts them as odd"
    if has_complexity(judge.scorer.model.space):
        mend = f"--by complexity sets off how simple a picture is, {mend}"
    say(
        f"{judge.simple:,} of {judge.scored:,} rows are likelier than {least:.0%} of the validation rows: a "
        f"likelihood ranks what is simple above what is real; {mend}"
    )
