"""How fast models of pixels draw images and learn: cached steps beside whole passes, and beside a peer.

    python benchmarks/pixel_speed.py NAME [NAME ...] [--peer DIR] [--passes 5] [--out FILE]

NAME is one of `MODELS`; DIR is a clone of github.com/EugenHotaj/pytorch-generative, whose columns stay
empty without it. Each model draws 16 images of 28 x 28 by its cached steps; drawing them with a whole pass
for each of the 784 pixels is not waited for: some passes over 16 images are timed, and their median is
taken 784 times. A training step is a forward and a backward pass over 16 images, in single precision, and
under bfloat16 autocast. All is CPU time of one thread, both sides in one process. A row is written as soon
as its model is done, and replaces the one that the model had.
"""

import argparse
import fcntl
import importlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from genus import __version__
from genus.autoregressive import (
    GatedPixelCNN,
    ImageTransformer,
    PixelCNN,
    PixelCNNPP,
    PixelRNN,
    PixelSNAIL,
    Stepwise,
)
from genus.core import Bits

ROOT = Path(__file__).parent.parent
SHAPE, DRAWN = (1, 28, 28), 16
SPACE = Bits(SHAPE)
PEER = "pytorch_generative.models.autoregressive"
COLUMNS = [
    "model",
    "weights",
    "16 images, s",
    "784 whole passes, s",
    "faster than whole passes",
    "step, ms",
    "step in bf16, ms",
    "peer's weights",
    "peer's 784 passes, s",
    "faster than the peer",
    "peer's step, ms",
]


@dataclass(frozen=True)
class Entry:
    """A row of the table.

    Args:
        label: what the row says.
        make: our model.
        peer: the file and the class of the peer's model, and its arguments; None where it has none.
    """

    label: str
    make: Callable[[], Stepwise]
    peer: tuple[str, str, dict[str, Any]] | None = None


