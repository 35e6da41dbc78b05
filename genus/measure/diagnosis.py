"""What is wrong with a run, in plain words: of a game of critic and generator, or of a latent."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..errors import Refused
from ..train.artifact import ArtifactError, load, read_config
from .findings import Finding
from .games import diagnosis as games
from .latents import diagnosis as latents
from .remedies import already


def diagnose(folder: Path) -> list[Finding]:
    """The findings about the run in a folder.

    Args:
        folder: folder of the run, with metrics.jsonl in it.

    Raises:
        Refused: there is no log.
    """
    path = Path(folder) / "metrics.jsonl"
    if not path.exists():
        raise Refused(f"diagnose: there is no {path}; the folder of a run is wanted")
    lines, had = _parsed(path.read_text("utf-8").splitlines()), _had(Path(folder))
    return games.findings(lines, had) + latents.findings(lines, had)


def describe(found: Sequence[Finding]) -> str:
    """One line for each finding, or a line that there are none."""
    if not found:
        return "nothing to say: the log has no figures of a game of critic and generator, or of a latent"
    return "\n".join(finding.sentence for finding in found)


def _had(folder: Path) -> frozenset[str]:
    """What the run in a folder has already, as far as its model is made of parts of genus."""
    if not (folder / "config.json").exists():
        return frozenset()  # a log alone
    config = read_config(folder)
    options = {**config.get("recipe", {}).get("options", {}), **config.get("training", {})}
    try:
        model = load(folder, average=False)
    except ArtifactError:  # of somebody's own code, which is not run, or without its weights
        model = None
    return already(model, options)


def _parsed(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The lines that are whole: a killed run leaves half a line at the end."""
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found
