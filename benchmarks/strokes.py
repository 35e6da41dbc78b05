"""Drawings: nats per step on sheep and kanji, and texts of glyphs that a rule reads.

    GENUS_DATA=... python benchmarks/strokes.py [--weights DIR] [--out FILE] [--picture FILE]

Models are trained by their recipes; of the checkpoints the one with the lowest validation nats is scored
on all test rows. The mixture without memory draws each step alone: the pen by its share, the move from
normals that expectation maximisation has found. Trained models stay in DIR, if it is named; a second call
goes on with the rows that are missing.
"""

import argparse
import json
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from genus import Run, __version__
from genus.autoregressive import HandwritingSynthesis, PenDecoding, StrokePrediction
from genus.core import Reals
from genus.data import Data, load
from genus.data.strokes.glyphs import LETTERS, GlyphReader, accuracy, lines_of, spelled, tokens
from genus.density import GaussianMixture
from genus.recipes.autoregressive.handwriting import RUN as SYNTHESIS
from genus.recipes.autoregressive.handwriting import handwriting
from genus.recipes.autoregressive.handwriting_prediction import RUN as PREDICTION
from genus.recipes.autoregressive.handwriting_prediction import handwriting_prediction
from genus.show.style import canvas, png, style
from genus.train import artifact

ROOT = Path(__file__).parent.parent
SHEEP = replace(PREDICTION, rounds=1200)
SETS = {"glyphs": SYNTHESIS, "kanji": PREDICTION, "sheep": SHEEP}
BIASES = (0.0, 0.5, 1.0)
NORMALS = 20  # of the mixture without memory
ENOUGH = 20_000  # steps that it learns from
TEXTS = 400  # that are written, and read
PRIME = 3  # letters of a text that are there already
COLUMNS = [
    *("data", "model", "weights", "CPU minutes", "nats a drawing", "nats a step"),
    *(f"read right, bias {bias:g}" for bias in BIASES),
    "slant kept",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--rounds", type=int, default=None, help="other than the recipes'")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/strokes.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/handwriting.png")
    options = parser.parse_args()
    torch.set_num_threads(1)
    record = json.loads(options.out.read_text()) if options.out.exists() else {"runs": {}}
    runs: dict[str, dict[str, Any]] = record["runs"]
    models = {}
    for name, run in SETS.items():
        data = load(name)
        if f"{name}, alone" not in runs:
            runs[f"{name}, alone"] = without_memory(data)
            write(options.out, runs)
        run = run if options.rounds is None else replace(run, rounds=options.rounds)
        models[name], minutes = trained(name, run, options.weights)
        if name not in runs:
            runs[name] = look(models[name], data, minutes)
            write(options.out, runs)
    if "glyphs, real" not in runs:
        runs["glyphs, real"] = real()
        write(options.out, runs)
    draw(models, options.picture)


# --- the models -----------------------------------------------------------------------------


def trained(
    name: str, run: Run, weights: Path | None
) -> tuple[StrokePrediction | HandwritingSynthesis, float]:
    """A model, and the CPU minutes that it took; from the folder if it is there."""
    folder = (weights or Path("runs/strokes")) / name
    note = folder / "minutes.json"
    if not note.exists():
        begun = time.process_time()
        recipe = handwriting if name == "glyphs" else handwriting_prediction
        recipe(data=name, run=replace(run, out=folder, device="cpu"))
        note.write_text(json.dumps((time.process_time() - begun) / 60))
    return artifact.load(folder / "best"), json.loads(note.read_text())


def without_memory(data: Data) -> dict[str, Any]:
    """Each step by itself."""
    torch.manual_seed(0)
    begun = time.process_time()
    train, test = (data.splits[split].everything()[0] for split in ("train", "test"))
    pens = torch.bincount(scored(train)[:, 2].long(), minlength=3).double()
    moves = scored(train)
    moves = moves[moves[:, 2] != 2][:, :2]
    mixture = GaussianMixture(Reals((2,)), NORMALS)
    for _ in mixture.fit(moves[torch.randperm(len(moves))[:ENOUGH]]):
        pass
    steps = scored(test)
    each = (pens / pens.sum()).log()[steps[:, 2].long()]
    with torch.no_grad():
        each += mixture.log_prob(steps[:, :2]) * (steps[:, 2] != 2)
    return {
        "model": f"no memory, {NORMALS} normals",
        "weights": sum(p.numel() for p in mixture.parameters()) + 2,
        "minutes": (time.process_time() - begun) / 60,
        "drawing": float(-each.sum() / len(test)),
        "step": float(-each.mean()),
    }


def scored(x: Tensor) -> Tensor:
    """All steps that have a score, (steps, 3): up to the one that ends a drawing."""
    return x[there(x)]


def there(x: Tensor) -> Tensor:
    """Which steps have a score, (n, length)."""
    on = x[..., 2] != 2
    return torch.cat([torch.ones_like(on[:, :1]), on[:, :-1]], 1)


# --- the figures ----------------------------------------------------------------------------


@dataclass
class Written:
    """Texts that a model has written, and what the rule reads."""

    read: list[str]
    wanted: list[str]
    slants: Tensor

    @property
    def right(self) -> float:
        return accuracy(self.read, self.wanted)


def look(
    model: StrokePrediction | HandwritingSynthesis, data: Data, minutes: float
) -> dict[str, Any]:
    test = data.test.everything()
    pieces = zip(*(part.split(100) for part in test), strict=True)
    with torch.no_grad():
        each = torch.cat([-model.log_probs(*piece).double().sum(1) for piece in pieces])
    found = {
        "model": f"{type(model).__name__}, {model.layers} x {model.width}",
        "weights": sum(p.numel() for p in model.parameters()),
        "minutes": minutes,
        "drawing": float(each.mean()),
        "error": float(each.std() / len(each) ** 0.5),
        "step": float(each.sum() / there(test[0]).sum()),
    }
    if isinstance(model, HandwritingSynthesis):
        torch.manual_seed(0)
        texts = test[1][:TEXTS]
        found["right"] = [
            read(model.sample(context=texts, decoding=PenDecoding(bias=bias)), texts).right
            for bias in BIASES
        ]
        found["slant"] = slant_kept(model, *(part[: TEXTS // 2] for part in test))
    return found


def read(drawings: Tensor, texts: Tensor) -> Written:
    reader = GlyphReader()
    found = [reader(drawing) for drawing in drawings]
    return Written([r.text for r in found], spelled(texts), torch.tensor([r.slant for r in found]))


def slant_kept(model: HandwritingSynthesis, x: Tensor, texts: Tensor) -> float:
    """The correlation of the slant of PRIME letters that are given with that of those that follow."""
    before, after = [], []
    for drawing, text in zip(x, texts, strict=True):
        if int((text != 0).sum()) <= PRIME + 1:
            continue
        k = steps_of(text[:PRIME])
        whole = model.sample(
            context=text[None], decoding=PenDecoding(bias=0.5), prefix=drawing[None, :k]
        )[0]
        pair = read(torch.stack([cut(whole, 0, k), cut(whole, k, len(whole))]), texts[:2]).slants
        before.append(float(pair[0]))
        after.append(float(pair[1]))
    return float(torch.tensor([before, after]).corrcoef()[0, 1])


def steps_of(text: Tensor) -> int:
    """How many steps letters take."""
    return sum(sum(map(len, LETTERS[letter])) for letter in spelled(text[None])[0])


def cut(drawing: Tensor, begin: int, end: int) -> Tensor:
    """Some steps of a drawing, and no others: (length, 3)."""
    x = torch.zeros_like(drawing)
    x[:, 2] = 2
    x[: end - begin] = drawing[begin:end]
    return x


def real() -> dict[str, Any]:
    """What the rule reads in real rows."""
    x, texts = load("glyphs").test.everything()
    right = read(x[:TEXTS], texts[:TEXTS]).right
    return {"model": "real rows", "right": [right], "slant": slant_of_rows(x, texts)}


def slant_of_rows(x: Tensor, texts: Tensor) -> float:
    pairs = []
    for drawing, text in zip(x[: TEXTS // 2], texts[: TEXTS // 2], strict=True):
        if int((text != 0).sum()) > PRIME + 1:
            k = steps_of(text[:PRIME])
            halves = torch.stack([cut(drawing, 0, k), cut(drawing, k, len(drawing))])
            pairs.append(read(halves, texts[:2]).slants)
    return float(torch.stack(pairs, 1).corrcoef()[0, 1])


def write(path: Path, runs: dict[str, dict[str, Any]]) -> None:
    rows = []
    for name in [*(f"{n}{which}" for n in SETS for which in (", alone", "")), "glyphs, real"]:
        if (run := runs.get(name)) is None:
            continue
        scores = ["", "", "", ""]
        if "step" in run:
            error = f" ± {run['error']:.1f}" if "error" in run else ""
            scores = [
                *(f"{run['weights']:,}", f"{run['minutes']:.1f}"),
                *(f"{run['drawing']:.1f}{error}", f"{run['step']:.3f}"),
            ]
        right = [f"{value:.3f}" for value in run.get("right", [])]
        kept = f"{run['slant']:.2f}" if "slant" in run else ""
        rows.append(
            [name.split(",")[0], run["model"], *scores, *right, *[""] * (3 - len(right)), kept]
        )
    content = {
        "title": "Drawings: nats per step, and texts that a rule reads",
        "command": "python benchmarks/strokes.py",
        "protocol": {
            "data": "sheep, kanji: steps moved by noise as wide as their grid, divided by the "
            "deviation of the training set's; glyphs: drawn anew, a letter is 2.5 high",
            "scores": "-log p(x), nats; a density of moves, a probability of pens; all test rows",
            "steps": "of each drawing, with the one that ends it",
            "training": "; ".join(
                f"{name}: {run.rounds} x {run.batch}, Adam {run.lr:g}, cosine, average {run.ema}"
                for name, run in SETS.items()
            ),
            "checkpoint": "the averaged weights with the lowest validation nats",
            "texts": f"{TEXTS} of the test set, of 2 to 6 letters",
            "seed": 0,
        },
        "date": date.today().isoformat(),
        "machine": "x86_64 CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__.partition("+")[0]},
        "columns": COLUMNS,
        "rows": rows,
        "notes": [
            (
                "CPU minutes are those of the whole run, with its evaluations; ± is one standard error "
                "over test rows."
            ),
            (
                "Read right is 1 - edit distance / letters, by a rule that compares lines with the "
                "letters' own; real rows show what the rule itself gets wrong."
            ),
            (
                f"Slant kept is the correlation of the slant of {PRIME} real letters that a text begins "
                "with and that of the letters written after them, at a bias of 0.5."
            ),
        ],
        "runs": runs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


# --- the picture ----------------------------------------------------------------------------


def draw(models: dict[str, Any], path: Path) -> None:
    """Drawings that are gone on with, and a text by several hands."""
    with style():
        figure = canvas(9.6, 7.2)
        grid = figure.add_gridspec(5, 6)
        for line, (name, k) in enumerate({"sheep": 40, "kanji": 12}.items()):
            torch.manual_seed(1)
            x = load(name).test.everything()[0][:3]
            alone = models[name].sample(3, decoding=PenDecoding(bias=0.3))
            primed = models[name].sample(3, decoding=PenDecoding(bias=0.3), prefix=x[:, :k])
            for column, drawing in enumerate([*alone, *primed]):
                axes = figure.add_subplot(grid[line, column])
                pen(axes, drawing, k if column > 2 else 0)
                title = {0: f"{name}, drawn", 3: f"{name}, gone on with"}.get(column, "")
                axes.set_title(title, fontsize=9)
        hands(figure, grid, models["glyphs"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(figure))


def hands(figure: Any, grid: Any, model: HandwritingSynthesis) -> None:
    """A text at each bias, and in the style of real letters before it."""
    torch.manual_seed(2)
    text = tokens(["LATHE"], 6).expand(2, -1)
    for column, bias in enumerate(BIASES):
        for line, drawing in enumerate(model.sample(context=text, decoding=PenDecoding(bias=bias))):
            axes = figure.add_subplot(grid[2 + line, 2 * column : 2 * column + 2])
            pen(axes, drawing, 0)
            axes.set_title(f"LATHE, bias {bias:g}" if line == 0 else "", fontsize=9)
    x, texts = load("glyphs").test.everything()
    reader = GlyphReader()
    long = [i for i in range(200) if len(spelled(texts[i : i + 1])[0]) == 6]
    long.sort(key=lambda i: reader(x[i]).slant)
    for column, i in enumerate((long[0], long[len(long) // 2], long[-1])):
        k = steps_of(texts[i, :PRIME])
        axes = figure.add_subplot(grid[4, 2 * column : 2 * column + 2])
        pen(
            axes,
            model.sample(
                context=texts[i : i + 1], decoding=PenDecoding(bias=0.5), prefix=x[i : i + 1, :k]
            )[0],
            k,
        )
        axes.set_title(
            f"{spelled(texts[i : i + 1])[0]}, its first {PRIME} letters real", fontsize=9
        )


def pen(axes: Axes, drawing: Tensor, given: int) -> None:
    """A drawing, its first steps in another colour."""
    known = cut(drawing, 0, given)
    for line in lines_of(drawing):
        axes.plot(line[:, 0], -line[:, 1], color="C0", lw=1.1)
    for line in lines_of(known):
        axes.plot(line[:, 0], -line[:, 1], color="C1", lw=1.3)
    axes.set(aspect="equal")
    axes.set_axis_off()


if __name__ == "__main__":
    main()
