"""Inpainting: how far replacement is from p(missing | known), what repeats mend; and SDEdit, to look at.

On normal data p(missing | known) is known, and so is the best network: what is wrong is the filling's. On
digits, half of each test digit is filled in several times; the energy score of the missing pixels, E|X - x|
- E|X - X'| / 2 for draws X, X' and the truth x, is lowest for the true distribution. The network is the
recipe `guided`'s, given no label; `genus fit guided --out DIR` may have trained it before.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from genus.core import Reals
from genus.data import load
from genus.diffusion import (
    DDIM,
    ClassifierFree,
    Diffusion,
    RePaint,
    edit,
    inpaint,
)
from genus.functional.densities.estimates import mean_error
from genus.functional.diffusion.parametrisations import Start
from genus.functional.diffusion.paths import Cosine
from genus.measure import oracle
from genus.media import grid
from genus.media.style import canvas
from genus.recipes.diffusion.guided import RUN, guided
from genus.train import artifact

from ..bench import Bench, Cell, Cells, Table, first_losses, with_error

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


BENCH = Bench(
    __file__,
    "Filling gaps by replacement, with steps taken once or several times",
    "data | evaluations | repeats | mean: share not moved | variance: share | energy score | "
    "right class | CPU seconds",
    lambda options: {
        "normal data": "3 dimensions, one known; the best network; 20,000 draws, float64",
        "digits": f"{options.rows} test digits, {options.draws} draws of the lower half of each",
        "network": "the recipe guided: a U-Net of width 16, 4000 rounds of 64 rows; told no label",
        "path": "cosine; eta 1",
        "seed": 0,
    },
    """
    Mean: how far from the true one, over how far the known part moves it; 0 is exact.

    Variance: of the filled part, over the true one; 1 is exact.

    Energy score: lower is better. Its standard error is over digits.
    """,
    weights="average",
    options={
        "model": (Path, "folder of a trained `guided`; without one it is trained, for minutes"),
        "rows": (300, "number of test digits"),
        "draws": (2, "number of draws for each digit"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for evaluations, repeats in NORMAL:
        yield Cell(
            f"normal/{evaluations}/{repeats}",
            partial(on_normal, evaluations, repeats),
            partial(first_on_normal, evaluations, repeats),
        )
    yield Cell("digits/alone", partial(on_digits, DDIM(50, 1.0), False, options), first_of_recipe)
    for way in DIGITS:
        work = partial(on_digits, RePaint(*way), True, options)
        yield Cell(f"digits/{way[0]}/{way[1]}", work, first_of_recipe)


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for cell in cells(options):
        if run := found.get(cell.name):
            data, evaluations, *repeats = cell.name.split("/")
            way = [evaluations, *repeats] if repeats else ["not told the upper half", ""]
            if data == "normal":
                figures = [f"{run['left']:.3f}", f"{run['variance']:.3f}", "", ""]
            else:
                score = with_error(run["score"], run["error"], 3)
                figures = ["", "", score, f"{run['right']:.3f}"]
            table.append([data, *way, *figures, f"{run['seconds']:.1f}"])
    return table


@cache
def network(folder: Path | None) -> Diffusion:
    """The diffusion of the recipe `guided`, from a folder or trained now."""
    model = artifact.load(folder) if folder else guided(run=replace(RUN, device="cpu"))
    return model.model.eval()


@cache
def first_of_recipe() -> list[float]:
    return first_losses(guided, RUN)


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
    filled = inpaint(model, x, known, RePaint(evaluations, repeats))[:, 1:]
    slope = COVARIANCE[1:, :1] / COVARIANCE[0, 0]
    moved = slope[:, 0] * (2.2 - MEAN[0])
    covariance = COVARIANCE[1:, 1:] - slope @ COVARIANCE[:1, 1:]
    left = (MEAN[1:] + moved - filled.mean(0)).norm() / moved.norm()
    spread = filled.T.cov().trace() / covariance.trace()
    return {
        "left": left.item(),
        "variance": spread.item(),
        "seconds": time.process_time() - begun,
    }


def first_on_normal(evaluations: int, repeats: int) -> list[float]:
    found = on_normal(evaluations if evaluations <= 1000 else evaluations // 4, repeats)
    return [found["left"], found["variance"]]


# --- digits ---------------------------------------------------------------------------------


def on_digits(sampler: Any, known: bool, options: Namespace) -> dict[str, float]:
    """Energy score of the lower half, and whether the oracle sees the digit that it was."""
    model, draws, data = network(options.model), options.draws, load("digits").labelled()
    torch.manual_seed(0)
    x, labels = (part[: options.rows] for part in data.test.everything())
    space, plain = data.space, model.unconditional(labels)
    upper = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    upper[:, :, :4] = known
    begun = time.process_time()
    filled = [space.quantise(inpaint(plain, x, upper, sampler)) for _ in range(draws)]
    seconds = time.process_time() - begun
    lower = torch.stack(filled)[..., 4:, :].flatten(2).double()  # (draws, n, pixels)
    near = (lower - x[:, :, 4:].flatten(1)).norm(dim=2).mean(0)
    apart = torch.stack([(lower - other).norm(dim=2).sum(0) for other in lower]).sum(0)
    score, error = mean_error(near - apart / (draws * (draws - 1)) / 2)
    judge = oracle("digits")
    right = torch.cat([judge.see(one, space).classes == labels for one in filled]).double()
    return {"score": score, "error": error, "right": right.mean().item(), "seconds": seconds}


@BENCH.picture
def picture(found: Cells, options: Namespace) -> Figure:
    """Gaps filled with one draw a step and with ten; and digits edited to be of the next class."""
    model, data = network(options.model), load("digits").labelled()
    x, labels = data.test.everything()
    x = torch.stack([x[labels == digit][3] for digit in range(10)])
    space, plain = data.space, model.unconditional(torch.arange(10))
    upper, middle = (torch.zeros(1, 1, 8, 8, dtype=torch.bool) for _ in range(2))
    upper[:, :, :4], middle[:] = True, True
    middle[:, :, :, 2:5] = False

    def filled(known: Tensor, sampler: Any) -> Tensor:
        torch.manual_seed(2)
        return space.quantise(inpaint(plain, x, known, sampler))

    to_next = ClassifierFree(model, (torch.arange(10) + 1) % 10, 1.0)
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
            return space.quantise(edit(to_next, x, strength, DDIM(50)).float())

        lines.append((f"edited to the next, {strength:g}", edited))
    figure = canvas(6.2, 7.2)
    for axes, (title, make) in zip(figure.subplots(len(lines), 1), lines, strict=True):
        axes.imshow(grid(make(), space, 10), cmap="gray", interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.set_ylabel(title, rotation=0, ha="right", va="center")
        for side in axes.spines.values():
            side.set_visible(False)
    return figure


if __name__ == "__main__":
    BENCH.main()