MODELS = {
    "gatedpixelcnn": Entry(
        "Gated PixelCNN, 10 layers of 128",
        lambda: GatedPixelCNN(SPACE, layers=10, width=128, head=32),
        ("gated_pixel_cnn", "GatedPixelCNN", {"n_gated": 10, "gated_channels": 128}),
    ),
    "gatedpixelcnn-small": Entry(
        "Gated PixelCNN, 6 layers of 32",
        lambda: GatedPixelCNN(SPACE, layers=6, width=32, head=32),
        ("gated_pixel_cnn", "GatedPixelCNN", {"n_gated": 6, "gated_channels": 32}),
    ),
    "pixelcnn": Entry(
        "PixelCNN, 15 blocks of 128",
        lambda: PixelCNN(SPACE, blocks=15, width=128, head=32),
        ("pixel_cnn", "PixelCNN", {"n_residual": 15, "residual_channels": 128}),
    ),
    "pixelcnnpp": Entry(
        "PixelCNN++, 3 scales, 2 blocks of 48",
        lambda: PixelCNNPP(SPACE, width=48, scales=3, blocks=2),
    ),
    "pixelrnn-row": Entry(
        "PixelRNN, row LSTM, 7 layers of 16", lambda: PixelRNN(SPACE, 16, 7, "row")
    ),
    "pixelrnn-diagonal": Entry(
        "PixelRNN, diagonal BiLSTM, 7 layers of 16", lambda: PixelRNN(SPACE, 16, 7, "diagonal")
    ),
    "image-transformer": Entry(
        "Image Transformer, 8 layers of 64",
        lambda: ImageTransformer(SPACE, width=64, layers=8, heads=2, window=1),
        (
            "image_gpt",
            "ImageGPT",
            {"n_transformer_blocks": 8, "n_attention_heads": 2, "n_embedding_channels": 64},
        ),
    ),
    "pixelsnail": Entry(
        "PixelSNAIL, 8 blocks of 64",
        lambda: PixelSNAIL(SPACE, width=64, blocks=8, residuals=2, look=32, heads=1),
        ("pixel_snail", "PixelSNAIL", {"n_channels": 64, "n_pixel_snail_blocks": 8}),
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="+", choices=MODELS, metavar="NAME")
    parser.add_argument("--peer", type=Path, default=None)
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/pixel_speed.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.names:
        entry = MODELS[name]
        torch.manual_seed(0)
        theirs = None if options.peer is None or entry.peer is None else peer(options.peer, entry)
        figures = measure(entry.make().eval(), theirs, options.passes)
        keep(options.out, name, entry.label, figures, options.passes)
        print(name, {k: round(v, 4) for k, v in figures.items()}, flush=True)


def peer(folder: Path, entry: Entry) -> nn.Module:
    """The peer's model. Its package would load all others too, and what they need."""
    for name in ("pytorch_generative", "pytorch_generative.models"):
        package = ModuleType(name)
        package.__path__ = [str(folder / name.replace(".", "/"))]
        sys.modules[name] = package
    file, kind, arguments = entry.peer or ("", "", {})
    model = getattr(importlib.import_module(f"{PEER}.{file}"), kind)(**arguments)
    model(torch.zeros(1, *SHAPE))  # from its first images it learns their shape
    return model.eval()


def measure(model: Stepwise, theirs: nn.Module | None, passes: int) -> dict[str, float]:
    """Seconds, and numbers of weights."""
    x = torch.rand(DRAWN, *SHAPE).round()

    def drawn() -> None:
        model.sample(DRAWN)

    @torch.no_grad()
    def whole() -> None:
        model.logits(x)

    def step(autocast: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = model.loss(x)["nll"]
        loss.backward()
        model.zero_grad()

    calls: dict[str, Callable[[], None]] = {
        "drawn": drawn,
        "pass": whole,
        "step": lambda: step(False),
        "step in bf16": lambda: step(True),
    }
    figures = {"weights": float(sum(p.numel() for p in model.parameters()))}
    if theirs is not None:
        figures["peer weights"] = float(sum(p.numel() for p in theirs.parameters()))
        calls |= {
            "peer pass": lambda: peer_pass(theirs, x),
            "peer step": lambda: peer_step(theirs, x),
        }
    return figures | times(calls, passes)


@torch.no_grad()
def peer_pass(model: nn.Module, x: Tensor) -> None:
    model(x)


def peer_step(model: nn.Module, x: Tensor) -> None:
    (binary_cross_entropy_with_logits(model(x), x, reduction="sum") / len(x)).backward()
    model.zero_grad()


def times(calls: dict[str, Callable[[], None]], passes: int) -> dict[str, float]:
    """CPU seconds of each call, medians; calls take turns, after one of each that is not counted."""
    took: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(passes + 1):
        for name, call in calls.items():
            begun = time.process_time()
            call()
            if turn:
                took[name].append(time.process_time() - begun)
    return {name: statistics.median(seconds) for name, seconds in took.items()}


def keep(path: Path, name: str, label: str, figures: dict[str, float], passes: int) -> None:
    """Writes a row into the table, which several processes may write to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{tempfile.gettempdir()}/genus-pixel-speed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = json.loads(path.read_text()) if path.exists() else {"runs": {}}
        runs = record["runs"] | {name: {"label": label, **figures}}
        record = {
            "title": "Models of pixels: drawing 16 images of 28 x 28, and learning",
            "command": "python benchmarks/pixel_speed.py NAME --peer DIR",
            "protocol": {
                "images": "16 of 28 x 28 bits; weights as they start",
                "timing": f"CPU time of one thread, medians of {passes}; both sides take turns",
                "whole passes": "the median of one pass over 16 images, times 784",
                "step": "forward and backward pass over 16 images",
                "peer": "pytorch-generative, single precision, pixel by pixel whole passes",
            },
            "date": date.today().isoformat(),
            "machine": "x86_64 CPU, 1 thread",
            "versions": {"genus": __version__, "torch": torch.__version__.partition("+")[0]},
            "columns": COLUMNS,
            "rows": [line(runs[known]) for known in MODELS if known in runs],
            "notes": [
                "784 whole passes are not run: some are, and their median is taken 784 times.",
                "Cached steps and whole passes draw the same image from the same random numbers.",
                "The peer's Gated PixelCNN has factored windows; its PixelCNN's weights count masked ones.",
            ],
            "runs": runs,
        }
        spare = path.with_suffix(f".{os.getpid()}")
        spare.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        spare.replace(path)


def line(run: dict[str, Any]) -> list[str]:
    """A row of the table."""
    naive, theirs = 784 * run["pass"], 784 * run.get("peer pass", 0.0)
    peers = ["", "", "", ""]
    if theirs:
        peers = [
            f"{run['peer weights']:,.0f}",
            f"{theirs:.0f}",
            f"{theirs / run['drawn']:.0f}",
            f"{1000 * run['peer step']:.0f}",
        ]
    return [
        run["label"],
        f"{run['weights']:,.0f}",
        f"{run['drawn']:.2f}",
        f"{naive:.0f}",
        f"{naive / run['drawn']:.0f}",
        f"{1000 * run['step']:.0f}",
        f"{1000 * run['step in bf16']:.0f}",
        *peers,
    ]


if __name__ == "__main__":
    main()
