"""A judge from its files: an oracle, an extractor or a reader, without gradients."""

from pathlib import Path
from typing import TypeVar

import torch

from ..core import Model, Refused
from ..train.artifact import load

Judge = TypeVar("Judge", bound=Model)


def frozen(who: str, folder: Path, kind: type[Judge], missing: str) -> Judge:
    """The judge in a folder; the caller's random stream is left alone.

    Args:
        who: what it is called, such as "oracle".
        folder: folder of a run or of a saved model.
        kind: class of the judge.
        missing: what is said if there is none.

    Raises:
        Refused: there is none, or another model, or its files are damaged.
    """
    if not (folder / "config.json").exists():
        raise Refused(f"{who}: {missing}")
    with torch.random.fork_rng():
        found = load(folder)
    if not isinstance(found, kind):
        one = "an" if who[0] in "aeiou" else "a"
        raise Refused(f"{who}: {folder} holds a {type(found).__name__}, not {one} {who}")
    return found.requires_grad_(False)
