"""Sheets of the worlds for docs/guide/worlds.md, and how fast they are drawn.

python -m benchmarks.worlds [--out docs/pictures/worlds]
python -m benchmarks.worlds --speed
"""

import argparse
import json
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from benchmarks.bench import machine, versions
from genus.data.faces.people import SHAPES
from genus.data.worlds import figures, portraits
from genus.data.worlds.parameters import Choice, Parameters, taken

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "worlds.json"
TIMES = 7  # that a speed is measured
SEED = 41
MOST = 390_000  # bytes of a sheet
STEPS = 8  # of the sweep of a number
SHADES = ("#ebebeb", "#f0be96", "#5a321e", "#fafa50", "#9650c8", "#e6783c", "#dc283c", "#785a3c")
SHADES = (*SHADES, "#141414", "#2878dc", "#3ca05a")  # of the parts in a segmentation
SWEPT = {  # sheet: its parameters
    "who": ("identity", "skin", "hair_colour", "eye_colour", "age", "hair"),
    "wears": ("beard", "glasses", "hat", "clothes", "cloth"),
    "does": (
        "smile",
        "mouth_open",
        "mouth_round",
        "mouth_width",
        "eyes",
        "gaze",
        "brow_lift",
        "yaw",
    ),
    "light": ("light", "side", "backdrop", "ground", "style"),
    "shape": tuple(SHAPES),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures" / "worlds")
    parser.add_argument("--speed", action="store_true", help="measure pictures a second instead")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.speed:
        speed()
        return
    options.out.mkdir(parents=True, exist_ok=True)
    sheets: dict[str, Callable[[], Image.Image]] = {
        "portraits": lambda: grid(portraits.draw(portraits.parameters(64, SEED), 64), 8),
        "portraits_large": lambda: grid(portraits.draw(portraits.parameters(10, 3), 128), 5),
        "portraits_truth": truth,
        "portraits_pairs": pairs,
        "portraits_clip": clips,
        "figures": lambda: grid(figures.draw(figures.parameters(40, SEED), 64), 10),
        "figures_maps": figure_maps,
        **{f"portraits_{name}": partial(sweeps, names) for name, names in SWEPT.items()},
    }
    sheets["portraits_shape"] = partial(sweeps, SWEPT["shape"], 96)
    for name, sheet in sheets.items():
        path = options.out / f"{name}.png"
        page = sheet()
        page.save(path, optimize=True)
        if path.stat().st_size > MOST:  # fewer colours
            page.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path)
        print(f"{path}: {path.stat().st_size / 1024:.0f} KB")


def someone(**words: str) -> Parameters:
    """One person whom all sheets of sweeps show."""
    plain = {"identity": "61", "age": "young", "hair": "short", "beard": "none", "glasses": "none"}
    plain |= {"hat": "none", "eyes": "open", "blink": "0", "smile": "yes", "mouth": "closed"}
    plain |= {
        "yaw": "-8",
        "light": "day",
        "clothes": "shirt",
        "backdrop": "disc",
        "style": "painted",
    }
    return portraits.parameters(1, 5, plain | words)


def sweeps(names: tuple[str, ...], size: int = 64) -> Image.Image:
    """A row for each parameter, which takes all its values or some steps."""
    kinds = {one.name: one for one in portraits.PARAMETERS}
    rows = []
    for name in names:
        one = kinds[name]
        words = {"mouth_open": {"mouth": "open"}, "mouth_round": {"mouth": "open"}}.get(name, {})
        start = taken(someone(**words), torch.zeros(STEPS, dtype=torch.int64))
        if isinstance(one, Choice):
            value = torch.arange(STEPS) * (37 if name == "identity" else 1) % len(one.values)
            start[name] = value
            if name == "identity":  # another person altogether
                people = [someone(identity=str(who)) for who in value.tolist()]
                start = {key: torch.cat([one[key] for one in people]) for key in start}
            count = min(STEPS, len(one.values))
        else:
            start[name] = torch.linspace(one.low, one.high, STEPS)
            count = STEPS
        rows.append((name, portraits.draw(start, size)[:count]))
    return titled(rows)


def pairs() -> Image.Image:
    """The same people with one parameter changed."""
    rows = []
    for title, name, first, second in (
        ("glasses", "glasses", "none", "round"),
        ("style", "style", "painted", "ink"),
        ("yaw", "yaw", "-25", "35"),
        ("age", "age", "young", "old"),
        ("light", "light", "day", "night"),
    ):
        sides = [portraits.parameters(4, 8, {name: value}) for value in (first, second)]
        start = portraits.parameters(4, 8, {name: first, "eyes": "open"})
        both = [portraits.draw(start | {name: side[name]}, 64) for side in sides]
        rows.append((title, torch.stack(both, 1).flatten(0, 1)))
    return titled(rows)


