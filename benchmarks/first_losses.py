"""The first losses of every recipe, and its weights after 20 rounds: what a change of code must not change.

    python -m benchmarks.first_losses --record FILE [RECIPE ...]
    python -m benchmarks.first_losses --compare FILE [RECIPE ...]

On the machine that recorded the file, all must be equal bit for bit. Elsewhere the order of a sum is
another, so losses and the norms of weights are compared to 1e-4 relative, growing to 1e-2 in the last
round. The committed reference is
benchmarks/results/first_losses.json. Recipes whose data are not built in need the folder GENUS_DATA.
Each recipe runs in a process of its own, on one thread, two at a time.
"""

import argparse
import hashlib
import inspect
import json
import math
import multiprocessing
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from benchmarks.bench import TOLERANCE, close, first_rounds, logs
from genus import recipes
from genus.core.files import write

ROUNDS = 20
Record = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recipe", nargs="*", help="names; all of them without any")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--record", type=Path, metavar="FILE", help="write the figures into FILE")
    what.add_argument("--compare", type=Path, metavar="FILE", help="compare with those in FILE")
    parser.add_argument("--processes", type=int, default=2, help="recipes that run at once")
    options = parser.parse_args()
    names = options.recipe or recipes.names()
    if not os.environ.get("GENUS_DATA"):
        sys.exit("first_losses: set GENUS_DATA to the folder of data; some recipes learn from it")
    before = known(options.record or options.compare, must_exist=options.compare is not None)
    if options.record and not options.recipe:
        before["recipes"] = {}
    elif options.record and before["machine"] != machine():
        sys.exit("first_losses: FILE is of another machine; record all recipes anew")
    found = measure(names, options.processes)
    if options.record:
        whole = dict(sorted({**before["recipes"], **found}.items()))
        content = {"rounds": ROUNDS, "machine": machine(), "recipes": whole}
        write(options.record, (json.dumps(content, indent=1) + "\n").encode())
        print(f"{len(found)} recipes recorded in {options.record}, which has {len(whole)}")
        return 0
    exact = before["machine"] == machine()
    changes = differences(before["recipes"], found, exact, whole=not options.recipe)
    for line in changes:
        print(line)
    how = "bit for bit" if exact else f"to {TOLERANCE} relative, on another machine"
    print(f"{len(found)} recipes compared {how}: {len(changes)} differ")
    return 1 if changes else 0


def known(file: Path, must_exist: bool) -> Record:
    """What a file holds; nothing of this machine if there is none and none must be."""
    if not must_exist and not file.exists():
        return {"rounds": ROUNDS, "machine": machine(), "recipes": {}}
    try:
        before = json.loads(file.read_text())
        rounds = before["rounds"], before["machine"], before["recipes"]
    except OSError as error:
        sys.exit(f"first_losses: {file}: {error.strerror}")
    except (ValueError, KeyError, TypeError):
        sys.exit(f"first_losses: {file} is damaged; take it from git, or record it anew")
    if rounds[0] != ROUNDS:
        sys.exit(f"first_losses: {file} is of {rounds[0]} rounds; {ROUNDS} are wanted")
    return before


def machine() -> dict[str, str]:
    """What the bits of a sum depend on."""
    lines = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    kinds = ("model name", "cpu family", "model", "stepping", "flags")
    fields = dict(map(str.strip, line.split(":", 1)) for line in lines.splitlines() if ":" in line)
    cpu = "\n".join(fields.get(kind, "") for kind in kinds)
    return {
        "processor": fields.get("model name", platform.processor()),
        "features": hashlib.sha256(cpu.encode()).hexdigest()[:16],
        "torch": torch.__version__,
    }


def measure(names: list[str], processes: int) -> dict[str, Record]:
    context = multiprocessing.get_context("spawn")
    found = {}
    with context.Pool(processes, maxtasksperchild=1) as pool:
        for name, record, seconds in pool.imap_unordered(first, names, chunksize=1):
            print(f"{name}: {seconds:.0f} s", flush=True)
            found[name] = record
    return {name: found[name] for name in sorted(found)}


def first(name: str) -> tuple[str, Record, float]:
    """Losses of each round, figures at the end, and a digest of the weights, of one recipe."""
    torch.set_num_threads(1)
    begun, recipe = time.perf_counter(), recipes.find(name)
    run = inspect.signature(recipe).parameters["run"].default
    with first_rounds(recipe, run, ROUNDS) as out:
        weights = {
            str(path.relative_to(out)): weigh(path)
            for path in sorted(out.rglob("model.safetensors"))
            if path.parent.name != "best"
        }
        record = {"log": logs(out), "weights": weights}
    return name, record, time.perf_counter() - begun


def weigh(path: Path) -> dict[str, Any]:
    """A digest of the tensors, whatever their names, and their common norm."""
    tensors = load_file(path).values()
    digests = sorted(
        hashlib.sha256(f"{t.dtype} {tuple(t.shape)}".encode() + t.numpy().tobytes()).hexdigest()
        for t in tensors
    )
    norm = math.sqrt(sum(t.double().square().sum().item() for t in tensors))
    return {"sha256": hashlib.sha256("".join(digests).encode()).hexdigest(), "norm": norm}


def differences(
    before: dict[str, Record], now: dict[str, Record], exact: bool, whole: bool
) -> list[str]:
    """A line for each recipe that is not as it was."""
    lines = [f"{name}: is gone" for name in sorted(before.keys() - now.keys()) if whole]
    for name, record in now.items():
        if name not in before:
            lines.append(f"{name}: is new")
        elif fault := difference(before[name], record, exact):
            lines.append(f"{name}: {fault}")
    return lines


def difference(before: Record, now: Record, exact: bool) -> str | None:
    """The first thing in which two records of a recipe differ."""
    for path in sorted(before["log"].keys() | now["log"].keys()):
        was, new = before["log"].get(path, []), now["log"].get(path, [])
        if [[*line] for line in was] != [[*line] for line in new]:
            return f"{path} has other rounds or terms"
        for line, other in zip(was, new, strict=True):
            for term in line:
                if not equal(line[term], other[term], exact, line["round"] / ROUNDS):
                    return f"round {line['round']}, {term}: {line[term]!r}, now {other[term]!r}"
    for path in sorted(before["weights"].keys() | now["weights"].keys()):
        was, new = before["weights"].get(path), now["weights"].get(path)
        if was is None or new is None:
            return f"{path} is written by one of them alone"
        if exact and was["sha256"] != new["sha256"]:
            return f"{path} has other weights (norm {was['norm']!r}, now {new['norm']!r})"
        if not equal(was["norm"], new["norm"], exact):
            return f"{path}: the weights' norm was {was['norm']!r}, now {new['norm']!r}"
    return None


def equal(was: float, new: float, exact: bool, share: float = 0.0) -> bool:
    if exact:
        return was == new or (math.isnan(was) and math.isnan(new))
    return close(was, new, share)


if __name__ == "__main__":
    sys.exit(main())
