"""Rows of a table as a picture: how often each value of a column comes among real rows and among samples."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .style import canvas, png, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 24  # columns in a picture
WORDS = 8  # of a category, the most frequent first
BINS = 24
OUTER = 0.5  # percent of real values beyond each end of an axis


@dataclass(frozen=True)
class Compared:
    """The values of a column, in real rows and in samples.

    Args:
        name: name of the column.
        real, made: words; or numbers, seconds where they are dates.
        kind: words, numbers or dates.
    """

    name: str
    real: Sequence[Any]
    made: Sequence[Any]
    kind: str


def columns_png(columns: Sequence[Compared], samples: str = "samples") -> bytes:
    """A panel for each column, at most 24: real rows filled, samples as a line, or bars side by side.

    Args:
        columns: what is shown.
        samples: what samples are called.
    """
    from matplotlib import rc_context

    shown = columns[:MOST]
    across = min(4, max(1, len(shown)))
    down = -(-len(shown) // across)
    with style(), rc_context({"text.parse_math": False}):  # a category may have dollars
        figure = canvas(2.6 * across, 1.9 * down + 0.3)
        panels: Any = figure.subplots(down, across, squeeze=False)
        for axes, values in zip(panels.flat, shown, strict=False):
            (_bars if values.kind == "words" else _steps)(axes, values)
            axes.set_title(values.name if len(values.name) < 30 else f"{values.name[:28]}...")
            axes.set_yticks([])
        for axes in panels.flat[len(shown) :]:
            axes.set_axis_off()
        more = f", of the first {MOST} of {len(columns)} columns" if len(columns) > MOST else ""
        handles = panels.flat[0].get_legend_handles_labels()[0]
        figure.legend(
            handles, ["real rows", f"{samples}{more}"], loc="outside upper right", ncols=2
        )
        return png(figure)


def _bars(axes: "Axes", values: Compared) -> None:
    """Shares of the words that are most frequent among real rows."""
    counts = [Counter(map(_word, side)) for side in (values.real, values.made)]
    words = sorted(counts[0] | counts[1], key=lambda word: -counts[0][word])[:WORDS]
    places = np.arange(len(words))
    for i, (count, label) in enumerate(zip(counts, ("real rows", "samples"), strict=True)):
        shares = [count[word] / max(1, count.total()) for word in words]
        axes.bar(places + 0.4 * i - 0.2, shares, 0.4, color=f"C{i}", label=label)
    axes.set_xticks(places, words, rotation=25, ha="right", rotation_mode="anchor")


def _word(cell: Any) -> str:
    text = "missing" if cell is None or cell == "" else str(cell)
    return text if len(text) <= 12 else f"{text[:10]}..."


def _steps(axes: "Axes", values: Compared) -> None:
    """Densities, over the range of nearly all real values."""
    real, made = (np.asarray(side, dtype=np.float64) for side in (values.real, values.made))
    known = real if len(real) else made
    low = np.percentile(known, OUTER, method="lower") if len(known) else 0.0
    high = np.percentile(known, 100 - OUTER, method="higher") if len(known) else 1.0
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    at = edges.astype("datetime64[s]") if values.kind == "dates" else edges
    for i, (side, label) in enumerate(((real, "real rows"), (made, "samples"))):
        heights = np.histogram(side, edges)[0] / max(1, len(side))
        axes.stairs(
            heights, at, fill=i == 0, alpha=0.45 if i == 0 else 1.0, color=f"C{i}", label=label
        )
    axes.set_xlim(at[0], at[-1])  # no margin, which may lie beyond the year 9999
    if values.kind == "dates":
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        where = AutoDateLocator(maxticks=4)
        axes.xaxis.set_major_locator(where)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(where))
    else:
        axes.locator_params(axis="x", nbins=4)
