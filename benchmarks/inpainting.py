"""Inpainting: how far replacement is from p(missing | known), what repeats mend; and SDEdit, to look at.

    python benchmarks/inpainting.py [--model DIR] [--rows 300] [--draws 2] [--out FILE] [--picture FILE]

On normal data p(missing | known) is known, and so is the best network: what is wrong is the filling's. On
digits, half of each test digit is filled in several times; the energy score of the missing pixels, E|X - x|
- E|X - X'| / 2 for draws X, X' and the truth x, is lowest for the true distribution. The network is the
recipe `guided`'s, told no label; `genus fit guided --out DIR` may have trained it before.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genus import __version__
from genus.core import Pixels, Reals
from genus.data import Data, load
from genus.diffusion import (
    DDIM,
    ClassifierFree,
    Diffusion,
    Guided,
    RePaint,
    edit,
    inpaint,
)
from genus.functional.diffusion.parametrisations import Start
from genus.functional.diffusion.paths import Cosine
from genus.measure import oracle
from genus.recipes.diffusion.guided import guided
from genus.show import grid
from genus.show.style import canvas, png, style
from genus.train import artifact

ROOT = Path(__file__).parent.parent
NORMAL = [
    (50, 1),
    (200, 1),
    (800, 1),
    (400, 2),
    (250, 5),
    (1000, 5),
    (4000, 5),
    (1000, 20),
    (4000, 20),
]
DIGITS = [(50, 1), (250, 1), (250, 5), (500, 10)]
STRENGTHS = (0.3, 0.5, 0.7, 0.9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, default=None)
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/inpainting.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/inpainting.png")
    options = parser.parse_args()
    torch.set_num_threads(1)
    protocol = {
        "normal data": "3 dimensions, one known; the best network; 20,000 draws, float64",
        "digits": f"{options.rows} test digits, {options.draws} draws of the lower half of each",
        "network": "the recipe guided: a U-Net of width 16, 4000 rounds of 64 rows; told no label",
        "path": "cosine; eta 1",
        "seed": 0,
    }
    runs: dict[str, Any] = {}
    if options.out.exists():
        record = json.loads(options.out.read_text())
        if record["protocol"] != protocol:
            raise SystemExit(f"{options.out} was made by another protocol; move it away")
        runs = record["runs"]
    data = load("digits").labelled()
    for evaluations, repeats in NORMAL:
        name = f"normal/{evaluations}/{repeats}"
        if name not in runs:
            runs[name] = on_normal(evaluations, repeats)
            write(options.out, protocol, runs)
            print(name, runs[name], flush=True)
    model = trained(options.model)
    for way in ("alone", *DIGITS):
        name = f"digits/{way}" if isinstance(way, str) else f"digits/{way[0]}/{way[1]}"
        if name not in runs:
            sampler = DDIM(50, 1.0) if isinstance(way, str) else RePaint(*way)
            known = "none" if isinstance(way, str) else "upper"
            runs[name] = on_digits(model, data, sampler, known, options.rows, options.draws)
            write(options.out, protocol, runs)
            print(name, runs[name], flush=True)
    draw(model, data, options.picture)


def trained(folder: Path | None) -> Diffusion:
    """The diffusion of the recipe `guided`, from a folder or trained now."""
    model = guided() if folder is None else artifact.load(folder)
    assert isinstance(model, Guided)
    return model.model.eval()


# --- normal data ----------------------------------------------------------------------------

MEAN = torch.tensor([1.0, -0.5, 0.3], dtype=torch.float64)
FACTOR = torch.tensor([[1.0, 0.0, 0.0], [0.8, 0.5, 0.0], [-0.4, 0.6, 0.6]], dtype=torch.float64)
COVARIANCE = FACTOR @ FACTOR.T
PATH = Cosine()


class Best(nn.Module):
    """E[x_0 | x_t] of normal data."""

    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(torch.ones(1, dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        alpha, sigma = PATH.alpha(t[0]), PATH.sigma(t[0])
        noisy = alpha**2 * COVARIANCE + sigma**2 * torch.eye(3)
        return MEAN + (x - alpha * MEAN) @ (alpha * COVARIANCE @ noisy.inverse()).T


def on_normal(evaluations: int, repeats: int) -> dict[str, float]:
    """How far the mean of the gap is from the true one, as a share of what the known part moves it."""
    torch.manual_seed(0)
    model = Diffusion(Best(), Reals((3,)), PATH, Start())
    x = torch.tensor([2.2, 0.0, 0.0], dtype=torch.float64).expand(20_000, 3)
    known = torch.tensor([True, False, False])
    begun = time.process_time()
    made = inpaint(model, x, known, RePaint(evaluations, repeats))[:, 1:]
    slope = COVARIANCE[1:, :1] / COVARIANCE[0, 0]
    moved = slope[:, 0] * (2.2 - MEAN[0])
    covariance = COVARIANCE[1:, 1:] - slope @ COVARIANCE[:1, 1:]
    left = (MEAN[1:] + moved - made.mean(0)).norm() / moved.norm()
    spread = made.T.cov().trace() / covariance.trace()
    return {
        "left": left.item(),
        "variance": spread.item(),
        "seconds": time.process_time() - begun,
    }


# --- digits ---------------------------------------------------------------------------------


def on_digits(
    model: Diffusion, data: Data, sampler: Any, known: str, rows: int, draws: int
) -> dict[str, float]:
    """Energy score of the lower half, and whether the oracle sees the digit that it was."""
    torch.manual_seed(0)
    x, labels = (part[:rows] for part in data.test.everything())
    space, plain = data.space, model.unconditional(labels)
    assert isinstance(space, Pixels)
    upper = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    upper[:, :, :4] = known == "upper"
    begun = time.process_time()
    filled = [space.quantise(inpaint(plain, x, upper, sampler)) for _ in range(draws)]
    seconds = time.process_time() - begun
    made = torch.stack(filled)[..., 4:, :].flatten(2).double()  # (draws, n, pixels)
    near = (made - x[:, :, 4:].flatten(1)).norm(dim=2).mean(0)
    apart = torch.stack([(made - other).norm(dim=2).sum(0) for other in made]).sum(0)
    score = near - apart / (draws * (draws - 1)) / 2
    judge = oracle("digits")
    right = torch.cat([judge.see(one, space).classes == labels for one in filled]).double()
    return {
        "score": score.mean().item(),
        "error": (score.std() / len(score) ** 0.5).item(),
        "right": right.mean().item(),
        "seconds": seconds,
    }


def write(path: Path, protocol: dict[str, Any], runs: dict[str, Any]) -> None:
    rows = []
    for name, run in runs.items():
        data, evaluations, *repeats = name.split("/")
        cells = [data, *([evaluations, *repeats] if repeats else ["not told the upper half", ""])]
        if data == "normal":
            cells += [f"{run['left']:.3f}", f"{run['variance']:.3f}", "", ""]
        else:
            cells += ["", "", f"{run['score']:.3f} ± {run['error']:.3f}", f"{run['right']:.3f}"]
        rows.append([*cells, f"{run['seconds']:.1f}"])
    content = {
        "title": "Filling gaps by replacement, with steps taken once or several times",
        "command": "python benchmarks/inpainting.py",
        "protocol": protocol,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": [
            "data",
            "evaluations",
            "repeats",
            "mean: share not moved",
            "variance: share",
            "energy score",
            "right class",
            "CPU seconds",
        ],
        "rows": rows,
        "notes": [
            "Mean: how far from the true one, over how far the known part moves it; 0 is exact.",
            "Variance: of the filled part, over the true one; 1 is exact.",
            "Energy score: lower is better. Its standard error is over digits.",
        ],
        "runs": runs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


# --- the picture ----------------------------------------------------------------------------


def draw(model: Diffusion, data: Data, path: Path) -> None:
    """Gaps filled with one draw a step and with ten; and digits edited to be of the next class."""
    x, labels = data.test.everything()
    x = torch.stack([x[labels == digit][3] for digit in range(10)])
    space, plain = data.space, model.unconditional(torch.arange(10))
    assert isinstance(space, Pixels)
    upper, middle = (torch.zeros(1, 1, 8, 8, dtype=torch.bool) for _ in range(2))
    upper[:, :, :4], middle[:] = True, True
    middle[:, :, :, 2:5] = False

    def filled(known: Tensor, sampler: Any) -> Tensor:
        torch.manual_seed(2)
        return space.quantise(inpaint(plain, x, known, sampler))

    guided = ClassifierFree(model, (torch.arange(10) + 1) % 10, 1.0)
    lines: list[tuple[str, Callable[[], Tensor]]] = [("test digits", lambda: x)]
    for title, known in (("lower half", upper), ("three columns", middle)):
        lines += [
            (f"{title} missing", lambda known=known: torch.where(known, x, 0.0)),
            ("filled, steps once", lambda known=known: filled(known, RePaint(50, 1))),
            ("filled, ten times", lambda known=known: filled(known, RePaint(500, 10))),
        ]
    for strength in STRENGTHS:

        def edited(strength: float = strength) -> Tensor:
            torch.manual_seed(2)
            return space.quantise(edit(guided, x, strength, DDIM(50)).float())

        lines.append((f"edited to the next, {strength:g}", edited))
    with style():
        figure = canvas(6.2, 7.2)
        for axes, (title, make) in zip(figure.subplots(len(lines), 1), lines, strict=True):
            axes.imshow(grid(make(), space, 10), cmap="gray", interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.set_ylabel(title, rotation=0, ha="right", va="center")
            for side in axes.spines.values():
                side.set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(figure))


if __name__ == "__main__":
    main()
