"""What lies in Glow's latents, on digits: exact projection, the way between two digits, directions.

    python benchmarks/glow_latents.py [--share 1.0] [--seed 0] [--out FILE] [--picture FILE]

Trains the recipe twice, on all digits and with classes, about two minutes of a core each, and looks at
test digits through the oracle that ships with genus. `--share 0.1` takes a tenth of the rounds.
"""

import argparse
import json
import platform
import time
from datetime import date
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from genus import Run, __version__
from genus.data import Data, load
from genus.density import Dequantised
from genus.measure import Oracle, oracle
from genus.recipes.flow.glow import RUN, glow
from genus.show.style import style

ROOT = Path(__file__).parent.parent
PAIRS, STEPS = 500, 9
STRETCHES = (0.5, 1.0, 1.5, 2.0)  # how far along a difference of means
FLOWS = ("all digits", "classes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--share", type=float, default=1.0, help="of the rounds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/glow_latents.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/glow.png")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data, judge = load("digits").labelled(), oracle("digits")
    rounds = max(1, round(options.share * (RUN.rounds or 1)))
    run = Run(
        rounds=rounds,
        batch=RUN.batch,
        lr=RUN.lr,
        clip=RUN.clip,
        ema=RUN.ema,
        seed=options.seed,
        device="cpu",
        evaluate_every=rounds + 1,
    )
    begun = time.process_time()
    model: Any = glow(variational=True, run=run)
    given: Any = glow(variational=True, classes=True, run=run)
    seconds = time.process_time() - begun
    protocol = {
        "data": "digits, 300 test rows; latents' class means from 1,297 training rows",
        "models": f"genus.recipes.glow, variational; {rounds} rounds, seed {options.seed}; "
        "of all digits, and of each class",
        "judge": f"the oracle of digits, {judge.identity()[:16]}",
        "minutes of a core to train": round(seconds / 60, 1),
    }
    torch.manual_seed(options.seed)
    with torch.no_grad():
        rows = [
            *round_trips(model, data),
            *between(model, data, judge),
            *directions(model, data, judge),
            *conditional(given, data, judge),
        ]
        write(options.out, protocol, rows)
        for row in rows:
            print(*row, sep=" | ")
        draw(model, given, data, options.picture)


# --- what is measured -------------------------------------------------------------------------


def round_trips(model: Dequantised, data: Data) -> list[list[str]]:
    """Encoding and decoding test digits: what comes back, before and after it is laid on the grid."""
    x = data.test.everything()[0]
    noisy = model.space.dequantise(x.double())
    rows = []
    for name, dtype in (("float32", torch.float32), ("float64", torch.float64)):
        model.to(dtype)
        y, _ = model.to_reals(noisy.to(dtype))
        error = (model.density.decode(model.density.encode(y)) - y).abs()
        back = model.decode(model.encode(x.to(dtype)))
        same = (back == model.space.quantise(x.to(dtype))).flatten(1).all(1).double().mean()
        rows.append(
            [
                f"decode(encode(x)), {name}",
                f"max {error.max():.1e}, mean {error.mean():.1e}",
                f"{100 * same:.1f} % of pictures come back bit for bit",
            ]
        )
    model.float()
    return rows


def between(model: Dequantised, data: Data, judge: Oracle) -> list[list[str]]:
    """The middle between two test digits of different classes: in latents, and in pixels."""
    x, label = data.test.everything()
    first, second = torch.randint(len(x), (2, 4 * PAIRS))
    keep = (label[first] != label[second]).nonzero()[:PAIRS, 0]
    first, second = first[keep], second[keep]
    middles = {
        "real digits": x[first],
        "the middle in latents": path(model, x[first], x[second], 3)[:, 1],
        "the middle in pixels": model.space.quantise((x[first] + x[second]) / 2),
    }
    rows = []
    for name, middle in middles.items():
        sure = judge.head(judge.body(middle)).softmax(1)
        ends = sure.gather(1, torch.stack([label[first], label[second]], 1)).sum(1)
        rows.append(
            [
                name,
                f"{-model.elbo(middle).mean():.1f} nats",
                f"oracle: {sure.max(1).values.mean():.3f} sure, {ends.mean():.3f} on the two ends",
            ]
        )
    return rows


def path(model: Any, a: Tensor, b: Tensor, steps: int) -> Tensor:
    """From a to b through latents, (n, steps, ...): along the great circle, as noise is a shell."""
    start, end = model.encode(a), model.encode(b)
    long = [z.flatten(1).norm(dim=1) for z in (start, end)]
    cosine = (start * end).flatten(1).sum(1) / (long[0] * long[1])
    angle = cosine.clamp(-1, 1).acos()[:, None, None, None]
    along = []
    for t in torch.linspace(0, 1, steps):
        z = (((1 - t) * angle).sin() * start + (t * angle).sin() * end) / angle.sin()
        along.append(model.decode(z))
    return torch.stack(along, 1)


