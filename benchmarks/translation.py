"""Translation: what a sentence's length costs where all of it must pass through one vector.

    python benchmarks/translation.py [--rounds 1500] [--longer 3] [--seeds 2] [--weights DIR]
                                     [--out FILE] [--picture FILE]

Three models of as many parameters, on dates and on a made-up pair of languages whose alignment is known.
Trained models are kept in DIR, if one is named; a second call goes on with the rows that are missing.
"""

import argparse
import json
import platform
import time
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genus import Run, __version__, fit
from genus.autoregressive import Decoding, EncoderDecoder, Seq2Seq, beam
from genus.core import Model
from genus.data import Split
from genus.data.text.dates import dates
from genus.data.text.languages import SOURCE, TARGET, Languages, alignment, reordering
from genus.measure.structure.bleu import bleu, words_of
from genus.show.style import canvas, png, style
from genus.train import artifact
from genus.train.schedules import cosine, warmed

ROOT = Path(__file__).parent.parent
VECTOR, ATTENTION, TRANSFORMER = "one vector", "attention", "transformer"
HALVES = {"forth": 0, "back": 1}
KINDS = (VECTOR, ATTENTION, TRANSFORMER)
RATES = {VECTOR: 4e-3, ATTENTION: 4e-3, TRANSFORMER: 6e-3}
BATCH, CLIP, WIDTH, PART = 64, 1.0, 4, 200
BUCKETS = [(3, 7), (8, 12), (13, 17), (18, 22), (23, 27), (28, 32), (33, 36), (37, 40)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=1500)
    parser.add_argument("--longer", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/translation.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/translation.png")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = {"dates": dates(), "reordering": reordering()}
    protocol = {
        "dates": "20,000 pairs; test: 2,000 unseen dates in unseen formats",
        "reordering": "30,400 sentences of 3 to 40 words; test: 3,800 unseen ones, 100 of each length",
        "training": f"{options.rounds} rounds of {BATCH} pairs, Adam, cosine after a warm-up of 5 %, clip 1",
        "rates": f"recurrent {RATES[VECTOR]:g}, transformer {RATES[TRANSFORMER]:g}",
        "models": "recurrent: width 64 (one vector: 69), words of 64; transformer: 2 + 2 blocks of 60, 6 heads",
        "decoding": f"the likeliest word each time; or a beam of {WIDTH}",
    }
    runs: dict[str, Any] = {}
    if options.out.exists():
        record = json.loads(options.out.read_text())
        if record["protocol"] != protocol:
            raise SystemExit(f"{options.out} was made by another protocol; move it away")
        runs = record["runs"]
    plan = [
        (name, kind, options.rounds, seed)
        for seed in range(options.seeds)
        for name in ("reordering", "dates")
        for kind in KINDS
    ]
    plan.insert(6, ("reordering", VECTOR, options.longer * options.rounds, 0))
    for name, kind, rounds, seed in plan:
        key = f"{name}/{kind}/{rounds}/{seed}"
        if key not in runs:
            model, seconds = trained(data[name], kind, rounds, seed, key, options.weights)
            runs[key] = look(model, data[name], name) | {"seconds": seconds}
            write(options.out, protocol, runs)
            print(key, {k: v for k, v in runs[key].items() if isinstance(v, float)}, flush=True)
    write(options.out, protocol, runs)
    if options.weights is not None:
        models = {
            kind: artifact.load(options.weights / f"reordering/{kind}/{options.rounds}/0")
            for kind in (ATTENTION, TRANSFORMER)
        }
        pair = data["reordering"]
        draw(runs, options.rounds, options.longer, models, pair, options.picture)


def build(kind: str, pair: Languages) -> Model:
    spaces: Any = (pair.data.space, pair.data.context_space)
    if kind == TRANSFORMER:
        return EncoderDecoder(*spaces, width=60, depth=2, heads=6)
    return Seq2Seq(*spaces, *((69, 64) if kind == VECTOR else (64, 64, 64)))


def trained(
    pair: Languages, kind: str, rounds: int, seed: int, key: str, folder: Path | None
) -> tuple[Model, float]:
    """The model, and what it took, CPU seconds."""
    if folder is not None and (folder / key / "config.json").exists():
        return artifact.load(folder / key), json.loads((folder / key / "time.json").read_text())
    torch.manual_seed(seed)
    model, begun = build(kind, pair), time.process_time()
    run = Run(rounds=rounds, batch=BATCH, lr=RATES[kind], clip=CLIP, seed=seed, device="cpu")
    model = fit(model, pair.data.train, run, schedule=warmed(cosine, 0.05))
    seconds = time.process_time() - begun
    if folder is not None:
        artifact.save(model, folder / key)
        (folder / key / "time.json").write_text(json.dumps(seconds))
    return model, seconds


# --- the figures ----------------------------------------------------------------------------


@torch.no_grad()
def look(model: Any, pair: Languages, name: str) -> dict[str, Any]:
    """Shares of right translations, greedily and by beam; by length, and where attention looks."""
    test, end = pair.data.test, model.space.end
    x, context = test.everything()
    begun = time.process_time()
    greedy = by_parts(lambda c: model.sample(c, decoding=Decoding(temperature=0)), context)
    spent = time.process_time() - begun
    wide = by_parts(lambda c: beam(model, c, WIDTH, penalty=1.0).x, context)
    nats = -by_parts(lambda x, c: model.log_prob(x, c), x, context).mean().item()
    found: dict[str, Any] = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "nats": nats,
        "exact": exact(greedy, x),
        "beam": exact(wide, x),
        "bleu": bleu(words_of(greedy, end), words_of(x, end)),
        "milliseconds": 1e3 * spent / len(x),
        "known": known(model, pair.data.validation),
    }
    if name == "reordering":
        lengths = (x != end).sum(1)
        for first, last in BUCKETS:
            rows = (lengths >= first) & (lengths <= last)
            made, true = words_of(greedy[rows], end), words_of(x[rows], end)
            found[f"exact {first}-{last}"] = exact(greedy[rows], x[rows])
            found[f"bleu {first}-{last}"] = bleu(made, true)
        found |= looks(model, x, context, pair.data.validation)
    return found


