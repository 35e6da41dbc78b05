"""What NADE, MADE and EoNADE draw, and how they go on from half an image.

    GENUS_DATA=... python benchmarks/vector_samples.py --weights DIR [--picture FILE]

DIR is where benchmarks/bmnist.py left its models. Each model has two lines: samples, and test images of
which the model was shown the upper half; EoNADE, whose order may be any, was shown all but the middle.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from genus.autoregressive import EoNADE
from genus.autoregressive.stepwise import Stepwise
from genus.data import load
from genus.show.style import canvas, png, style
from genus.train import artifact

ROOT = Path(__file__).parent.parent
SHOWN = {
    "nade": "NADE",
    "made": "MADE, 1 mask",
    "made-masks": "MADE, 16 masks",
    "eonade": "EoNADE",
}
COLUMNS = 14
HALF = 14 * 28


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/vector_samples.png")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = load("binarized_mnist").test.everything()[0]
    x = x[:: len(x) // COLUMNS][:COLUMNS]  # they are sorted by their digit
    panels: dict[str, Tensor] = {"test images": x}
    for name, label in SHOWN.items():
        if (options.weights / name / "best").exists():
            model = artifact.load(options.weights / name / "best").eval()
            panels[f"{label}: samples"] = model.sample(COLUMNS)
            what, done = gone_on(model, x)
            panels[f"{label}: {what}"] = done
    with style():
        figure = canvas(COLUMNS * 0.5, len(panels) * 0.72)
        axes = figure.subplots(len(panels), 1)
        for axis, (name, images) in zip(axes, panels.items(), strict=True):
            line = torch.cat([*images[:, 0]], 1)
            axis.imshow(line, cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
            axis.set_title(name, fontsize=7, pad=2)
            axis.set_axis_off()
        options.picture.write_bytes(png(figure))


def gone_on(model: Stepwise, x: Tensor) -> tuple[str, Tensor]:
    """What the model was not shown, and its images."""
    if not isinstance(model, EoNADE):
        return "the lower half drawn", model.complete(x, HALF)
    middle = torch.zeros(28, 28, dtype=torch.bool)
    middle[9:19, 7:21] = True
    flat = middle.flatten()
    order = torch.cat([(~flat).nonzero()[:, 0], flat.nonzero()[:, 0]])
    known = int((~flat).sum())
    return "the middle drawn", model.ordered(order[None]).complete(x, known)


if __name__ == "__main__":
    main()
