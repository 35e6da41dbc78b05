"""The record of one trained model: all that the page of a comparison shows of it."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from .. import measure
from ..core import sample
from ..data import Data
from ..measure.diagnosis import diagnose
from ..media import contexts
from ..media.origin import origin, presentable
from ..train.artifact import load, read_config, weights_hash
from ..train.process import begin
from .curves import curves
from .pictures import history, pictures, samples_shown


class Judges(TypedDict, total=False):
    """Those who judge samples, where they are not those that ship."""

    oracle: measure.Oracle | None
    extractor: measure.Extractor


def recorded(
    folder: Path,
    source: Data,
    seed: int,
    device: str,
    judges: Judges,
    words: Sequence[str] | None = None,
    allow: Sequence[str] = (),
) -> dict[str, Any]:
    """Figures, pictures, curves and speeds of the model in a folder, as JSON types.

    Args:
        folder: folder of a run; its pictures are written there.
        source: data, measured in the model's view of them.
        seed: random seed of the samples that are shown.
        device: device as in `Run`.
        judges: oracle and extractor that judge samples, where they are given.
        words: words of the command after `genus`, for the notes in the pictures.
        allow: names of code outside genus that may run, as in `load`.
    """
    model = load(folder, allow=allow, device=str(begin(device)))
    view = source.view_for(model)
    config = read_config(folder)
    training = config["training"]
    began = time.perf_counter()
    figures = measure.evaluate(model, view, **judges)
    measuring = time.perf_counter() - began
    n = samples_shown(view)
    context = contexts(model, n, lambda: view.test.first(n)[1])
    log = folder / "metrics.jsonl"
    note = {**origin(folder, seed, words), "n": n, "config": presentable(config)}
    return {
        "weights": weights_hash(folder),
        "class": config["model"]["class"].rpartition(".")[2],
        "promises": config["promises"],
        "parameters": config["parameters"],
        "view": str(view.space),
        "given": str(view.context_space) if view.context_space else None,
        "rounds": training["rounds"],
        "best_round": training.get("best_round"),
        "seconds": training["seconds"],
        "measuring_seconds": round(measuring, 1),
        "rounds_per_second": training["rounds"] / max(1e-9, training["seconds"]),
        "samples_per_second": next(f.value for f in figures if f.name == "samples_per_second"),
        "figures": json.loads(measure.to_json(figures)),
        "curves": curves(log),
        "game": [finding.sentence for finding in diagnose(folder)] if log.exists() else [],
        "history": history(folder),
        "pictures": pictures(
            folder, judges.get("oracle"), view, sample(model, n, seed, context).cpu(), context, note
        ),
    }
