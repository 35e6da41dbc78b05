"""Kill -9 at random moments: the same command with --resume ends in the same weights.

    python -m benchmarks.measure.kills --runs FOLDER

Each recipe is trained once without a kill; then again, with kills at moments that are drawn evenly over the
time that the first took, start of the interpreter included. Every attempt is the same command, with --resume.
"""

import math
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from genus.train.artifact import weights_hash

from ..bench import Bench, Cell, Cells, Table

KILLS = 5  # of each recipe
SMALL = "--rounds 120 --batch 32 --log-every 7 --evaluate-every 50 --checkpoint-every 10"
RECIPES = {  # ten, of which three train another model first
    "vae": "--latent 4",
    "gan": "",
    "dcgan": "--width 8 --latent 8",
    "rbm": "--hidden 32 --chains 64",
    "realnvp": "--couplings 4 --width 16",
    "char_rnn": "--width 16",
    "rows": "--data iris",
    "consistency": "--data ring --width 16",
    "rectified_flow": "--data ring --width 16 --pairs 256",
    "latent_diffusion": "--width 8",
}
RANKS = {"vae": "--latent 4", "rbm": "--hidden 32 --chains 64"}


BENCH = Bench(
    __file__,
    "Runs that were killed, and resumed by the same command",
    "recipe | ranks | kills | when, as shares of the whole run | the same weights as without",
    {"options": SMALL, "kill": "SIGKILL, to all of its processes", "seed": 0},
    """
    Three of the recipes train another model first: consistency, rectified_flow and latent_diffusion. A run
    that ended before its kill is begun again for the kills that are left.
    """,
    options={
        "runs": (Path, "folder in which runs are kept; without one they are thrown away"),
        "kills": (KILLS, "number of kills of each recipe"),
    },
)


def line(recipe: str, more: str, out: Path, ranks: int) -> list[str]:
    """The command of a run."""
    words = ["-m", "genus", "fit", recipe, *SMALL.split(), *more.split()]
    words += ["--device", "cpu", "--progress", "false", "--out", str(out), "--resume"]
    if ranks > 1:
        several = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
        words = [*several, *words]
    return [sys.executable, *words]


def killed(recipe: str, more: str, ranks: int, options: Namespace) -> dict[str, Any]:
    """The hashes of a run without and with kills, and when they came."""
    with tempfile.TemporaryDirectory() as spare:
        home = Path(options.runs or spare) / f"{recipe}-{ranks}"
        shutil.rmtree(home, ignore_errors=True)
        length = _ended(line(recipe, more, home / "whole", ranks), math.inf)
        truth = weights_hash(home / "whole")
        chance, moments, same = random.Random(f"{recipe} {ranks}"), list[float](), True
        command = line(recipe, more, home / "cut", ranks)
        while len(moments) < options.kills and same:
            moment = chance.uniform(0, length)
            if _ended(command, moment) < moment:  # it was over before
                same = weights_hash(home / "cut") == truth
                shutil.rmtree(home / "cut")
            else:
                moments.append(round(moment / length, 2))
        _ended(command, math.inf)
        same = same and weights_hash(home / "cut") == truth
    return {"kills": len(moments), "moments": sorted(moments), "same": same}


def _ended(command: list[str], limit: float) -> float:
    """Runs a command for so many seconds at most, then kills it with all that it has started."""
    begun, quiet = time.monotonic(), subprocess.DEVNULL
    child = subprocess.Popen(command, start_new_session=True, stdout=quiet, stderr=subprocess.PIPE)
    try:
        _, said = child.communicate(timeout=None if math.isinf(limit) else limit)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        for ranks in Path("/proc").glob(
            "[0-9]*/cmdline"
        ):  # which torchrun starts in groups of their own
            with suppress(OSError):
                if command[-2].encode() in ranks.read_bytes().split(b"\0"):
                    os.kill(int(ranks.parent.name), signal.SIGKILL)
        child.communicate()
        return math.inf
    if child.returncode:
        raise RuntimeError(said.decode()[-500:])
    return time.monotonic() - begun


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for ranks, recipes in ((1, RECIPES), (2, RANKS)):
        for recipe, more in recipes.items():
            yield Cell(f"{recipe} | {ranks}", partial(killed, recipe, more, ranks, options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    return [
        [
            *cell.name.split(" | "),
            str(figures["kills"]),
            ", ".join(f"{moment:.2f}" for moment in figures["moments"]),
            "yes" if figures["same"] else "NO",
        ]
        for cell in cells(options)
        if (figures := found.get(cell.name)) is not None
    ]


if __name__ == "__main__":
    BENCH.main()
