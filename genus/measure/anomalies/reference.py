"""Where a row stands among validation rows: 1,000 quantiles of their scores, which a run keeps.

They are found when training ends, in a small part of its time, by the weights that it ends with, and lie
beside these in `quantiles.json`, under the hash of the weights: other weights never meet them. So a row
is placed when the data are no longer there.

    log_p         the score itself: odd is what is unlikely
    typicality    |score - mean| in standard deviations: odd is also what is too likely
    ratio         log p and the complexity of a picture: odd is what is no likelier than it is simple

Source: typicality: Nalisnick, Matsukawa, Teh, Lakshminarayanan, "Detecting out-of-distribution inputs to
    deep generative models using typicality", 2019, arXiv:1906.02994, equation 5, for a single row and
    in units of the spread.
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...core import Model, Refused, can_score
from ...core.files import write
from ...data import Split
from ...data.meaning import Meaning
from ...data.tables.rows import tight
from ...train.artifact import load, read_config, weights_hash
from ..rows import Chosen
from .complexity import complexity, has_complexity
from .scorer import Scorer

FILE = "quantiles.json"
COUNT = 1000  # quantiles that are kept
MOST = 5000  # validation rows
KINDS = 8  # weights and settings, of which a run keeps the latest
LEAST = 20  # rows, of which quantiles say anything
PART, SHORTEST = 0.03, 0.3  # of the time of the training, and seconds, that they may take
AT_ONCE = {True: 4, False: 256}  # rows between two looks at the clock: random scores are slow


@dataclass(frozen=True)
class Reference:
    """The scores of validation rows, by their quantiles.

    Args:
        rows: number of rows that were scored.
        mean, std: of their scores, nats.
        scores: quantiles of the scores, rising; all of them where they are fewer than 1,000.
        ratios: quantiles of score and complexity together, of pictures.
    """

    rows: int
    mean: float
    std: float
    scores: tuple[float, ...]
    ratios: tuple[float, ...] = ()

    def typicality(self, score: Tensor) -> Tensor:
        """|score - mean| in standard deviations, (n,)."""
        return (score - self.mean).abs() / self.std

    def odder_by_score(self, score: Tensor) -> Tensor:
        """The share of validation rows that are less likely, (n,)."""
        return _below(self.scores, score)

    def odder_by_typicality(self, score: Tensor) -> Tensor:
        """The share of validation rows that are farther from the mean, (n,)."""
        known = self.typicality(torch.tensor(self.scores, dtype=torch.float64)).tolist()
        return _below(tuple(sorted(-one for one in known)), -self.typicality(score))

    def odder_by_ratio(self, ratio: Tensor) -> Tensor:
        """The share of validation rows whose ratio is lower, (n,)."""
        return _below(self.ratios, ratio)


def _below(quantiles: tuple[float, ...], values: Tensor) -> Tensor:
    """The share of quantiles below each value; of equal ones, half counts."""
    known = torch.tensor(quantiles, dtype=torch.float64)
    below, up_to = (torch.searchsorted(known, values, right=right) for right in (False, True))
    return (below + up_to).double() / (2 * len(known))


def quantiles(values: Tensor) -> tuple[float, ...]:
    """The values, (n,), in rising order; of more than 1,000, the middle of each thousandth."""
    values = values.sort().values
    if len(values) > COUNT:
        at = (torch.arange(COUNT, dtype=torch.float64) + 0.5) / COUNT * (len(values) - 1)
        low = at.long()
        values = values[low].lerp(values[low + 1], at - low)
    return tuple(values.tolist())


def referred(scorer: Scorer, split: Split, seconds: float, most: int = MOST) -> Reference | None:
    """The reference of as many rows of a split as fit into a time; None of fewer than 20.

    Args:
        scorer: scorer of the rows.
        split: validation split, as the scorer takes it: without labels if it mixes the classes.
        seconds: time, which is kept to but for the last rows.
        most: largest number of rows, the first in a fixed random order.
    """
    split = tight(split)
    begun, values, ratios = time.perf_counter(), list[Tensor](), list[Tensor]()
    for x, *context in Chosen(split).shuffled(min(most, len(split))).blocks(AT_ONCE[scorer.random]):
        score = scorer(x, *context).value
        values.append(score)
        if has_complexity(split.space):
            ratios.append(score + complexity(x, split.space))
        if time.perf_counter() - begun > seconds:
            break
    scores = torch.cat(values)
    sound = scores[scores.isfinite()]
    if len(sound) < LEAST or (std := sound.std().item()) == 0:
        return None
    known = ~scores.isnan()
    both = quantiles(torch.cat(ratios)[known]) if ratios else ()
    return Reference(len(scores), sound.mean().item(), std, quantiles(scores[known]), both)


# --- the file ---------------------------------------------------------------------------------


def keep(folder: Path, weights: str, scorer: Scorer, reference: Reference) -> None:
    """Writes a reference beside the weights that it is of.

    Args:
        folder: folder of the run.
        weights: hash of the weights.
        scorer: scorer of the rows.
        reference: what is kept; the latest of other settings stay.
    """
    name = f"{weights} {scorer.settings}"
    known = {key: one for key, one in _read(folder / FILE).items() if key != name}
    known = dict([*known.items(), (name, asdict(reference))][-KINDS:])
    write(folder / FILE, json.dumps(known).encode())


def kept(folder: Path, weights: str, scorer: Scorer) -> Reference | None:
    """The reference that a run keeps of these weights and settings, if any."""
    record = _read(folder / FILE).get(f"{weights} {scorer.settings}")
    if record is None:
        return None
    try:
        found: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in record.items()
        }
        return Reference(**found)
    except (TypeError, AttributeError):
        raise Refused(f"{folder / FILE}: is damaged; remove it, and it is made again") from None


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError):
        raise Refused(f"{path}: is damaged; remove it, and it is made again") from None


def remember(folder: Path, model: Model, meaning: Meaning, split: Split) -> None:
    """Finds the reference of a trained model, and of its best weights, and keeps it in the run.

    Args:
        folder: folder of the run, which has ended.
        model: model that `load` finds there.
        meaning: what the run keeps of its data.
        split: validation split.
    """
    if not can_score(model):
        return
    seconds = max(SHORTEST, PART * read_config(folder)["training"]["seconds"])
    known: dict[str, Reference | None] = {}
    for place in (folder, folder / "best"):
        if (place / "config.json").exists():
            weights = weights_hash(place)
            scorer = Scorer(model if place == folder else load(place), meaning)
            if weights not in known:
                known[weights] = referred(scorer, split, seconds / 2)
            if (found := known[weights]) is not None:
                keep(place, weights, scorer, found)
