"""Verdicts on games of critic and generator: sound ones, and ones that are broken on purpose.

    python benchmarks/diagnosis.py [RUN ...] [--seeds 0 1 2 3 4] [--out FILE]

The short games are those of tests/broken.py; after them come recipes with their own defaults, one seed
each, in which the cost of looking is measured. Of every run: what was found at its end, alarms at any of
its looks, after how many seconds the right one came, and the figures at its last look, which show where
the thresholds of `genus.measure.diagnosis` lie. Each row is written when it is done; a second call goes on
with those that are missing.
"""

import argparse
import inspect
import json
import platform
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import torch

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import broken

from genus import __version__, recipes
from genus.measure.games import diagnosis
from genus.measure.scoring import Scores

OUT = ROOT / "benchmarks" / "results" / "diagnosis.json"
RECIPES: dict[str, dict[str, Any]] = {
    "gan": {},
    "gan grid": {"data": "grid"},
    "gan digits": {"data": "digits"},
    "dcgan": {},
    "pix2pix": {},
}
COLUMNS = [
    "run",
    "what is wrong",
    "found",
    "alarms that are wrong",
    "said at the end",
    "seconds to the alarm",
    "seconds",
    "examination",
    "signal",
    "diversity",
    "kinds",
    "critic, unseen",
    "critic, learnt",
    "score",
    "returned",
    "distance",
    "memorised",
]
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
NOTES = [
    (
        "The thresholds were set while looking at seeds 0 to 4 of these games, so their rows flatter "
        "them: diagnosis_unseen.json has seeds 5 to 9, run once, after the thresholds were fixed."
    ),
    "Found: of all seeds, how many runs the right finding was made in, at any look.",
    (
        "Alarms that are wrong: looks of sound games at which anything was found, of all looks; of recipes, "
        "looks with a finding, right or not: nobody knows what is wrong with them."
    ),
    "Figures are the range over seeds, at the last look; two samples of sound games are 1 apart.",
    "Examination: its share of the run's time, processor seconds.",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", nargs="*", help="names; all of them without any")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    known = json.loads(options.out.read_text())["rows"] if options.out.exists() else []
    names = [*broken.SOUND, *broken.BROKEN, *(f"genus fit {name}" for name in RECIPES)]
    for name in options.run or names:
        if any(row[0] == name for row in known):
            continue
        seeds = options.seeds if name in broken.SOUND or name in broken.BROKEN else [0]
        known.append(row_of(name, [played(name, seed) for seed in seeds]))
        known.sort(key=lambda row: names.index(row[0]))
        print(known[[row[0] for row in known].index(name)], flush=True)
        write(options.out, known, options.seeds)


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
            if name in broken.SOUND:
                broken.run(broken.SOUND[name], out, seed)
            elif name in broken.BROKEN:
                broken.run(broken.BROKEN[name][0], out, seed)
            else:
                own = name.removeprefix("genus fit ")
                recipe = recipes.find(own.split()[0])
                default = inspect.signature(recipe).parameters["run"].default
                run = replace(default, seed=seed, device="cpu", out=out)
                recipe(**RECIPES[own], run=run)
            log = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    finally:
        Scores.examine = examine
    return {"log": log, "seconds": time.process_time() - begun, "examination": spent[0]}


def row_of(name: str, runs: list[dict[str, Any]]) -> list[str]:
    """What all seeds of a game come to."""
    wanted = broken.BROKEN[name][1] if name in broken.BROKEN else None
    alarms = looks = found = 0
    seconds, said, last = [], Counter[str](), []
    for run in runs:
        told = [
            (line, [finding.name for finding in diagnosis.ailments(run["log"][:i])])
            for i, line in enumerate(run["log"], 1)
            if line["event"] == "figures"
        ]
        looks += len(told)
        alarms += sum(bool(names) for _, names in told)
        right = [
            line["seconds"] for line, names in told if wanted and any(wanted in n for n in names)
        ]
        found += bool(right)
        seconds += right[:1]
        said.update(finding.name for finding in diagnosis.findings(run["log"]))
        last.append(told[-1][0])
    cells = {
        "run": name,
        "what is wrong": wanted or ("nothing" if name in broken.SOUND else "unknown"),
        "found": f"{found} of {len(runs)}" if wanted else "",
        "alarms that are wrong": "" if wanted else f"{alarms} of {looks}",
        "said at the end": ", ".join(f"{title} {n}" for title, n in said.most_common()),
        "seconds to the alarm": f"{median(seconds):.1f}" if seconds else "",
        "seconds": f"{median(run['seconds'] for run in runs):.1f}",
        "examination": f"{sum(r['examination'] for r in runs) / sum(r['seconds'] for r in runs):.1%}",
        "kinds": kinds(last),
        **{
            column: spread([line.get(f"game/{key}") for line in last])
            for column, key in FIGURES.items()
        },
    }
    return [cells[column] for column in COLUMNS]


def kinds(last: list[dict[str, Any]]) -> str:
    """Modes or classes at the last looks, of how many."""
    for name in ("modes", "classes"):
        if f"game/{name}" in last[0]:
            values = [line[f"game/{name}"] for line in last]
            return f"{spread(values)} of {last[0][f'game/{name}_real']:.0f}"
    return ""


def spread(values: list[float | None]) -> str:
    """The range of the values that there are."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = f"{min(known):.2g}", f"{max(known):.2g}"
    return low if low == high else f"{low} to {high}"


def write(path: Path, rows: list[list[str]], seeds: list[int]) -> None:
    """The table as it is now."""
    names = {name: getattr(diagnosis, name) for name in dir(diagnosis) if name.isupper()}
    table = {
        "title": "Verdicts on games: sound, broken on purpose, and recipes",
        "command": f"python benchmarks/diagnosis.py --seeds {' '.join(map(str, seeds))}",
        "protocol": {"seeds": seeds, "looks": broken.LOOKS, "thresholds": names},
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": COLUMNS,
        "rows": rows,
        "notes": NOTES,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
