"""How fast models of pixels draw images and learn: cached steps beside whole passes, and beside a peer.

The peer is a clone of github.com/EugenHotaj/pytorch-generative, whose columns stay empty without it. Each
model draws 16 images of 28 x 28 by its cached steps; a whole pass for each of the 784 pixels would take too
long: some passes over 16 images are timed, and their median is taken 784 times. A training step is a forward
and a backward pass over 16 images, in single precision, and under bfloat16 autocast.
"""

import importlib
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

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

from ..bench import Bench, Cell, Cells, Table, in_turns, size

SHAPE, DRAWN = (1, 28, 28), 16
SPACE = Bits(SHAPE)


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


BENCH = Bench(
    __file__,
    "Models of pixels: drawing 16 images of 28 x 28, and learning",
    "model | weights | 16 images, s | 784 whole passes, s | faster than whole passes | step, ms | "
    "step in bf16, ms | peer's weights | peer's 784 passes, s | faster than the peer | peer's step, ms",
    lambda options: {
        "images": "16 of 28 x 28 bits; weights as they start",
        "timing": f"CPU time of one thread, medians of {options.repeats}; both sides take turns",
        "whole passes": "the median of one pass over 16 images, times 784",
        "step": "forward and backward pass over 16 images",
        "peer": "pytorch-generative, single precision, pixel by pixel whole passes",
    },
    """
    784 whole passes are not run: some are, and their median is taken 784 times.

    Cached steps and whole passes draw the same image from the same random numbers.

    The peer's Gated PixelCNN has factored windows; its PixelCNN's weights count masked ones.
    """,
    options={
        "peer": (Path, "a clone of pytorch-generative"),
        "repeats": (3, "number of turns"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name, entry in MODELS.items():
        yield Cell(name, partial(measure, entry, options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    return [[MODELS[name].label, *row(found[name])] for name in MODELS if name in found]


def row(run: dict[str, float]) -> list[str]:
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
        f"{run['weights']:,.0f}",
        f"{run['drawn']:.2f}",
        f"{naive:.0f}",
        f"{naive / run['drawn']:.0f}",
        f"{1000 * run['step']:.0f}",
        f"{1000 * run['step in bf16']:.0f}",
        *peers,
    ]


def measure(entry: Entry, options: Namespace) -> dict[str, float]:
    """Seconds, and numbers of weights."""
    torch.manual_seed(0)
    theirs = None
    if options.peer and entry.peer:
        file, kind, arguments = entry.peer
        theirs = peer(options.peer, file, kind, **arguments)
    model = entry.make().eval()
    x = torch.rand(DRAWN, *SHAPE).round()

    @torch.no_grad()
    def whole(model: Callable[[Tensor], Tensor]) -> None:
        model(x)

    def step(autocast: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = model.loss(x)["nll"]
        loss.backward()
        model.zero_grad()

    calls = {
        "drawn": lambda: model.sample(DRAWN),
        "pass": partial(whole, model.logits),
        "step": partial(step, False),
        "step in bf16": partial(step, True),
    }
    figures = {"weights": size(model)}
    if theirs is not None:
        figures["peer weights"] = size(theirs)
        calls["peer pass"] = partial(whole, theirs.eval())
        calls["peer step"] = partial(peer_step, theirs, x)
    return figures | in_turns(calls, options.repeats)


def peer(folder: Path, file: str, kind: str, *positional: Any, **arguments: Any) -> nn.Module:
    """A model of pytorch-generative. Its package would load all others too, and what they need."""
    for name in ("pytorch_generative", "pytorch_generative.models"):
        package = ModuleType(name)
        package.__path__ = [str(folder / name.replace(".", "/"))]
        sys.modules[name] = package
    module = importlib.import_module(f"pytorch_generative.models.autoregressive.{file}")
    model = getattr(module, kind)(*positional, **arguments)
    model(torch.zeros(1, *SHAPE))  # from its first images it learns their shape
    return model


def peer_step(model: nn.Module, x: Tensor) -> None:
    (binary_cross_entropy_with_logits(model(x), x, reduction="sum") / len(x)).backward()
    model.zero_grad()


if __name__ == "__main__":
    BENCH.main()
