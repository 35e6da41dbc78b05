"""The style of pictures: colours that colour-blind readers can tell apart, light and dark.

The colours are those of Okabe and Ito, "Color universal design", 2008, a little lighter on a dark
ground. Drawings name them C0 .. C6 (C7 is grey), and leave ground and ink to the style that is set.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LIGHT = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#20242a", "#8a9099"]
DARK = ["#4fa8e0", "#f0833a", "#2fc79b", "#e29cc4", "#f0b93a", "#8fd0f5", "#e6e3dc", "#868d96"]
DASHES = ["-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)), (0, (9, 2))]
DPI = 110


@contextmanager
def style(dark: bool = False) -> Iterator[None]:
    """Sets colours and sizes for all plots within."""
    import matplotlib as mpl
    from cycler import cycler

    ground, ink, rule = (
        ("#1d2126", "#e6e3dc", "#4a525b") if dark else ("white", "#20242a", "#c4c8cd")
    )
    settings: Any = {
        "axes.prop_cycle": cycler(color=DARK if dark else LIGHT),
        "figure.facecolor": ground,
        "axes.facecolor": ground,
        "savefig.facecolor": ground,
        "legend.facecolor": ground,
        "text.color": ink,
        "axes.labelcolor": ink,
        "axes.titlecolor": ink,
        "axes.edgecolor": rule,
        "xtick.color": rule,
        "ytick.color": rule,
        "xtick.labelcolor": ink,
        "ytick.labelcolor": ink,
        "legend.edgecolor": "none",
        "legend.framealpha": 0.85,
        "grid.color": rule,
        "grid.linewidth": 0.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.labelsize": 9,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.fontsize": 8,
        "lines.linewidth": 1.8,
        "font.family": "DejaVu Sans",
    }
    with mpl.rc_context(settings):
        yield


def canvas(width: float, height: float) -> "Figure":
    """An empty figure, in inches, with an automatic layout."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def square(axes: "Axes", reach: float) -> None:
    """Sets both axes to -reach .. reach at the same scale."""
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")


def png(figure: "Figure") -> bytes:
    """The figure as the bytes of a PNG file, with few enough colours to be small."""
    from PIL import Image

    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", dpi=DPI)
    picture = Image.open(raw).convert("RGB")
    few = picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(small, format="png", optimize=True)
    return small.getvalue()