def known(model: Any, split: Split) -> float:
    """Exact match on validation: of dates, in formats that were learnt from."""
    x, context = split.everything()
    return exact(by_parts(lambda c: model.sample(c, decoding=Decoding(temperature=0)), context), x)


def looks(model: Any, x: Tensor, context: Tensor, validation: Split) -> dict[str, float]:
    """The share of words that look most at what they translate, and at it or a place next to it.

    Of a transformer, by the block that does best on validation.
    """
    if isinstance(model, Seq2Seq) and model.attention is None:
        return {}

    def shares(block: dict[str, int], x: Tensor, context: Tensor) -> dict[str, float]:
        a = by_parts(lambda x, c: model.attention_map(x, c, **block).argmax(2), x, context)
        true = alignment(context)
        off = (a - true)[true >= 0].abs().double()
        return {
            "aligned": (off == 0).double().mean().item(),
            "near": (off <= 1).double().mean().item(),
        }

    if isinstance(model, Seq2Seq):
        return shares({}, x, context) | {
            f"without {half}": without(model, half, x, context) for half in HALVES
        }
    blocks = [{"block": i} for i in range(model.depth)]
    best = max(blocks, key=lambda b: shares(b, *validation.everything())["aligned"])
    return shares(best, x, context)


@torch.no_grad()
def without(model: Seq2Seq, half: str, x: Tensor, context: Tensor) -> float:
    """The share of words that are the likeliest, where all states of one reader are their mean."""

    def guesses(x: Tensor, context: Tensor) -> Tensor:
        memory = model.begin(context)
        part = memory.read[:, :, HALVES[half] * model.width :][:, :, : model.width]
        part[:] = part.mean((0, 1))
        words = torch.cat([torch.full_like(x[:, :1], model.space.vocabulary), x[:, :-1]], 1)
        steps = [model.step(word, memory).argmax(1) for word in words.unbind(1)]
        return torch.stack(steps, 1)

    return (by_parts(guesses, x, context) == x)[x != model.space.end].double().mean().item()


def by_parts(function: Any, *rows: Tensor) -> Tensor:
    """As of all rows at once, in less memory."""
    return torch.cat([function(*part) for part in zip(*(r.split(PART) for r in rows), strict=True)])


def exact(made: Tensor, true: Tensor) -> float:
    return (made == true).all(1).double().mean().item()


