"""Puts measured figures into README.md and docs/*.md, between <!-- NAME --> and <!-- /NAME -->.

    python benchmarks/render.py [--report report] [--check]

Everything comes from files that commands of this repository wrote: `genus compare` (the folder named by
--report is copied into benchmarks/results/compare.json and docs/demo.png) and the other scripts of
this folder. A results file with `columns` and `rows` is a table, and needs nothing but its markers.
With --check nothing is written, and the exit status says whether the pages are what these files say.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from genus.measure import Figure, from_json
from genus.report import groups

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted((DOCS / "guide").glob("*.md"))]
PICTURE = ROOT / "docs" / "demo.png"
SHOWN = {  # the figures of the README's table, and how their columns are called
    "nll": "negative log-likelihood, nats",
    "bits_per_dim": "bits/dim",
    "frechet": "Fréchet",
    "frechet_random": "by random features",
    "precision": "precision",
    "recall": "recall",
    "classes": "classes",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--report", type=Path, help="a folder written by genus compare, to be kept")
    parser.add_argument("--check", action="store_true", help="write nothing, only compare")
    options = parser.parse_args()
    if options.report:
        keep(options.report)
    known, stale = blocks(), []
    for page in PAGES:
        text = before = page.read_text()
        for name, content in known.items():
            text = re.sub(
                rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
                lambda found, content=content: found[1] + content + found[2],
                text,
                flags=re.DOTALL,
            )
        if text != before:
            stale.append(page.name)
            if not options.check:
                page.write_text(text)
    if options.check and stale:
        print(f"{', '.join(stale)}: not what benchmarks/results says; run benchmarks/render.py")
    return int(options.check and bool(stale))


def keep(report: Path) -> None:
    """Takes figures and pictures of a comparison into the repository."""
    results = json.loads((report / "results.json").read_text())
    drop = {"curves", "pictures", "history", "asked"}
    results["models"] = [{k: v for k, v in m.items() if k not in drop} for m in results["models"]]
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "compare.json").write_text(json.dumps(results, indent=1) + "\n")
    PICTURE.parent.mkdir(exist_ok=True)
    strip(report, [m["name"] for m in results["models"]]).save(PICTURE, optimize=True)


def strip(report: Path, names: list[str]) -> Image.Image:
    """A corner of each model's samples, side by side, real ones first."""
    paths = [report / "real.png", *(report / name / "samples.png" for name in names)]
    tile, gap, head, columns = 216, 14, 22, 4
    rows = -(-len(paths) // columns)
    sheet = Image.new(
        "RGB", (columns * (tile + gap) + gap, rows * (tile + head + gap) + gap), "white"
    )
    draw = ImageDraw.Draw(sheet)
    for i, (path, name) in enumerate(zip(paths, ["real", *names], strict=True)):
        x, y = gap + i % columns * (tile + gap), gap + i // columns * (tile + head + gap)
        draw.text((x, y), name, fill="black", font_size=15)
        with Image.open(path) as picture:
            wide = picture.convert("RGB")
        side = wide.width // 2 if wide.width == wide.height else min(wide.size)
        part = wide.crop((0, 0, side, side))
        sheet.paste(part.resize((tile, tile), Image.Resampling.NEAREST), (x, y + head))
    return sheet


def blocks() -> dict[str, str]:
    """What belongs between each pair of markers."""
    found = {}
    if (path := RESULTS / "compare.json").exists():
        found["compare"] = comparison(json.loads(path.read_text()))
    records = [json.loads(p.read_text()) for p in sorted((RESULTS / "recipes").glob("*.json"))]
    if records:
        found["recipes"] = catalogue(records)
    for path in RESULTS.glob("*.json"):
        results = json.loads(path.read_text())
        if "columns" in results:
            found[path.stem] = table(results)
    return found


def table(results: dict[str, Any]) -> str:
    """Rows as they were written, the notes, and how it was measured."""
    columns, rows = results["columns"], results["rows"]
    if not rows:  # some cells are there, but none that a row is made of
        return "Not measured yet.\n"
    lines = ["| " + " | ".join(columns) + " |", "|---|" + "--:|" * (len(columns) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    if results["notes"]:
        lines += ["", *(f"- {note}" for note in results["notes"])]
    protocol = "; ".join(f"{key}: {value}" for key, value in results["protocol"].items())
    lines += [
        "",
        (
            f"Printed by `{results['command']}` on {results['date'][:10]}, {results['machine']}, torch "
            f"{results['versions']['torch']}. Protocol: {protocol}."
        ),
        "",
    ]
    return "\n".join(lines)


def comparison(results: dict[str, Any]) -> str:
    """The tables of `genus compare`, one for each group of figures that may stand together."""
    lines = []
    for group in groups(results["models"]):
        columns = [name for name in SHOWN if name in group.columns]
        lines += [f"**{group.kind.capitalize()}**: {group.title}", ""]
        lines += ["| model | " + " | ".join(SHOWN[c] for c in columns) + " |"]
        lines += ["|---|" + "--:|" * len(columns)]
        for model, own in group.figures.items():
            cells = (cell(own.get(name)) for name in columns)
            lines.append(f"| `{model}` | " + " | ".join(cells) + " |")
        floors = [group.floor(name) for name in columns]
        if any(floor is not None for floor in floors):
            cells = ("" if f is None else f"{f:.3g}" for f in floors)
            lines.append("| *real rows* | " + " | ".join(cells) + " |")
        lines.append("")
    machine = results["machine"]
    lines += [
        (
            f"Printed by `{results['command']}` on {results['date'][:10]}: {results['minutes']:g} minutes of "
            f"training each, seed {results['seed']}, {machine['system']}, {machine['threads']} threads, "
            f"torch {machine['torch']}. `<=` marks a bound, `~` an estimate, ± one standard error. The "
            f"last line is what real training rows score in the place of samples."
        ),
        "",
    ]
    return "\n".join(lines)


def cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    error = f" ± {figure.error:.2g}" if figure.error else ""
    sign = "" if figure.name == "classes" else f"{figure.sign} "
    return f"{sign}{figure.value:.4g}{error}"


def catalogue(records: list[dict[str, Any]]) -> str:
    """One line for each recipe that was measured with its own defaults."""
    measured = json.loads((ROOT / "genus" / "recipes" / "measured.json").read_text())
    lines = ["| recipe | data | measured | minutes |", "|---|---|---|--:|"]
    for record in records:
        name, figures = record["recipe"], from_json(json.dumps(record["figures"]))
        data = figures[0].protocol.get("data", "")
        lines.append(f"| `{name}` | {data} | {measured[name]['figure']} | {record['minutes']} |")
    last = records[-1]
    lines += [
        "",
        (
            f"Printed by `python -m benchmarks.recipes`, each recipe with its own defaults, seed "
            f"{last['run']['seed']}, {last['machine']}, torch {last['versions']['torch']}; protocols in "
            f"`benchmarks/results/recipes/`."
        ),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
