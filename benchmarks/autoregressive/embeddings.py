"""Word vectors: analogies that are planted in a corpus, solved by company alone.

One-hot vectors, counts, counts factorised, skip-gram, and the mean states of two models of sentences, from
the same sentences, in three amounts.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from statistics import mean
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from genus import Run, fit
from genus.autoregressive import CharRNN, SkipGram, Transformer
from genus.autoregressive.text.word_vectors import analogies, factorised, neighbours, ppmi
from genus.data.text.analogies import Corpus, corpus, counted, neighbouring
from genus.train.schedules import cosine, warmed

from ..bench import Bench, Cell, Cells, Table, first_losses

AMOUNTS = (3_000, 10_000, 30_000)
SHOWN = ("france", "queen", "cats")
NAMES = [f"{r}, {kind}" for r in ("capital", "sex", "number") for kind in ("apart", "met")]
PAIRS = Run(rounds=4000, batch=1024, lr=5e-3, device="cpu")
SENTENCES = Run(rounds=1500, batch=128, lr=3e-3, clip=1.0, device="cpu")


COUNTED: dict[str, Callable[[Corpus], Tensor]] = {
    "one-hot": lambda c: torch.eye(len(c.words.words)),
    "PPMI": lambda c: ppmi(pairs_met(c)),
    "PPMI, SVD of 20": lambda c: factorised(ppmi(pairs_met(c)), 20),
    "PPMI, SVD of 50": lambda c: factorised(ppmi(pairs_met(c)), 50),
}
LEARNED: dict[str, tuple[Callable[[Any], Any], Run]] = {
    "skip-gram of 20": (lambda c: SkipGram(neighbouring(c.data.train).space, 20), PAIRS),
    "skip-gram of 50": (lambda c: SkipGram(neighbouring(c.data.train).space, 50), PAIRS),
    "LSTM, states": (lambda c: CharRNN(c.data.space, 64, 1), SENTENCES),
    "Transformer, states": (lambda c: Transformer(c.data.space, 64, 2, 4), SENTENCES),
}


BENCH = Bench(
    __file__,
    "Word vectors: planted analogies, solved by company alone",
    " | ".join(["sentences", "vectors", "width", "CPU seconds", *NAMES, "nearest"]),
    {
        "corpus": "analogies: 278 words; 3,000, 10,000 or 30,000 sentences of 2 to 8 words",
        "questions": "3CosAdd, the three words left out: 240 of capitals, 380 of sex, 870 of number",
        "apart": "questions whose second pair never stands in one sentence",
        "window": "4, each word's own drawn from 1 to 4; no word left out",
        "skip-gram": f"{PAIRS.rounds} rounds of 1,024 pairs, Adam 5e-3, cosine; 5 words drawn for each",
        "states": "of each word after it was read, the mean over the corpus; 1,500 rounds of 128 sentences, "
        "Adam 3e-3, cosine",
        "seeds": "3 of what is learned; the corpus is the same",
    },
    """
    Each share is a mean over seeds, with the lowest and the highest.

    Apart: the pair that is asked for never stands in one sentence.

    One-hot vectors are all equally far apart: no analogy holds.

    Nearest: by cosine, of the first seed.
    """,
    weights="raw",
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for amount in AMOUNTS:
        for way in COUNTED:
            yield Cell(f"{amount} sentences | {way}", partial(measure, amount, way))
        for way, (_, run) in LEARNED.items():
            for seed in range(3):
                run = replace(run, seed=seed)

                probe = partial(first_losses, partial(learned, way, amount), run)
                yield Cell(
                    f"{amount} sentences | {way} | seed {seed}",
                    partial(measure, amount, way, run),
                    probe if seed == 0 else None,
                )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for amount in AMOUNTS:
        for way in (*COUNTED, *LEARNED):
            key = f"{amount} sentences | {way}"
            keys = [key, *(f"{key} | seed {seed}" for seed in range(3))]
            if runs := [found[key] for key in keys if key in found]:
                seconds = f"{mean(run['seconds'] for run in runs):.1f}"
                shares = [share([100 * run[name] for run in runs]) for name in NAMES]
                known = runs[0]["near"] if way != "one-hot" else {}
                near = "; ".join(f"{word}: {', '.join(words)}" for word, words in known.items())
                row = [f"{amount:,}", way, str(runs[0]["width"]), seconds, *shares, near]
                table.append(row)
    return table


@cache
def sentences(amount: int) -> Corpus:
    return corpus(amount)


def share(values: list[float]) -> str:
    low, high = min(values), max(values)
    return f"{mean(values):.1f} %" + (f" ({low:.1f}-{high:.1f})" if high > low else "")


def measure(amount: int, way: str, run: Run | None = None) -> dict[str, Any]:
    planted = sentences(amount)
    begun = time.process_time()
    if run is None:
        vectors = COUNTED[way](planted)
    else:
        model = learned(way, amount, run)
        vectors = model.vectors if isinstance(model, SkipGram) else states(model, planted)
    seconds = time.process_time() - begun
    return look(vectors.double(), planted) | {"seconds": seconds, "width": vectors.shape[1]}


def learned(way: str, amount: int, run: Run) -> Any:
    planted = sentences(amount)
    torch.manual_seed(run.seed)
    model = LEARNED[way][0](planted)
    if not isinstance(model, SkipGram):
        return fit(model, planted.data.train, run, schedule=warmed(cosine, 0.05))
    pairs = neighbouring(planted.data.train)
    model.prepare(*pairs.everything())
    return fit(model, pairs, run, schedule=cosine)


def pairs_met(planted: Corpus) -> Tensor:
    """Of all pairs within four words, nearer ones counted more often."""
    return counted(neighbouring(planted.data.train).everything(), len(planted.words.words))


@torch.no_grad()
def states(model: Any, planted: Corpus) -> Tensor:
    """Of each word, the mean over the corpus of what the model's last layer is after it."""
    (x,) = planted.data.train.everything()
    words = len(planted.words.words)
    total = torch.zeros(words, model.width)
    for part in x.split(500):
        before = model.embedding(pad(part, (1, 0), value=words))
        h = model.net(before)[:, 1:].flatten(0, 1)
        total.index_add_(0, part.flatten(), h)
    return total / torch.bincount(x.flatten(), minlength=words)[:, None]


def look(vectors: Tensor, planted: Corpus) -> dict[str, Any]:
    """The share of questions that are answered: of pairs that never meet, and of others."""
    found: dict[str, Any] = {}
    for relation in planted.pairs:
        questions, apart = planted.questions(relation)
        right = analogies(vectors, questions[:, :3]) == questions[:, 3]
        found[f"{relation}, apart"] = right[apart].double().mean().item()
        found[f"{relation}, met"] = right[~apart].double().mean().item()
    number, words = planted.words.numbers, planted.words.words
    near = neighbours(vectors, torch.tensor([number[word] for word in SHOWN]), 3).tolist()
    found["near"] = {w: [words[i] for i in row] for w, row in zip(SHOWN, near, strict=True)}
    return found


if __name__ == "__main__":
    BENCH.main()