def write(path: Path, protocol: dict[str, Any], runs: dict[str, Any]) -> None:
    rows, halves = [], []
    for key, run in runs.items():
        name, kind, rounds, seed = key.split("/")
        if "without back" in run:
            halves.append(
                f"Attention, seed {seed}: {100 * run['without back']:.0f} % of words are right, each "
                f"after the true ones, where the states of the reader from behind are their mean; "
                f"{100 * run['without forth']:.0f} % where those of the reader from the front are."
            )
        rows.append(
            [
                name,
                kind,
                f"{run['parameters']:,}",
                rounds,
                seed,
                f"{run['seconds']:.0f}",
                f"{run['nats']:.3f}",
                f"{100 * run['known']:.1f} %",
                f"{100 * run['exact']:.1f} %",
                f"{100 * run['beam']:.1f} %",
                f"{run['bleu']:.3f}",
                *(
                    f"{100 * run[f'exact {a}-{b}']:.0f} %" if f"exact {a}-{b}" in run else ""
                    for a, b in (BUCKETS[0], BUCKETS[3], BUCKETS[-1])
                ),
                *(f"{100 * run[k]:.1f} %" if k in run else "" for k in ("aligned", "near")),
                f"{run['milliseconds']:.2f}",
            ]
        )
    content = {
        "title": "Translation: through one vector, with attention, and by attention alone",
        "command": "python benchmarks/translation.py",
        "protocol": protocol,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": [
            "data",
            "model",
            "parameters",
            "rounds",
            "seed",
            "CPU seconds",
            "nats",
            "exact, validation",
            "exact, test",
            f"exact, test, beam of {WIDTH}",
            "BLEU",
            "exact, 3-7 words",
            "exact, 18-22 words",
            "exact, 37-40 words",
            "aligned",
            "within one place",
            "ms a translation",
        ],
        "rows": rows,
        "notes": [
            "Exact: the whole translation is right; BLEU, without smoothing, is of the words or characters.",
            "Validation of dates: unseen dates in formats that were learnt from; their test: unseen formats.",
            "Aligned: words that look most at the word they are the translation of.",
            "Of a transformer that is the mean of its heads, in the block that does best on validation.",
            "A recurrent model may look a place before a word: the reader from behind has just read it.",
            *halves,
            "The beam divides log p by the number of words.",
            "Nats: -log p of the right translation, per sentence.",
        ],
        "runs": runs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def draw(
    runs: dict[str, Any],
    rounds: int,
    longer: int,
    models: dict[str, Any],
    pair: Languages,
    path: Path,
) -> None:
    """Exact match and BLEU by length; and where one translation looked, beside where it should."""
    lines = [(kind, f"reordering/{kind}/{rounds}/0") for kind in KINDS]
    lines.append((f"{VECTOR}, {longer} x rounds", f"reordering/{VECTOR}/{longer * rounds}/0"))
    middles = [(first + last) / 2 for first, last in BUCKETS]
    x, context = pair.data.test.everything()
    rows = ((x != 0).sum(1) == 12).nonzero()[:, 0]
    moved = (alignment(context[rows])[:, :12] - torch.arange(12)).abs().sum(1)
    row = rows[moved.argmax()]
    x, context = x[row : row + 1], context[row : row + 1]
    n = int((x != 0).sum())
    with style():
        figure = canvas(12.4, 4.6)
        places = figure.add_gridspec(2, 3, width_ratios=(0.9, 1, 1))
        for line, (measure, title) in enumerate(
            {"exact": "right throughout", "bleu": "BLEU"}.items()
        ):
            axes = figure.add_subplot(places[line, 0])
            for i, (label, key) in enumerate(lines):
                values = [runs[key][f"{measure} {a}-{b}"] for a, b in BUCKETS]
                kind = {"color": f"C{i % 3}", "ls": ":" if i == 3 else "-", "marker": "osD^"[i]}
                axes.plot(middles, values, ms=7 - 2 * i if i < 3 else 3, label=label, **kind)
            axes.set(ylim=(-0.03, 1.05), title=title)
            if line:
                axes.set_xlabel("words of the sentence")
            else:
                axes.legend(fontsize=7, loc=(0.42, 0.35))
        for column, (name, model) in enumerate(models.items(), 1):
            axes = figure.add_subplot(places[:, column])
            a = model.attention_map(x, context)[0, :n, : n + 1]
            axes.imshow(a, cmap="Greys", vmin=0, vmax=1)
            axes.plot(
                alignment(context)[0, :n], range(n), "s", ms=14, mfc="none", mec="C1", mew=1.4
            )
            words = [*SOURCE.decode(context[0]), "(end)"]
            axes.set_xticks(range(n + 1), words, rotation=60, ha="right")
            axes.set_yticks(range(n), TARGET.decode(x[0]))
            axes.set_title(
                f"{name}: where each word looks; squares: what it translates", fontsize=8
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(figure))


if __name__ == "__main__":
    main()
