"""Translation: what a sentence's length costs where all of it must pass through one vector.

Three models of as many parameters, on dates and on a made-up pair of languages whose alignment is known.
The picture is of the models in --weights.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus import Run, fit
from genus.autoregressive import Decoding, EncoderDecoder, Seq2Seq, beam
from genus.core import Model
from genus.data import Split
from genus.data.text.dates import dates
from genus.data.text.languages import SOURCE, TARGET, Languages, alignment, reordering
from genus.measure.structure.bleu import bleu, words_of
from genus.media.style import canvas
from genus.train import artifact
from genus.train.schedules import cosine, warmed

from ..bench import Bench, Cell, Cells, Table, drawn, first_losses, given, size, trained

VECTOR, ATTENTION, TRANSFORMER = "one vector", "attention", "transformer"
HALVES = {"forth": 0, "back": 1}
KINDS = (VECTOR, ATTENTION, TRANSFORMER)
RATES = {VECTOR: 4e-3, ATTENTION: 4e-3, TRANSFORMER: 6e-3}
ROUNDS, LONGER, BATCH, CLIP, WIDTH, PART = 1500, 4500, 64, 1.0, 4, 200
BUCKETS = [(3, 7), (8, 12), (13, 17), (18, 22), (23, 27), (28, 32), (33, 36), (37, 40)]
DATA: dict[str, Callable[[], Languages]] = {"dates": dates, "reordering": reordering}
PLAN = [
    (name, kind, ROUNDS, seed)
    for seed in range(2)
    for name in ("reordering", "dates")
    for kind in KINDS
]
PLAN.insert(6, ("reordering", VECTOR, LONGER, 0))


BENCH = Bench(
    __file__,
    "Translation: through one vector, with attention, and by attention alone",
    "data | model | parameters | rounds | seed | CPU seconds | nats | exact, validation | exact, test | "
    f"exact, test, beam of {WIDTH} | BLEU | exact, 3-7 words | exact, 18-22 words | exact, 37-40 words | "
    "aligned | within one place | ms a translation",
    {
        "dates": "20,000 pairs; test: 2,000 unseen dates in unseen formats",
        "reordering": "30,400 sentences of 3 to 40 words; test: 3,800 unseen ones, 100 of each length",
        "training": f"{ROUNDS} rounds of {BATCH} pairs, Adam, cosine after a warm-up of 5 %, clip 1",
        "rates": f"recurrent {RATES[VECTOR]:g}, transformer {RATES[TRANSFORMER]:g}",
        "models": "recurrent: width 64 (one vector: 69), words of 64; transformer: 2 + 2 blocks of 60, 6 heads",
        "decoding": f"the likeliest word each time; or a beam of {WIDTH}",
    },
    """
    Exact: the whole translation is right; BLEU, without smoothing, is of the words or characters.

    Validation of dates: unseen dates in formats that were learnt from; their test: unseen formats.

    Aligned: words that look most at the word they are the translation of.

    Of a transformer that is the mean of its heads, in the block that does best on validation.

    A recurrent model may look a place before a word: the reader from behind has just read it.
    """,
    weights="raw",
    options={"weights": (Path, "folder in which runs are kept and continued")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name, kind, rounds, seed in PLAN:
        key = named(name, kind, rounds, seed)
        learn = partial(learned, name, kind)
        run = Run(rounds=rounds, batch=BATCH, lr=RATES[kind], clip=CLIP, seed=seed)
        work = partial(measure, name, learn, run, options.weights and options.weights / key)
        yield Cell(key, work, partial(first_losses, learn, run))
    yield Cell("picture", partial(drawn, draw, "translation", options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    return [
        [
            name,
            kind,
            f"{run['parameters']:,}",
            str(rounds),
            str(seed),
            f"{run['seconds']:.0f}",
            f"{run['nats']:.3f}",
            *(f"{100 * run[k]:.1f} %" for k in ("known", "exact", "beam")),
            f"{run['bleu']:.3f}",
            *(
                f"{100 * run[f'exact {a}-{b}']:.0f} %" if f"exact {a}-{b}" in run else ""
                for a, b in (BUCKETS[0], BUCKETS[3], BUCKETS[-1])
            ),
            *(f"{100 * run[k]:.1f} %" if k in run else "" for k in ("aligned", "near")),
            f"{run['milliseconds']:.2f}",
        ]
        for name, kind, rounds, seed in PLAN
        if (run := found.get(named(name, kind, rounds, seed)))
    ]


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    halves = [
        f"Attention, seed {seed}: {100 * run['without back']:.0f} % of words are right, each after the true "
        f"ones, where the states of the reader from behind are their mean; "
        f"{100 * run['without forth']:.0f} % where those of the reader from the front are."
        for seed in range(2)
        if (run := found.get(named("reordering", ATTENTION, ROUNDS, seed)))
    ]
    return [
        *halves,
        "The beam divides log p by the number of words.",
        "Nats: -log p of the right translation, per sentence.",
    ]


def named(name: str, kind: str, rounds: int, seed: int) -> str:
    return f"{name} | {kind} | {rounds} rounds | seed {seed}"


def learned(name: str, kind: str, run: Run) -> Model:
    pair = DATA[name]()
    torch.manual_seed(run.seed)
    spaces: Any = (pair.data.space, pair.data.context_space)
    if kind == TRANSFORMER:
        model = EncoderDecoder(*spaces, width=60, depth=2, heads=6)
    else:
        model = Seq2Seq(*spaces, *((69, 64) if kind == VECTOR else (64, 64, 64)))
    return fit(model, pair.data.train, run, schedule=warmed(cosine, 0.05))


def measure(
    name: str, learn: Callable[[Run], Model], run: Run, folder: Path | None
) -> dict[str, Any]:
    model, minutes = trained(learn, run, folder)
    return look(model, DATA[name](), name) | {"seconds": 60 * minutes}


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
        "parameters": size(model),
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
            found[f"exact {first}-{last}"] = exact(greedy[rows], x[rows])
            found[f"bleu {first}-{last}"] = bleu(
                words_of(greedy[rows], end), words_of(x[rows], end)
            )
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


def exact(x: Tensor, true: Tensor) -> float:
    return (x == true).all(1).double().mean().item()


def draw(options: Namespace) -> Figure:
    """Exact match and BLEU by length; and where one translation looked, beside where it should."""
    weights, pair = given(options.weights, "weights"), reordering()
    runs = {key: record["figures"] for key, record in BENCH.read(options.out).items()}
    lines = [(kind, named("reordering", kind, ROUNDS, 0)) for kind in KINDS]
    lines.append((f"{VECTOR}, 3 x rounds", named("reordering", VECTOR, LONGER, 0)))
    models: dict[str, Any] = {
        kind: artifact.load(weights / named("reordering", kind, ROUNDS, 0)).eval()
        for kind in (ATTENTION, TRANSFORMER)
    }
    middles = [(first + last) / 2 for first, last in BUCKETS]
    x, context = pair.data.test.everything()
    rows = ((x != 0).sum(1) == 12).nonzero()[:, 0]
    moved = (alignment(context[rows])[:, :12] - torch.arange(12)).abs().sum(1)
    row = rows[moved.argmax()]
    x, context = x[row : row + 1], context[row : row + 1]
    n = int((x != 0).sum())
    figure = canvas(12.4, 4.6)
    places = figure.add_gridspec(2, 3, width_ratios=(0.9, 1, 1))
    for line, (measure, title) in enumerate({"exact": "right throughout", "bleu": "BLEU"}.items()):
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
        axes.plot(alignment(context)[0, :n], range(n), "s", ms=14, mfc="none", mec="C1", mew=1.4)
        words = [*SOURCE.decode(context[0]), "(end)"]
        axes.set_xticks(range(n + 1), words, rotation=60, ha="right")
        axes.set_yticks(range(n), TARGET.decode(x[0]))
        axes.set_title(f"{name}: where each word looks; squares: what it translates", fontsize=8)
    return figure


if __name__ == "__main__":
    BENCH.main()
