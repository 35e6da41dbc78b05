"""compare: several recipes trained on one data set, each measured, and put on one page.

    OUT/index.html      the page: self-contained, to be opened, sent or printed
    OUT/results.json    everything that the page says, for other programs
    OUT/RECIPE/         the run: an artifact that `genus sample` and `genus evaluate` open

A recipe that fails is reported, and the others go on. Results are written after each recipe.
"""

import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import measure, recipes
from .._version import __version__
from ..core import Reals
from ..data import Data
from ..data import load as load_data
from ..functional.densities.neighbours import distances
from ..measure.games.diagnosis import diagnose
from ..measure.oracles import Oracle, oracle_for
from ..report import groups, page, printed
from ..show import grid, save_png
from ..train.artifact import digest, load, read_config, write
from ..train.process import begin
from .errors import ERRORS, OK, Mistake, answer, say, writing
from .options import RecipeParser
from .trained import contexts, drawn

GRID = 64  # samples in a picture
TRIPLES = 24  # samples in a picture, where each stands beside what was given and what is true
POINTS = 2000  # samples in a scatter plot
SHOWN, NEAR = 6, 4  # samples whose nearest neighbours are shown, and how many of those
FRAMES = 5  # pictures of how samples came to be
CURVE = 240  # points of a learning curve

Record = dict[str, Any]  # of one recipe, as JSON types


def compare(
    names: Sequence[str],
    *,
    data: str,
    minutes: float,
    out: Path,
    oracle: Path | None = None,
    seed: int = 0,
    device: str = "auto",
    threads: int = 1,
    resume: bool = False,
) -> int:
    """Trains, measures and reports; returns an exit code, 0 if every recipe went well.

    Args:
        names: of the recipes.
        data: name or path of a data set; each recipe takes the view of it that it needs.
        minutes: of training, for each recipe.
        out: the folder, made if need be.
        oracle: the run of the recipe `oracle` that judges samples; without it, the one that ships.
        seed: of every run.
        device: as in `Run`.
        threads: of the processor.
        resume: keeps what is finished in `out`, and goes on with what is not.
    """
    if twice := {name for name in names if list(names).count(name) > 1}:
        raise Mistake(f"compare: {', '.join(sorted(twice))} is named twice")
    torch.set_num_threads(threads)
    source = load_data(data)
    judge = oracle_for(source.name, source.space) if oracle is None else measure.oracle(oracle)
    before = _claim(out, resume)
    results: Record = {
        "genus": __version__,
        "data": {"name": source.name, "space": str(source.space), "splits": _sizes(source)},
        "minutes": minutes,
        "seed": seed,
        "machine": _machine(device),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": f"genus compare {' '.join(names)} --data {data} --minutes {minutes:g}"
        + (f" --oracle {oracle}" if oracle else "")
        + (f" --seed {seed}" if seed else "")
        + (f" --threads {threads}" if threads != 1 else ""),
        "real": _picture_of_data(source, out),
    }
    asked = {"data": data, "minutes": minutes, "seed": seed, "oracle": oracle and str(oracle)}
    for number, name in enumerate(names, 1):
        record = before.get(name)
        if record is not None and _finished(record, asked, out / name):
            say(f"{name}, {number} of {len(names)}: is finished")
        else:
            say(f"{name}, {number} of {len(names)}: learns for {minutes:g} minutes")
            record = _attempt(name, source, asked, out / name, device, judge)
        before[name] = record
        known = [before[other] for other in names if other in before]
        write(out / "results.json", json.dumps({**results, "models": known}, indent=1).encode())
    results["models"] = [before[name] for name in names]
    write(out / "index.html", page(results, out).encode())
    print(printed(groups(results["models"])))
    print(f"\n{out / 'index.html'}")
    return max(record["code"] for record in results["models"])


def _claim(out: Path, resume: bool) -> dict[str, Record]:
    """Makes sure of the folder, and returns what it knows of recipes already."""
    if out.exists() and not out.is_dir():
        raise Mistake(f"compare: {out} is a file; --out must be a folder")
    if not resume and out.is_dir() and any(out.iterdir()):
        raise Mistake(
            f"compare: {out} is not empty; --resume goes on with it, or --out names another folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    path, known = out / "results.json", {}
    if path.exists():
        try:
            known = {record["name"]: record for record in json.loads(path.read_text())["models"]}
        except (ValueError, KeyError, TypeError):
            raise Mistake(f"compare: {path} is damaged; delete it to measure anew") from None
    else:
        write(path, b'{"models": []}')  # finds out now whether the folder can be written
    return known


def _finished(record: Record, asked: Mapping[str, Any], folder: Path) -> bool:
    """Whether the model in a folder is what was asked for, and still the one that was measured."""
    if record["failure"] or record.get("asked") != asked:
        return False
    return record["weights"] == digest(load(folder).state_dict())


def _attempt(
    name: str,
    source: Data,
    asked: Mapping[str, Any],
    folder: Path,
    device: str,
    judge: Oracle | None,
) -> Record:
    """What there is to say of a recipe, be it that it failed."""
    entry = next(entry for entry in recipes.catalogue() if entry.name == name)
    record: Record = {**asdict(entry), "asked": asked, "code": OK, "failure": None}
    try:
        parser = RecipeParser(recipes.find(name), folder)
        given = {option: value for option, value in asked.items() if option in parser.defaults}
        given |= {"out": folder, "device": device, "resume": (folder / "state.pt").exists()}
        with writing(folder):
            parser.train(parser.resolved(given))
        say(f"{name}: is measured")
        return record | _measured(folder, source, asked["seed"], device, judge)
    except ERRORS as error:
        code, sentence = answer(error)
        say(f"{name}: {sentence}; the others go on")
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / "failure.txt", traceback.format_exc().encode())
        return record | {"code": code, "failure": sentence}


