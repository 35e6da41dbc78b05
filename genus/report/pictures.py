"""The pictures of a comparison: real rows, samples, and the training rows that are nearest to them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core import Reals
from ..data import Data
from ..functional.densities.neighbours import distances
from ..measure.oracles import ROWS as SEEN
from ..measure.oracles import Oracle
from ..measure.rows import Chosen
from ..media import grid, save_png

GRID = 64  # samples in a picture
TRIPLES = 24  # samples in a picture, each between its context and the true row
POINTS = 2000  # samples in a scatter plot
SHOWN, NEAR = 6, 4  # samples whose nearest neighbours are shown, and how many of those
FRAMES = 5  # pictures of samples during training


def samples_shown(data: Data) -> int:
    """The number of samples in a picture."""
    if data.context_space is not None and data.context_space.shape:
        return TRIPLES
    return POINTS if isinstance(data.space, Reals) and data.space.dims <= 2 else GRID


def picture_of_data(source: Data, out: Path, note: Mapping[str, Any] | None = None) -> str:
    """Writes a picture of real test rows with a note in it, and returns the name of the file."""
    n = POINTS if isinstance(source.space, Reals) and source.space.dims <= 2 else GRID
    save_png(grid(source.test.first(n)[0], source.space), out / "real.png", note)
    return "real.png"


def pictures(
    folder: Path,
    judge: Oracle | None,
    view: Data,
    x: Tensor,
    context: Tensor | None,
    note: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Writes pictures of samples and of the nearest training rows; paths from the folder above.

    Args:
        folder: folder of the run.
        judge: oracle that finds near rows by its features, if there is one.
        view: data, as the model takes them.
        x: samples, (n, *shape).
        context: their contexts, if the model takes any.
        note: note that is stored in each picture, of JSON types.
    """
    space, kept = view.space, {}

    def keep(name: str, rows: Tensor, columns: int | None = None) -> None:
        save_png(grid(rows, space, columns), folder / f"{name}.png", note)
        kept[name] = f"{folder.name}/{name}.png"

    if context is not None and context.shape == x.shape:  # context, sample, true row
        save_png(
            grid(
                _side_by_side(context, x, view), Reals((*space.shape[:-1], 3 * space.shape[-1])), 3
            ),
            folder / "samples.png",
            note,
        )
        kept["samples"] = f"{folder.name}/samples.png"
    else:
        keep("samples", x, 10 if context is not None and context.ndim == 1 else None)
    if len(space.shape) != 3 or len(x) < SHOWN:
        return kept
    keep("shown", x[:SHOWN], 1)
    train = Chosen(view.train)
    shown = x[:SHOWN].flatten(1)
    apart = [distances(shown, rows.flatten(1)) for rows, *_ in train.blocks(SEEN)]
    keep("near_pixels", view.train.take(_nearest(torch.cat(apart, 1)))[0], NEAR)
    if judge is not None:
        known = judge.see((rows for rows, *_ in train.blocks(SEEN)), space).features
        near = _nearest(distances(judge.see(x[:SHOWN], space).features, known))
        keep("near_oracle", view.train.take(near)[0], NEAR)
    return kept


def history(folder: Path) -> list[tuple[int, str]]:
    """Some of the pictures from training: rounds, and paths from the folder above."""
    paths = sorted((folder / "samples").glob("*.png"))
    last = len(paths) - 1
    some = sorted({round(i * last / (FRAMES - 1)) for i in range(FRAMES)}) if last > 0 else []
    return [(int(paths[i].stem), f"{folder.name}/samples/{paths[i].name}") for i in some]


def _nearest(apart: Tensor) -> Tensor:
    """Numbers of the nearest rows, the nearest first, row after row, from all distances."""
    return apart.topk(NEAR, largest=False).indices.flatten()


def _side_by_side(context: Tensor, x: Tensor, view: Data) -> Tensor:
    truth = view.test.first(len(x))[0]
    return torch.cat([context, x, truth[torch.arange(len(x)) % len(truth)]], dim=-1)
