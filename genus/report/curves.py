"""Learning curves as SVG, written without a library: a few lines and two axes."""

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 340, 170  # of the whole plot
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 8, 24  # margins around the lines
CURVE = 240  # points of a curve, at most
START = 0.05  # the share of a curve, from its beginning, that does not decide the scale

Points = Sequence[Sequence[float]]  # [round, seconds, value]


def chart(lines: Mapping[str, Points], title: str) -> str:
    """One plot of all terms of a player; empty if no term has two points.

    Args:
        lines: points of each term, in the order of rounds.
        title: title of the plot, for screen readers.
    """
    lines = drawable(lines)
    if not lines:
        return ""
    last = max(points[-1][0] for points in lines.values())
    low, high = _range(lines)
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(number: float) -> float:
        return width * number / max(last, 1)

    def y(value: float) -> float:
        return height * (high - value) / (high - low)

    ticks = "".join(
        f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{TOP + y(t):.1f}" '
        f'y2="{TOP + y(t):.1f}"/><text class="tick end" x="{LEFT - 6}" y="{TOP + y(t) + 4:.1f}">'
        f"{_short(t)}</text>"
        for t in nice(low, high)
    )
    paths = "".join(
        f'<path class="line line{i % 5}" d="{_path([(x(p[0]), y(p[2])) for p in points])}"/>'
        for i, points in enumerate(lines.values())
    )
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(_description(title, lines))}">{ticks}'
        f'<svg x="{LEFT}" y="{TOP}" width="{width}" height="{height}">{paths}</svg>'
        f'<text class="tick" x="{LEFT}" y="{HEIGHT - 6}">0</text>'
        f'<text class="tick end" x="{WIDTH - RIGHT}" y="{HEIGHT - 6}">{last:,.0f} rounds</text>'
        f"</svg>"
    )


def drawable(lines: Mapping[str, Points]) -> dict[str, Points]:
    """The lines that have at least two points, without what is not finite."""
    finite = {name: [p for p in points if math.isfinite(p[2])] for name, points in lines.items()}
    return {name: points for name, points in finite.items() if len(points) > 1}


def legend(names: Sequence[str]) -> str:
    """The legend of the lines, which differ in colour and in their dashes."""
    keys = "".join(
        f'<li><svg class="key" viewBox="0 0 24 8" aria-hidden="true">'
        f'<path class="line line{i % 5}" d="M0 4H24"/></svg>{escape(name.replace("_", " "))}</li>'
        for i, name in enumerate(names)
    )
    return f'<ul class="legend">{keys}</ul>'


def nice(low: float, high: float) -> list[float]:
    """Three to seven round numbers within a range."""
    power = 10.0 ** math.ceil(math.log10(high - low))
    ticks: list[float] = []
    for step in (power * part for part in (0.5, 0.25, 0.2, 0.1, 0.05)):
        ticks = [k * step for k in range(math.ceil(low / step), math.floor(high / step) + 1)]
        if len(ticks) >= 3:
            break
    return ticks


def _range(lines: Mapping[str, Points]) -> tuple[float, float]:
    """From the lowest to the highest value, the wild start and single spikes left out."""
    values = [p[2] for points in lines.values() for p in points[int(START * len(points)) :]]
    values = sorted(values or [p[2] for points in lines.values() for p in points])
    low, high = values[len(values) // 200], values[-1 - len(values) // 50]
    air = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
    return low - air, high + air


def _path(points: Sequence[tuple[float, float]]) -> str:
    far = [(px, min(max(py, -1e4), 1e4)) for px, py in points]
    return "M" + "L".join(f"{px:.1f} {py:.1f}" for px, py in far)


def _short(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _description(title: str, lines: Mapping[str, Points]) -> str:
    parts = [f"{name} from {_short(p[0][2])} to {_short(p[-1][2])}" for name, p in lines.items()]
    return f"{title}: {', '.join(parts)}"


# --- from the log -----------------------------------------------------------------------------


def curves(path: Path) -> dict[str, dict[str, list[list[float]]]]:
    """The points [round, seconds, value] of each term of each player, at most CURVE of them."""
    found: dict[str, dict[str, list[list[float]]]] = {}
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    for line in map(json.loads, lines):
        if line["event"] == "ended":
            continue
        for name, value in line.items():
            if name in ("event", "round", "seconds"):
                continue
            player, _, term = name.rpartition("/")
            player = player or ("model" if line["event"] == "losses" else "figures")
            points = found.setdefault(player, {}).setdefault(term, [])
            points.append([line["round"], line["seconds"], value])
    return {p: {t: _thinned(points) for t, points in terms.items()} for p, terms in found.items()}


def _thinned(points: list[list[float]]) -> list[list[float]]:
    """Means of neighbours, so that no more than CURVE points are left."""
    step = -(-len(points) // CURVE)
    parts = [points[i : i + step] for i in range(0, len(points), step)]
    return [[sum(column) / len(part) for column in zip(*part, strict=True)] for part in parts]
