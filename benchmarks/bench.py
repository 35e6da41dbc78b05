"""One harness for all benchmarks: cells that resume, one file of results, one table.

    make bench NAME=flow/tables ARGS='--only maf'
    python -m benchmarks.flow.tables --only maf         the same

A benchmark is a file of a family's folder:

    BENCH = Bench(__file__, "Densities of small tables", "model | nats", {"data": "ten folds"})

    @BENCH.cells
    def cells(options: Namespace) -> Iterator[Cell]:
        yield Cell("maf, fold 0", lambda: {"nats": ...})

    @BENCH.rows
    def rows(found: Cells, options: Namespace) -> list[list[str]]:
        return [[name, f"{figures['nats']:.2f}"] for name, figures in found.items()]

    if __name__ == "__main__":
        BENCH.main()

A cell is what is measured at once, minutes at most: its figures are written as soon as they are there,
beside the date, the machine, the versions and the weights that they are of. A cell that is there is not
measured again, so a benchmark that was stopped continues, and several processes may share its cells
(each with other names in --only). The table is made of the cells each time; `--picture` draws them, if
there is a function for it (`@BENCH.picture`). A cell may carry a fingerprint of what it measures: `make stale`
takes it again, and names the cells whose figures are of older code.

Benchmarks want Linux or macOS, whose locks they use.
"""

import argparse
import fcntl
import hashlib
import importlib
import json
import math
import multiprocessing
import platform
import statistics
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from genus import Run, __version__
from genus.core import Model, Space
from genus.core.files import write
from genus.functional.densities.estimates import mean_error
from genus.media import grid
from genus.media.style import png, style
from genus.train import artifact

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PICTURES = HERE.parent / "docs" / "pictures"
TOLERANCE = 1e-4  # relative, of a fingerprint: sums differ in their last digits between processors
DRIFT = 100  # how much larger the difference may be at the end of a fingerprint

Cells = dict[str, Any]  # the figures of each cell, as JSON types
Table = list[list[str]]
Protocol = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """What is measured at once.

    Args:
        name: of the cell, which stays the same from run to run.
        work: measures, and returns figures as JSON types.
        probe: numbers that change when what is measured changes, found in seconds: the losses of the
            first rounds, and the measure on fixed inputs. `--check` asks for them again.
    """

    name: str
    work: Callable[[], Any]
    probe: Callable[[], Sequence[float]] | None = None


class Skipped(Exception):
    """A cell cannot be measured without what an option names; the message says which."""


