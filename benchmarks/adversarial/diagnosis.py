"""Verdicts on games of critic and generator: sound ones, and ones that are broken on purpose.

The short games are those of tests/broken.py; after them come recipes with their own defaults, one seed
each, in which the cost of looking is measured. Of every run: what was found at its end, alarms at any of
its looks, after how many seconds the right one came, and the figures at its last look, which show where
the thresholds of `genus.measure.diagnosis` lie. A cell is a game with all its seeds. Seeds that set no
threshold are those of `diagnosis_unseen`.
"""

import inspect
import json
import sys
import tempfile
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from genus import Run, recipes
from genus.core import Model
from genus.measure.games import diagnosis
from genus.measure.scoring import Scores

from ..bench import HERE, Bench, Cell, Cells, Table, first_losses

sys.path.insert(0, str(HERE.parent / "tests"))

import broken

RECIPES: dict[str, dict[str, Any]] = {
    "gan": {},
    "gan grid": {"data": "grid"},
    "gan digits": {"data": "digits"},
    "dcgan": {},
    "pix2pix": {},
}
GAMES = {**broken.SOUND, **{name: game for name, (game, _) in broken.BROKEN.items()}}
FIGURES = {  # columns of figures at the last look, and where they stand in the log
    "signal": "signal",
    "diversity": "diversity",
    "critic, unseen": "accuracy",
    "critic, learnt": "accuracy_train",
    "score": "score",
    "returned": "returned",
    "distance": "distance",
    "memorised": "memorised",
}


BENCH = Bench(
    __file__,
    "Verdicts on games: sound, broken on purpose, and recipes",
    "run | what is wrong | found | alarms that are wrong | said at the end | seconds to the alarm | "
    "seconds | examination | signal | diversity | kinds | critic, unseen | critic, learnt | score | "
    "returned | distance | memorised",
    lambda options: {
        "seeds": options.seeds,
        "looks": broken.LOOKS,
        "thresholds": {name: getattr(diagnosis, name) for name in dir(diagnosis) if name.isupper()},
    },
    """
    The thresholds were set while looking at seeds 0 to 4 of these games, so their rows flatter
    them: diagnosis_unseen.json has seeds 5 to 9, run once, after the thresholds were fixed.

    Found: of all seeds, how many runs the right finding was made in, at any look.

    Alarms that are wrong: looks of sound games at which anything was found, of all looks; of
    recipes, looks with a finding, right or not: nobody knows what is wrong with them.

    Figures are the range over seeds, at the last look; two samples of sound games are 1 apart.

    Examination: its share of the run's time, processor seconds.

    The rows of recipes were found before the last change of thresholds: FEW was 0.8, and
    spreading samples counted as a collapse. No collapse was found in them then, and the change
    can only take one away.
    """,
    weights="raw",
    options={"seeds": ([0, 1, 2, 3, 4], "of the short games")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name in GAMES:
        yield Cell(
            name,
            partial(measure, name, options.seeds),
            partial(first_looks, name, options.seeds[0]),
        )
    for name in RECIPES:
        yield Cell(
            f"genus fit {name}",
            partial(measure, f"genus fit {name}", [0]),
            partial(first_losses, partial(fitted, name), default(name), game=True),
        )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    names = [*GAMES, *(f"genus fit {name}" for name in RECIPES)]
    return [
        [name, *(found[name][column] for column in BENCH.columns[1:])]
        for name in names
        if name in found
    ]


def default(name: str) -> Run:
    return inspect.signature(recipes.find(name.split()[0])).parameters["run"].default


def fitted(name: str, run: Run) -> Model:
    return recipes.find(name.split()[0])(**RECIPES[name], run=run)


def first_looks(name: str, seed: int) -> list[float]:
    """The first line of a game's log."""
    line = played(name, seed)["log"][0]
    return [v for k, v in sorted(line.items()) if k not in ("seconds", "event", "round")]


def played(name: str, seed: int) -> dict[str, Any]:
    """The log of one run, its time, and the part of it in which it was looked at."""
    spent = [0.0]

    def timed(self: Scores, *arguments: Any) -> dict[str, float]:
        begun = time.process_time()
        found = examine(self, *arguments)
        spent[0] += time.process_time() - begun
        return found

    examine, Scores.examine = Scores.examine, timed
    begun = time.process_time()
    try:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            if name in GAMES:
                broken.run(GAMES[name], out, seed)
            else:
                own = name.removeprefix("genus fit ")
                fitted(own, replace(default(own), seed=seed, device="cpu", out=out))
            log = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    finally:
        Scores.examine = examine
    return {"log": log, "seconds": time.process_time() - begun, "examination": spent[0]}


def measure(name: str, seeds: list[int]) -> dict[str, str]:
    """What all seeds of a game come to, by column."""
    runs = [played(name, seed) for seed in seeds]
    wanted = broken.BROKEN[name][1] if name in broken.BROKEN else None
    alarms = looks = found = 0
    seconds, verdicts, last = [], Counter[str](), []
    for run in runs:
        seen = [
            (line, [finding.name for finding in diagnosis.ailments(run["log"][:i])])
            for i, line in enumerate(run["log"], 1)
            if line["event"] == "figures"
        ]
        looks += len(seen)
        alarms += sum(bool(names) for _, names in seen)
        right = [
            line["seconds"] for line, names in seen if wanted and any(wanted in n for n in names)
        ]
        found += bool(right)
        seconds += right[:1]
        verdicts.update(finding.name for finding in diagnosis.findings(run["log"]))
        last.append(seen[-1][0])
    return {
        "what is wrong": wanted or ("nothing" if name in broken.SOUND else "unknown"),
        "found": f"{found} of {len(runs)}" if wanted else "",
        "alarms that are wrong": "" if wanted else f"{alarms} of {looks}",
        "said at the end": ", ".join(f"{title} {n}" for title, n in verdicts.most_common()),
        "seconds to the alarm": f"{median(seconds):.1f}" if seconds else "",
        "seconds": f"{median(run['seconds'] for run in runs):.1f}",
        "examination": f"{sum(r['examination'] for r in runs) / sum(r['seconds'] for r in runs):.1%}",
        "kinds": kinds(last),
        **{c: extent([line.get(f"game/{key}") for line in last]) for c, key in FIGURES.items()},
    }


def kinds(last: list[dict[str, Any]]) -> str:
    """Modes or classes at the last looks, of how many."""
    for name in ("modes", "classes"):
        if f"game/{name}" in last[0]:
            values = [line[f"game/{name}"] for line in last]
            return f"{extent(values)} of {last[0][f'game/{name}_real']:.0f}"
    return ""


def extent(values: list[float | None]) -> str:
    """The range of the values that there are."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = f"{min(known):.2g}", f"{max(known):.2g}"
    return low if low == high else f"{low} to {high}"


if __name__ == "__main__":
    BENCH.main()
