"""How much memory models of pixels take, to draw images and to learn: peaks, each in a process of its own.

    python benchmarks/pixel_memory.py NAME [NAME ...] [--out FILE]

NAME is one of `MODELS`, of the sizes of pixel_speed.py. A process loads the library, makes the model,
notes how much memory it holds, and then does one thing: draws 16 images of 28 x 28 by cached steps, or
scores 16 in one whole pass, which is what drawing without a cache does 784 times, or makes one training
step of Adam with 16. What its memory rose by, at the peak, is the figure. It is read from /proc, so this
runs on Linux alone. A row is written as soon as its model is done.
"""

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
from pixel_speed import DRAWN, SHAPE, SPACE
from pixel_speed import MODELS as TIMED

from genus import __version__
from genus.autoregressive import MADE, NADE
from genus.core import GenerativeModel, HasLogProb

ROOT = Path(__file__).parent.parent
MODELS: dict[str, tuple[str, Callable[[], GenerativeModel]]] = {
    "nade": ("NADE, 500 units", lambda: NADE(SPACE, 500)),
    "made": ("MADE, 8,000 units", lambda: MADE(SPACE, (8000,))),
    **{name: (entry.label, entry.make) for name, entry in TIMED.items()},
}
ACTIONS = ("draw", "score", "learn")
COLUMNS = ["model", "weights", "16 images by steps", "16 in a whole pass", "training step of 16"]
MEGA = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="+", choices=MODELS, metavar="NAME")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/pixel_memory.json")
    parser.add_argument("--only", choices=ACTIONS, default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.only:
        print(json.dumps(rise(options.names[0], options.only)))
        return
    runs = json.loads(options.out.read_text())["runs"] if options.out.exists() else {}
    for name in options.names:
        runs[name] = {"label": MODELS[name][0]}
        for action in ACTIONS:
            command = [sys.executable, __file__, name, "--only", action]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            runs[name] |= json.loads(done.stdout)
        write(options.out, runs)
        print(name, {k: v for k, v in runs[name].items() if k != "label"}, flush=True)


def rise(name: str, action: str) -> dict[str, int]:
    """Bytes of the weights, and what memory rises by, at the peak."""
    torch.manual_seed(0)
    model = MODELS[name][1]()
    if not isinstance(model, HasLogProb):
        raise SystemExit(f"{name}: has no log_prob")
    optimizer = torch.optim.Adam(model.parameters())
    x = torch.rand(DRAWN, *SHAPE).round()
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before = memory("VmRSS")
    if action == "draw":
        model.eval().sample(DRAWN)
    elif action == "score":
        with torch.no_grad():
            model.eval().log_prob(x)
    else:
        sum(model.loss(x).values(), torch.zeros(())).backward()
        optimizer.step()
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    return {"weights": weights, action: memory("VmHWM") - before}


def memory(what: str) -> int:
    """Bytes that this process holds now (VmRSS) or has held at its peak (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(what))


def write(path: Path, runs: dict[str, dict[str, Any]]) -> None:
    def line(run: dict[str, Any]) -> list[str]:
        return [run["label"], *(f"{run[k] / MEGA:.1f}" for k in ("weights", *ACTIONS))]

    content = {
        "title": "Models of pixels: memory of drawing and of learning, MiB",
        "command": "python benchmarks/pixel_memory.py NAME",
        "protocol": {
            "images": "16 of 28 x 28 bits; weights as they start, single precision",
            "memory": "rise of the resident set from a model that is made to the peak of one call",
            "process": "a new one for each figure",
            "training step": "forward and backward pass over 16 images, and a step of Adam",
        },
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__.partition("+")[0]},
        "columns": COLUMNS,
        "rows": [line(runs[name]) for name in MODELS if name in runs],
        "notes": [
            "The weights themselves are not in the other columns.",
            "A first call also loads code of the libraries: about 10 MiB or more of each figure.",
            "A training step's memory grows with the batch; that of steps with the images drawn.",
        ],
        "runs": runs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