def directions(model: Dequantised, data: Data, judge: Oracle) -> list[list[str]]:
    """Test digits of a class, moved by the difference to another class's mean: what are they now?"""
    x, label = data.test.everything()
    train, train_label = data.train.everything()
    rows = []
    spaces = {
        "latents": (model.encode, model.decode),
        "pixels": (lambda v: v, model.space.quantise),
    }
    for name, (there, back) in spaces.items():
        z, known = there(x), there(train)
        means = torch.stack([known[train_label == c].mean(0) for c in range(data.classes)])
        for stretch in STRETCHES:
            hits, kept = [], []
            for goal in range(data.classes):
                others = label != goal
                moved = z[others] + stretch * (means[goal] - means[label[others]])
                made = back(moved)
                hits.append((judge.see(made, model.space).classes == goal).double())
                kept.append(-model.elbo(made))
            rows.append(
                [
                    f"difference of class means in {name}, times {stretch:g}",
                    f"{100 * torch.cat(hits).mean():.1f} % are the new class",
                    f"{torch.cat(kept).mean():.1f} nats",
                ]
            )
    return rows


def conditional(model: Dequantised, data: Data, judge: Oracle) -> list[list[str]]:
    """Does the class that is asked for come? And does the density know a test digit's class?"""
    x, label = data.test.everything()
    asked = torch.arange(2000) % data.classes
    made = judge.see(model.sample(asked), model.space).classes
    real = judge.see(x, model.space).classes
    z, hits = model.encode(x, label), []
    for step in range(1, data.classes):
        goal = (label + step) % data.classes
        hits.append((judge.see(model.decode(z, goal), model.space).classes == goal).double())
    scores = torch.stack(
        [
            torch.stack([model.elbo(x, torch.full_like(label, c)) for _ in range(8)]).logsumexp(0)
            for c in range(data.classes)
        ],
        1,
    )
    said = (scores.argmax(1) == label).double().mean()
    floor = f"{100 * (real == label).double().mean():.1f} % of real test digits"
    return [
        ["samples of a class", f"{100 * (made == asked).double().mean():.1f} % are it", floor],
        [
            "a test digit's latent, decoded as each other class",
            f"{100 * torch.cat(hits).mean():.1f} % are the new class",
            "",
        ],
        ["the most probable class of a test digit", f"{100 * said:.1f} % right", ""],
    ]


# --- what is kept -----------------------------------------------------------------------------


def write(path: Path, protocol: dict[str, Any], rows: list[list[str]]) -> None:
    content = {
        "title": "Glow's latents on digits",
        "command": "python benchmarks/glow_latents.py",
        "protocol": protocol,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": ["what", "figure", "beside"],
        "rows": rows,
        "notes": [
            "The errors of a round trip are in what the flow sees, the logits of the pixels.",
            "Nats are the bound of the model of all digits: smaller is more probable.",
            "Paths in latents go along the great circle; directions are differences of means.",
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def draw(model: Any, given: Any, data: Data, path_to: Path) -> None:
    """Samples of each class; ways between test digits; a digit moved towards each class."""
    x, label = data.test.everything()
    of = [x[label == c] for c in range(10)]
    samples = given.sample(context=torch.arange(60) % 10).unflatten(0, (6, 10))
    pairs = [(3, 8), (1, 7), (4, 9), (0, 6), (2, 5), (5, 3)]
    ways = path(
        model, *(torch.stack([of[p[i]][j] for j, p in enumerate(pairs)]) for i in (0, 1)), 10
    )
    z, (train, known) = model.encode(x), data.train.everything()
    code = model.encode(train)
    means = torch.stack([code[known == c].mean(0) for c in range(10)])
    starts = [2, 3, 4, 6, 7, 9]
    moved = [model.decode(z[label == c][:1] + 1.5 * (means - means[c])) for c in starts]
    with style():
        figure, axes = plt.subplots(1, 3, figsize=(10.5, 2.35), layout="constrained")
        titles = (
            "Samples, a class in each column",
            "From one test digit to another",
            "A test digit of 2, 3, 4, 6, 7, 9, moved to 0 .. 9",
        )
        for axis, title, tiles in zip(
            axes, titles, (samples, ways, torch.stack(moved)), strict=True
        ):
            padded = torch.nn.functional.pad(tiles[:, :, 0], (1, 1, 1, 1), value=-0.6)
            axis.imshow(
                padded.movedim(2, 1).flatten(2).flatten(0, 1), cmap="gray_r", vmin=-1, vmax=1
            )
            axis.set(title=title, xticks=[], yticks=[])
            for side in axis.spines.values():
                side.set_visible(False)
        path_to.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path_to, dpi=110)


if __name__ == "__main__":
    main()