class Bench:
    """A benchmark: its cells, and how they become a table.

    Args:
        file: the `__file__` of the benchmark; its results go to results/<file's name>.json.
        title: heading of the table.
        columns: headings of its columns, with " | " between them.
        protocol: what the figures depend on, or a function of the options that returns it.
        notes: what stands below the table, an empty line between two notes.
        weights: which of a model's weights are measured: raw, average, best; "" without a model.
        options: default and help of each option of its own; a list takes several values, and a type
            in the place of a default says that there is none.
        threads: of the processor, by default.
    """

    def __init__(
        self,
        file: str,
        title: str,
        columns: str,
        protocol: Protocol | Callable[[Namespace], Protocol],
        notes: str = "",
        weights: str = "",
        options: Mapping[str, tuple[Any, str]] | None = None,
        threads: int = 1,
    ):
        self.file, self.title, self.columns = Path(file), title, columns.split(" | ")
        self.notes = [" ".join(note.split()) for note in notes.split("\n\n") if note.strip()]
        self.protocol, self.weights, self.options = protocol, weights, options or {}
        self.threads = threads
        self.name = self.file.resolve().relative_to(HERE).with_suffix("").as_posix()
        self.results = RESULTS / f"{self.file.stem}.json"
        self.draw: Callable[[Cells, Namespace], Figure] | None = None
        self.further: Callable[[Cells, Namespace], list[str]] = lambda found, options: []

    def cells(self, function: Callable[[Namespace], Iterable[Cell]]) -> Any:
        """Declares the function that yields the cells."""
        self.listed = function
        return function

    def rows(self, function: Callable[[Cells, Namespace], Table]) -> Any:
        """Declares the function that makes the table of the cells that are there."""
        self.table = function
        return function

    def picture(self, function: Callable[[Cells, Namespace], Figure]) -> Any:
        """Declares the function that draws the cells that are there."""
        self.draw = function
        return function

    def remarks(self, function: Callable[[Cells, Namespace], list[str]]) -> Any:
        """Declares the function that makes further notes, of figures that are no row of the table."""
        self.further = function
        return function

    # --- command ------------------------------------------------------------------------------

    def parser(self) -> argparse.ArgumentParser:
        story = (sys.modules[self.listed.__module__].__doc__ or "").splitlines()[0]
        parser = argparse.ArgumentParser(prog=f"make bench NAME={self.name}", description=story)
        parser.add_argument("--only", nargs="+", metavar="CELL", help="names of cells, * for any")
        parser.add_argument(
            "--again", action="store_true", help="measure them though they are there"
        )
        parser.add_argument("--list", action="store_true", help="print the names of the cells")
        parser.add_argument("--check", action="store_true", help="look for figures that are stale")
        parser.add_argument(
            "--stamp",
            action="store_true",
            help="give a fingerprint of today's code to cells that are there and have none",
        )
        parser.add_argument("--out", type=Path, default=self.results, help="file of results")
        parser.add_argument(
            "--threads", type=int, default=self.threads, help="threads of the processor"
        )
        if self.draw is not None:
            parser.add_argument(
                "--picture",
                type=Path,
                nargs="?",
                const=PICTURES / f"{self.file.stem}.png",
                help="draw the picture into this file, or without a name into docs/pictures",
            )
        for name, (default, meaning) in self.options.items():
            several, bare = isinstance(default, list), isinstance(default, type)
            parser.add_argument(
                f"--{name.replace('_', '-')}",
                type=default if bare else type(default[0] if several else default),
                nargs="+" if several else None,
                default=None if bare else default,
                help=meaning if bare else f"{meaning} (default: {default})",
            )
        return parser

    def main(self, words: Sequence[str] | None = None) -> None:
        """Measures the cells that are missing, and writes the table."""
        options = self.parser().parse_args(words)
        torch.set_num_threads(options.threads)
        listed = [cell for cell in self.listed(options) if self._wanted(cell.name, options)]
        if options.list:
            print(*(cell.name for cell in listed), sep="\n")
            return
        known = self.read(options.out)
        if options.check:
            sys.exit("\n".join(stale(self.name, listed, known)) or 0)
        self._same_protocol(options)
        if options.stamp:
            for name, record in stamped(listed, known):
                self.write(options, {name: record})
            return
        for cell in listed:
            if options.again or cell.name not in self.read(options.out):
                try:
                    record = self.measured(cell, options)
                except Skipped as why:
                    print(f"{cell.name}: left out: {why}", flush=True)
                    continue
                self.write(options, {cell.name: record})
                print(f"{cell.name}: {json.dumps(record['figures'])[:200]}", flush=True)
        self.write(options, {})
        if self.draw is not None and options.picture:
            figures = {name: r["figures"] for name, r in self.read(options.out).items()}
            options.picture.parent.mkdir(parents=True, exist_ok=True)
            write(options.picture, image(partial(self.draw, figures, options)))

    def _wanted(self, name: str, options: Namespace) -> bool:
        return not options.only or any(fnmatch(name, pattern) for pattern in options.only)

    def _same_protocol(self, options: Namespace) -> None:
        """Stops if the cells that are there were measured by another protocol."""
        if options.out.exists():
            was = json.loads(options.out.read_text("utf-8"))
            if was["cells"] and was["protocol"] != _plain(self.protocol_of(options)):
                sys.exit(
                    f"{self.name}: {options.out} holds cells of another protocol; give another --out, "
                    f"or move the file away"
                )

    # --- records ------------------------------------------------------------------------------

    def measured(self, cell: Cell, options: Namespace) -> dict[str, Any]:
        """The record of a cell: its figures, and what they are of."""
        begun = time.process_time()
        figures = cell.work()
        record = {
            "figures": _plain(figures),
            "cpu_seconds": round(time.process_time() - begun, 1),
            "date": date.today().isoformat(),
            "machine": machine(options.threads),
            "versions": versions(),
            "weights": self.weights,
            "source": hashlib.sha256(self.file.read_bytes()).hexdigest()[:16],
        }
        if cell.probe is not None:
            record["fingerprint"] = list(cell.probe())
        return record

    def read(self, path: Path) -> dict[str, Any]:
        """The records of the cells that are there."""
        return json.loads(path.read_text("utf-8"))["cells"] if path.exists() else {}

    def write(self, options: Namespace, new: Mapping[str, Any]) -> None:
        """Puts records beside those that are there, and the table of all into the file."""
        path: Path = options.out
        with locked(path):
            records = {**self.read(path), **new}
            found = {name: record["figures"] for name, record in records.items()}
            last = max(records.values(), key=lambda r: r["date"], default={"date": ""})
            content = {
                "title": self.title,
                "command": f"make bench NAME={self.name}",
                "protocol": _plain(self.protocol_of(options)),
                "date": last["date"],
                "machine": last.get("machine", machine(options.threads)),
                "versions": last.get("versions", versions()),
                "columns": self.columns,
                "rows": self.table(found, options),
                "notes": self.notes_of(found, options),
                "cells": records,
            }
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())

    def protocol_of(self, options: Namespace) -> Protocol:
        return self.protocol(options) if callable(self.protocol) else self.protocol

    def notes_of(self, found: Cells, options: Namespace) -> list[str]:
        return [*self.notes, *self.further(found, options)]