def figure_maps() -> Image.Image:
    """Figures and what can be given beside them."""
    people = figures.parameters(8, 4)
    return titled(
        [("picture", figures.draw(people, 64))]
        + [(name, draw(people, 64)) for name, draw in figures.MAPS.items()]
    )


def truth() -> Image.Image:
    """Pictures, their segmentation, alpha and foreground, and key points."""
    q = portraits.draw(portraits.parameters(8, 12), 64, everything=True)
    shades = torch.tensor([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in SHADES])
    parts = shades[q.segmentation.long()].permute(0, 3, 1, 2).to(torch.uint8)
    alpha = (q.alpha.expand(-1, 3, -1, -1) * 255).to(torch.uint8)
    front = (q.foreground * 255).clamp(0, 255).to(torch.uint8)
    found = titled(
        [("picture", q.picture), ("parts", parts), ("alpha", alpha), ("foreground", front)]
    )
    pen = ImageDraw.Draw(found)
    for column, (places, seen) in enumerate(zip(q.points.places, q.points.seen, strict=True)):
        for x, y in places[seen].tolist():
            left, top = TITLE + column * 64 + x, y
            pen.ellipse((left - 1, top - 1, left + 1, top + 1), fill="#00ff7f", outline="#003311")
    return found


def clips() -> Image.Image:
    """Frames of three clips, and under them the flow: hue is direction, white where it is unknown."""
    rows = []
    for kind in ("turn", "talk", "blink"):
        found = portraits.clip(someone(glasses="round"), 64, kind, STEPS)
        rows.append((kind, found.frames[0]))
        rows.append(("flow", painted_flow(found.flow[0], found.holds[0])))
    return titled(rows)


def painted_flow(flow: Tensor, holds: Tensor) -> Tensor:
    """Flow as colours, (n, 3, size, size) uint8."""
    strength = flow.square().sum(1).sqrt()
    hue = (torch.atan2(flow[:, 1], flow[:, 0]) / 6.2832) % 1 * 6
    wheel = torch.stack([((hue + shift) % 6 - 3).abs() - 1 for shift in (0, 4, 2)], 1).clamp(0, 1)
    shade = 0.15 + (wheel - 0.15) * (strength / strength.amax().clamp(min=1e-6))[:, None]
    shade = torch.where(holds[:, None], shade, 1.0)
    return (shade * 255).to(torch.uint8)


# --- pages ------------------------------------------------------------------------------------

TITLE = 88  # pixels to the left of a row


def grid(x: Tensor, columns: int) -> Image.Image:
    """Pictures, (n, 3, size, size) uint8, side by side."""
    n, _, high, wide = x.shape
    rows = n // columns
    whole = x.reshape(rows, columns, 3, high, wide).permute(0, 3, 1, 4, 2)
    return Image.fromarray(whole.reshape(rows * high, columns * wide, 3).numpy())


def titled(rows: list[tuple[str, Tensor]]) -> Image.Image:
    """Rows of pictures, each with its title to the left."""
    high, most = rows[0][1].shape[2], max(len(x) for _, x in rows)
    page = Image.new("RGB", (TITLE + most * high, len(rows) * high), "white")
    pen = ImageDraw.Draw(page)
    for number, (title, x) in enumerate(rows):
        pen.text((4, number * high + high // 2 - 6), title, fill="black", font_size=12)
        page.paste(grid(x, len(x)), (TITLE, number * high))
    return page


def speed() -> None:
    """Measures how many portraits a second are drawn, and puts that into benchmarks/results."""
    rows = []
    for size, n in ((32, 4096), (64, 1024), (128, 256)):
        people = portraits.parameters(n, 0)
        alone = best(partial(portraits.draw, people, size))
        whole = best(partial(portraits.draw, people, size, everything=True))
        rows.append([f"{size} x {size}", f"{n / alone:,.0f}", f"{n / whole:,.0f}"])
        print(*rows[-1], sep=" | ")
    record = {
        "title": "Portraits a second",
        "command": "python -m benchmarks.worlds --speed",
        "protocol": {"time": f"of the processor, one thread, the best of {TIMES}"},
        "date": date.today().isoformat(),
        "machine": machine(1),
        "versions": versions(),
        "columns": ["pixels", "portraits a second", "with all their truth"],
        "rows": rows,
        "notes": [],
    }
    RESULTS.write_text(json.dumps(record, indent=1) + "\n", "utf-8")


def best(draw: Callable[[], object]) -> float:
    """Seconds that the processor takes."""
    draw()
    spent = []
    for _ in range(TIMES):
        start = time.process_time()
        draw()
        spent.append(time.process_time() - start)
    return min(spent)


if __name__ == "__main__":
    main()
