"""compare: trains several recipes on one data set, measures them and writes one page.

    OUT/index.html      the page: one self-contained file
    OUT/results.json    everything on the page, for other programs
    OUT/RECIPE/         the run: an artifact that `genus sample` and `genus evaluate` open

A recipe that fails is reported, and the others continue. Results are written after each recipe.
"""

import json
import os
import platform
import shlex
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from ... import measure
from ..._version import __version__
from ...core.files import write
from ...data import Data
from ...data import load as load_data
from ...errors import Refused
from ...measure.oracles import oracle_for
from ...media.origin import origin, presentable
from ...report import groups, page, printed
from ...report.pictures import picture_of_data
from ...report.record import Judges, recorded
from ...train.artifact import weights_hash
from ...train.parts import encode, outside
from ..arguments.options import RecipeParser
from ..arguments.own import entry_of, folder_of, recipe_of
from ..errors import ERRORS, OK, answer, say, writing

Record = dict[str, Any]  # of one recipe, as JSON types


def compare(
    names: Sequence[str],
    *,
    data: str,
    minutes: float,
    out: Path,
    oracle: Path | None = None,
    extractor: Path | None = None,
    seed: int = 0,
    device: str = "auto",
    threads: int = 1,
    resume: bool = False,
) -> int:
    """Trains, measures and reports; returns an exit code, 0 if every recipe went well.

    Args:
        names: names of the recipes.
        data: name or path of a data set; each recipe takes the view of it that it needs.
        minutes: training time of each recipe, in minutes.
        out: folder of the report, created if it is missing.
        oracle: run of the recipe `oracle`, to judge samples; by default the one that ships.
        extractor: run of the recipe `extractor`, to judge samples of pictures instead.
        seed: random seed of every run.
        device: device as in `Run`.
        threads: number of threads.
        resume: whether to keep the finished runs in `out` and continue the others.
    """
    folders = [folder_of(name) for name in names]
    if twice := {name for name in folders if folders.count(name) > 1}:
        raise Refused(f"compare: {', '.join(sorted(twice))} is named twice")
    torch.set_num_threads(threads)
    source = load_data(data)
    judge = oracle_for(source.name, source.space) if oracle is None else measure.oracle(oracle)
    judges: Judges = {"oracle": judge}
    if extractor is not None:
        if oracle is not None:
            raise Refused("compare: --oracle and --extractor are given; one of them judges")
        judges = {"extractor": measure.extractor(extractor)}
    before = _claim(out, resume)
    words = ["compare", *names, "--data", data, "--minutes", f"{minutes:g}"]
    words += ["--oracle", str(oracle)] if oracle else []
    words += ["--extractor", str(extractor)] if extractor else []
    words += ["--seed", str(seed)] if seed else []
    words += ["--threads", str(threads)] if threads != 1 else []
    sizes = {name: len(split) for name, split in source.splits.items()}
    results: Record = {
        "genus": __version__,
        "data": {"name": source.name, "space": str(source.space), "splits": sizes},
        "minutes": minutes,
        "seed": seed,
        "machine": _machine(device),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": f"genus {shlex.join(presentable(words))}",
        "real": picture_of_data(source, out, origin(out, seed, words)),
    }
    options = {"data": data, "minutes": minutes, "seed": seed, "oracle": oracle and str(oracle)}
    if extractor is not None:
        options["extractor"] = str(extractor)
    asked = {**presentable(options), "content": source.recorded().content}
    for number, name in enumerate(names, 1):
        record = before.get(name)
        if record is not None and _finished(record, asked, out / folder_of(name)):
            say(f"{name}, {number} of {len(names)}: is finished")
        else:
            say(f"{name}, {number} of {len(names)}: learns for {minutes:g} minutes")
            record = _attempt(name, source, options, out / folder_of(name), device, judges, words)
            record["asked"] = asked
        before[name] = record
        known = [before[other] for other in names if other in before]
        write(out / "results.json", json.dumps({**results, "models": known}, indent=1).encode())
    results["models"] = [before[name] for name in names]
    write(out / "index.html", page(results, out).encode())
    print(printed(groups(results["models"])))
    print(f"\n{out / 'index.html'}")
    return max(record["code"] for record in results["models"])


def _claim(out: Path, resume: bool) -> dict[str, Record]:
    """Creates the folder, and returns the records of recipes that it holds already."""
    if out.exists() and not out.is_dir():
        raise Refused(f"compare: {out} is a file; --out must be a folder")
    if not resume and out.is_dir() and any(out.iterdir()):
        raise Refused(
            f"compare: {out} is not empty; --resume continues it, or --out names another folder"
        )
    out.mkdir(parents=True, exist_ok=True)
    path, known = out / "results.json", {}
    if path.exists():
        try:
            known = {
                record["name"]: record for record in json.loads(path.read_text("utf-8"))["models"]
            }
        except (ValueError, KeyError, TypeError):
            raise Refused(f"compare: {path} is damaged; delete it to measure anew") from None
    else:
        write(path, b'{"models": []}')  # finds out now whether the folder can be written
    return known


def _finished(record: Record, asked: Mapping[str, Any], folder: Path) -> bool:
    """Whether the model in a folder is of what is asked, and still the one that was measured."""
    if record.get("failure", "unknown") or record.get("asked") != asked:
        return False
    return record.get("weights") == weights_hash(folder)


def _attempt(
    name: str,
    source: Data,
    options: Mapping[str, Any],
    folder: Path,
    device: str,
    judges: Judges,
    words: Sequence[str],
) -> Record:
    """The record of a recipe, also if it failed."""
    record: Record = {**asdict(entry_of(name)), "code": OK, "failure": None}
    try:
        parser = RecipeParser(recipe_of(name), folder, name)
        given = {option: value for option, value in options.items() if option in parser.defaults}
        given |= {"out": folder, "device": device, "resume": folder.is_dir()}
        with writing(folder):
            model = parser.train(parser.resolved(given))
        say(f"{name}: is measured")
        allow = outside(encode(model))  # what has just run here
        return record | recorded(folder, source, options["seed"], device, judges, words, allow)
    except ERRORS as error:
        code, sentence = answer(error)
        say(f"{name}: {sentence}; the others continue")
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / "failure.txt", traceback.format_exc().encode())
        return record | {"code": code, "failure": sentence}


# --- circumstances ----------------------------------------------------------------------------


def _machine(device: str) -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": device,
        "torch": torch.__version__,
        "python": sys.version.split()[0],
    }