def stale(bench: str, cells: Iterable[Cell], known: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each cell whose figures are of something that has changed since."""
    for cell in cells:
        was = known.get(cell.name, {}).get("fingerprint")
        if was is None or cell.probe is None:
            continue
        try:
            now = cell.probe()
        except Skipped as why:
            print(f"{bench}: {cell.name}: not looked at: {why}", flush=True)
            continue
        if not alike(was, now):
            yield f"{bench}: {cell.name} is stale: it was measured before a change of what it measures"


def stamped(
    cells: Iterable[Cell], known: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The records that have no fingerprint, with that of today's code: their figures are believed."""
    for cell in cells:
        record = known.get(cell.name)
        if record is not None and "fingerprint" not in record and cell.probe is not None:
            yield cell.name, {**record, "fingerprint": list(cell.probe())}
            print(f"{cell.name} has its fingerprint", flush=True)


def _plain(figures: Any) -> Any:
    """Figures as they come back from JSON."""
    return json.loads(json.dumps(figures))


def alike(was: Sequence[float], now: Sequence[float]) -> bool:
    """Whether two fingerprints are the same, to the digits that processors agree on."""
    return len(was) == len(now) and all(
        close(a, b, i / len(was)) for i, (a, b) in enumerate(zip(was, now, strict=True))
    )


def close(was: float, now: float, share: float) -> bool:
    """Whether two processors may disagree so much after this share of a fingerprint, in [0, 1].

    Training amplifies the last digits, by which sums differ: those of games a hundredfold in 20 rounds.
    """
    tolerance = TOLERANCE * DRIFT**share
    return math.isclose(was, now, rel_tol=tolerance, abs_tol=1e-6) or (
        math.isnan(was) and math.isnan(now)
    )


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time reads and writes a file of results."""
    name = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"genus-bench-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def machine(threads: int = 1) -> str:
    """The kind of machine, as a table says it."""
    return f"{platform.machine()} CPU, {threads} thread{'s' if threads > 1 else ''}"


def versions() -> dict[str, str]:
    return {"genus": __version__, "torch": torch.__version__.partition("+")[0]}


# --- what benchmarks share --------------------------------------------------------------------


def size(*modules: nn.Module) -> int:
    """How many parameters there are."""
    return sum(p.numel() for module in modules for p in module.parameters())


def spread(values: Sequence[float], digits: int = 2) -> str:
    """The mean, ± the standard deviation where there are several values."""
    mean = f"{statistics.mean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


def with_error(value: float, error: float | None, digits: int = 2) -> str:
    """A value, ± its standard error where there is one."""
    return f"{value:.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}")


def in_turns(
    works: Mapping[str, Callable[[], object]],
    repeats: int = 5,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, float]:
    """The median seconds of each work, which take turns; the first turn of each is not counted."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            begun = clock()
            work()
            if turn:
                found[name].append(clock() - begun)
    return {name: statistics.median(values) for name, values in found.items()}


def trained(train: Callable[..., Model], run: Run, folder: Path | None) -> tuple[Model, float]:
    """The model that a recipe trains, by its best checkpoint, and the CPU minutes that it took.

    Args:
        train: the recipe, which is called with `run` alone.
        run: of the recipe; `out` and `device` are set here.
        folder: where the run is kept, and continued if it was stopped; None for one that is thrown away.
            After a kill that left no time to note the minutes, they are not known: NaN.
    """
    with tempfile.TemporaryDirectory() as spare:
        out = folder or Path(spare) / "run"
        done, resume = out / "cpu_minutes.json", (out / "state.pt").exists()
        unknown = {"minutes": math.nan if resume else 0.0, "whole": False}
        record = json.loads(done.read_text()) if done.exists() else unknown
        if not record["whole"]:
            if done.exists():
                done.unlink()  # a kill from now on leaves minutes that nobody has counted
            begun = time.process_time()
            try:
                train(run=replace(run, out=out, device="cpu", resume=resume))
                record["whole"] = True
            finally:
                record["minutes"] += (time.process_time() - begun) / 60
                if out.exists():
                    write(done, json.dumps(record).encode())
        best = out / "best"
        return artifact.load(best if best.exists() else out).eval(), record["minutes"]


@dataclass(frozen=True)
class Training:
    """A model that a recipe trains.

    Args:
        label: what its row says.
        recipe: trains the model.
        run: how long; its `evaluate_every` says how often there is a checkpoint to choose from.
        options: of the recipe, such as `data`.
    """

    label: str
    recipe: Callable[..., Model]
    run: Run
    options: Mapping[str, Any] = field(default_factory=dict)

    def trained(self, folder: Path | None, **more: Any) -> tuple[Model, float]:
        """The model, and CPU minutes; a folder keeps the run."""
        return trained(partial(self.recipe, **self.options, **more), self.run, folder)

    def probe(self, **more: Any) -> list[float]:
        return first_losses(partial(self.recipe, **self.options, **more), self.run)

    def seeded(self, seed: int) -> "Training":
        """The same, with another seed."""
        return replace(self, run=replace(self.run, seed=seed))

    @property
    def budget(self) -> str:
        return f"{self.run.rounds:,} x {self.run.batch}"


def first_losses(
    train: Callable[..., Model], run: Run, rounds: int = 20, game: bool = False
) -> list[float]:
    """A fingerprint: every loss of the first rounds, and the figures of the validation rows after them.

    Args:
        game: whether the figures of an examination of the game count too.
    """
    with first_rounds(train, run, rounds) as out:
        lines = [line for log in logs(out).values() for line in log]
    left_out = ("round", "latent/") if game else ("round", "game/", "latent/")
    return [
        float(line[name])
        for line in lines
        for name in sorted(line)
        if not name.startswith(left_out)
    ]


@contextmanager
def first_rounds(train: Callable[..., Model], run: Run, rounds: int) -> Iterator[Path]:
    """The folder of a run that ends after a few rounds, with each of them in its log."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        limits: dict[str, Any] = {"rounds": rounds, "minutes": None, "log_every": 1}
        train(run=replace(run, **limits, out=out, device="cpu", resume=False))
        yield out


def logs(out: Path) -> dict[str, list[dict[str, Any]]]:
    """The lines of all logs in the folder of a run, without what the clock says."""
    found = {}
    for path in sorted(out.rglob("metrics.jsonl")):
        lines = map(json.loads, path.read_text("utf-8").splitlines())
        drop = ("seconds", "event")
        found[str(path.relative_to(out))] = [
            {name: value for name, value in line.items() if name not in drop} for line in lines
        ]
    return found


def seeded_cells(
    models: Mapping[str, Any],
    measure: Callable[[Any, Path | None], dict[str, Any]],
    options: Namespace,
    data: str,
) -> Iterator[Cell]:
    """A cell "NAME | seed k" for each seed of each `Training` that has `seeds`, its run in a folder of its own."""
    for name, entry in models.items():
        for seed in range(entry.seeds):
            of_seed = entry.seeded(seed)
            folder = options.weights and options.weights / f"{name}-{seed}"
            work, probe = partial(measure, of_seed, folder), partial(of_seed.probe, data=data)
            yield Cell(f"{name} | seed {seed}", work, probe)


def of_seeds(found: Cells, name: str) -> list[Any]:
    """The figures of the cells "NAME | seed 0", "NAME | seed 1" and so on, of those that are there."""
    return [figures for cell, figures in found.items() if cell.rpartition(" | seed ")[0] == name]


@torch.no_grad()
def nats(model: Any, batch: Sequence[Tensor], rows: int = 250) -> tuple[float, float]:
    """Mean of -log p of a batch, so many rows at once, and its standard error."""
    parts = zip(*(x.split(rows) for x in batch), strict=True)
    return mean_error(torch.cat([-model.log_prob(*part).double() for part in parts]))


def given(path: Path | None, option: str) -> Path:
    """What an option names that has no default, such as a peer's checkout, where a cell needs it."""
    return path or sys.exit(f"this cell needs --{option}")


def image(draw: Callable[[], Figure]) -> bytes:
    """What a function draws, in the style of all pictures, as a png."""
    with style():
        return png(draw())


def drawn(draw: Callable[[Namespace], Figure], name: str, options: Namespace) -> dict[str, str]:
    """The figures of a cell that draws: its picture, beside the pages, or beside another --out."""
    path = (PICTURES if options.out.parent == RESULTS else options.out.parent) / f"{name}.png"
    write(path, image(partial(draw, options)))
    return {"picture": path.name}


def sheet(axes: Axes, x: Tensor, space: Space, columns: int = 10, title: str = "") -> None:
    """Images side by side."""
    axes.imshow(grid(x, space, columns), cmap="gray", interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title, fontsize=8)


def peer(name: str, folder: Path | None) -> Any:
    """A library that is measured beside genus, from the folder that an option names."""
    if folder is None or not (folder / name).exists():
        sys.exit(
            f"{name} is wanted: pip install --target FOLDER {name}, and name FOLDER by an option"
        )
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    return importlib.import_module(name)


def apart(work: Callable[..., Any], *given: Any) -> Any:
    """What a function of a module returns in a process of its own, for the peak of its memory."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


def kept_bytes(field: str) -> int:
    """A size of this process that Linux keeps: VmRSS, what it holds, or VmHWM, the most it ever held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


def every() -> Iterator[Bench]:
    """All benchmarks of this folder."""
    for path in sorted(HERE.glob("*/*.py")):
        yield importlib.import_module(f"benchmarks.{path.parent.name}.{path.stem}").BENCH


def main() -> None:
    """Lists all benchmarks, or looks for stale figures in those that are named."""
    from benchmarks import recipes

    parser = argparse.ArgumentParser(prog="make stale", description=main.__doc__)
    parser.add_argument("names", nargs="*", help="of benchmarks, such as flow/*; all without any")
    parser.add_argument("--list", action="store_true", help="only print the names")
    options = parser.parse_args()
    torch.set_num_threads(1)
    measured = {"recipes": (recipes.read(), recipes.cells)}
    for bench in every():
        cells = partial(bench.listed, bench.parser().parse_args([]))
        measured[bench.name] = bench.read(bench.results), cells
    found = []
    for name, (known, cells) in measured.items():
        if options.names and not any(fnmatch(name, pattern) for pattern in options.names):
            continue
        with_print = sum("fingerprint" in record for record in known.values())
        print(f"{name}: {len(known)} cells, {with_print} with a fingerprint", flush=True)
        if not options.list:
            found += stale(name, cells(), known)
    sys.exit("\n".join(found) or 0)


if __name__ == "__main__":
    main()