def _measured(folder: Path, source: Data, seed: int, device: str, judge: Oracle | None) -> Record:
    """Figures, pictures, curves and speeds of the model in a folder."""
    model = load(folder, device=str(begin(device)))
    view = source.view_for(model)
    config = read_config(folder)
    training = config["training"]
    began = time.perf_counter()
    figures = measure.evaluate(model, view, oracle=judge)
    measuring = time.perf_counter() - began
    n = POINTS if isinstance(view.space, Reals) and view.space.dims <= 2 else GRID
    if view.context_space is not None and view.context_space.shape:
        n = TRIPLES
    context = contexts(model, n, lambda: view)
    return {
        "weights": digest(model.state_dict()),
        "class": config["model"]["class"].rpartition(".")[2],
        "promises": config["promises"],
        "parameters": config["parameters"],
        "view": str(view.space),
        "given": str(view.context_space) if view.context_space else None,
        "rounds": training["rounds"],
        "seconds": training["seconds"],
        "measuring_seconds": round(measuring, 1),
        "rounds_per_second": training["rounds"] / max(1e-9, training["seconds"]),
        "samples_per_second": next(f.value for f in figures if f.name == "samples_per_second"),
        "figures": json.loads(measure.to_json(figures)),
        "curves": curves(folder / "metrics.jsonl"),
        "game": _game(folder),
        "pictures": _pictures(folder, judge, view, drawn(model, n, context, seed), context),
        "history": _history(folder),
    }


def _game(folder: Path) -> list[str]:
    """What its log says of an adversarial run; nothing of others."""
    logged = (folder / "metrics.jsonl").exists()
    return [finding.sentence for finding in diagnose(folder)] if logged else []


# --- pictures ---------------------------------------------------------------------------------


def _picture_of_data(source: Data, out: Path) -> str:
    x = source.test.everything()[0]
    n = POINTS if isinstance(source.space, Reals) and source.space.dims <= 2 else GRID
    save_png(grid(x[:n], source.space), out / "real.png")
    return "real.png"


def _pictures(
    folder: Path, judge: Oracle | None, view: Data, x: Tensor, context: Tensor | None
) -> dict[str, str]:
    """Pictures of samples and of their nearest training rows; paths from the folder above."""
    space, pictures = view.space, {}

    def keep(name: str, rows: Tensor, columns: int | None = None) -> None:
        save_png(grid(rows, space, columns), folder / f"{name}.png")
        pictures[name] = f"{folder.name}/{name}.png"

    if context is not None and context.shape == x.shape:  # what was given, what came, what was true
        save_png(
            grid(_side_by_side(context, x, view), Reals(_triple(space.shape)), 3),
            folder / "samples.png",
        )
        pictures["samples"] = f"{folder.name}/samples.png"
    else:
        keep("samples", x, 10 if context is not None and context.ndim == 1 else None)
    if len(space.shape) != 3 or len(x) < SHOWN:
        return pictures
    train = view.train.everything()[0]
    keep("shown", x[:SHOWN], 1)
    keep("near_pixels", train[_nearest(x[:SHOWN].flatten(1), train.flatten(1))], NEAR)
    if judge is not None:
        seen, known = judge.see(x[:SHOWN], space).features, judge.see(train, space).features
        keep("near_oracle", train[_nearest(seen, known)], NEAR)
    return pictures


def _history(folder: Path) -> list[tuple[int, str]]:
    """Some of the pictures that were drawn on the way: rounds, and paths from the folder above."""
    paths = sorted((folder / "samples").glob("*.png"))
    last = len(paths) - 1
    some = sorted({round(i * last / (FRAMES - 1)) for i in range(FRAMES)}) if last > 0 else []
    return [(int(paths[i].stem), f"{folder.name}/samples/{paths[i].name}") for i in some]


def _nearest(x: Tensor, train: Tensor) -> Tensor:
    """Numbers of the nearest rows, the nearest first, row after row."""
    return distances(x, train).topk(NEAR, largest=False).indices.flatten()


def _triple(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-1], 3 * shape[-1])


def _side_by_side(context: Tensor, x: Tensor, view: Data) -> Tensor:
    truth = view.test.everything()[0]
    return torch.cat([context, x, truth[torch.arange(len(x)) % len(truth)]], dim=-1)


# --- what the log says ------------------------------------------------------------------------


def curves(path: Path) -> dict[str, dict[str, list[list[float]]]]:
    """Of each player, of each term: [round, seconds, value], at most some hundreds of points."""
    found: dict[str, dict[str, list[list[float]]]] = {}
    lines = path.read_text().splitlines() if path.exists() else []
    for line in map(json.loads, lines):
        for name, value in line.items():
            if name in ("event", "round", "seconds"):
                continue
            player, _, term = name.rpartition("/")
            player = player or ("model" if line["event"] == "losses" else "figures")
            points = found.setdefault(player, {}).setdefault(term, [])
            points.append([line["round"], line["seconds"], value])
    return {p: {t: _thinned(points) for t, points in terms.items()} for p, terms in found.items()}


def _thinned(points: list[list[float]]) -> list[list[float]]:
    """Means of neighbours, so that no more than CURVE points are left."""
    step = -(-len(points) // CURVE)
    parts = [points[i : i + step] for i in range(0, len(points), step)]
    return [[sum(column) / len(part) for column in zip(*part, strict=True)] for part in parts]


# --- circumstances ----------------------------------------------------------------------------


def _sizes(source: Data) -> dict[str, int]:
    return {name: len(split) for name, split in source.splits.items()}


def _machine(device: str) -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": device,
        "torch": torch.__version__,
        "python": sys.version.split()[0],
    }
