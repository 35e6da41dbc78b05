"""Word vectors: analogies that are planted in a corpus, solved by company alone.

    python benchmarks/embeddings.py [--rounds 4000] [--seeds 3] [--out FILE]

One-hot vectors, counts, counts factorised, skip-gram, and the mean states of two models of sentences, from
the same sentences, in three amounts. A second call goes on with the rows that are missing.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from genus import Run, __version__, fit
from genus.autoregressive import CharRNN, SkipGram, Transformer
from genus.autoregressive.text.word_vectors import analogies, factorised, neighbours, ppmi
from genus.core import Classes, Tokens
from genus.data.text.analogies import Corpus, corpus, counted, neighbouring
from genus.train.schedules import cosine, warmed

ROOT = Path(__file__).parent.parent
ROUNDS = 1500
AMOUNTS = (3_000, 10_000, 30_000)
SHOWN = ("france", "queen", "cats")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=4000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/embeddings.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    protocol = {
        "corpus": "analogies: 278 words; 3,000, 10,000 or 30,000 sentences of 2 to 8 words",
        "questions": "3CosAdd, the three words left out: 240 of capitals, 380 of sex, 870 of number",
        "apart": "questions whose second pair never stands in one sentence",
        "window": "4, each word's own drawn from 1 to 4; no word left out",
        "skip-gram": f"{options.rounds} rounds of 1,024 pairs, Adam 5e-3, cosine; 5 words drawn for each",
        "states": "of each word after it was read, the mean over the corpus; 1,500 rounds of 128 "
        "sentences, Adam 3e-3, cosine",
        "seeds": f"{options.seeds} of what is learned; the corpus is the same",
    }
    runs: dict[str, Any] = {}
    if options.out.exists():
        record = json.loads(options.out.read_text())
        if record["protocol"] != protocol:
            raise SystemExit(f"{options.out} was made by another protocol; move it away")
        runs = record["runs"]
    ways: dict[str, tuple[Callable[[Corpus, int], Tensor], int]] = {
        "one-hot": (lambda c, s: torch.eye(len(c.words.words)), 1),
        "PPMI": (lambda c, s: ppmi(pairs_met(c)), 1),
        "PPMI, SVD of 20": (lambda c, s: factorised(ppmi(pairs_met(c)), 20), 1),
        "PPMI, SVD of 50": (lambda c, s: factorised(ppmi(pairs_met(c)), 50), 1),
        "skip-gram of 20": (lambda c, s: skipgram(c, 20, options.rounds, s), options.seeds),
        "skip-gram of 50": (lambda c, s: skipgram(c, 50, options.rounds, s), options.seeds),
        "LSTM, states": (lambda c, s: states(c, s, CharRNN(space(c), 64, 1)), options.seeds),
        "Transformer, states": (
            lambda c, s: states(c, s, Transformer(space(c), 64, 2, 4)),
            options.seeds,
        ),
    }
    for amount in AMOUNTS:
        planted = corpus(amount)
        for way, (make, seeds) in ways.items():
            for seed in range(seeds):
                if (key := f"{amount}/{way}/{seed}") in runs:
                    continue
                torch.manual_seed(seed)
                begun = time.process_time()
                vectors = make(planted, seed)
                spent = time.process_time() - begun
                runs[key] = look(vectors.double(), planted) | {
                    "seconds": spent,
                    "width": vectors.shape[1],
                }
                write(options.out, protocol, runs, list(ways))
                print(key, {k: v for k, v in runs[key].items() if k != "near"}, flush=True)
    write(options.out, protocol, runs, list(ways))


def space(planted: Corpus) -> Tokens:
    found = planted.data.space
    assert isinstance(found, Tokens)
    return found


def pairs_met(planted: Corpus) -> Tensor:
    """Of all pairs within four words, nearer ones counted more often."""
    return counted(neighbouring(planted.data.train).everything(), len(planted.words.words))


def skipgram(planted: Corpus, width: int, rounds: int, seed: int) -> Tensor:
    pairs = neighbouring(planted.data.train)
    assert isinstance(pairs.space, Classes)
    model = SkipGram(pairs.space, width)
    model.prepare(*pairs.everything())
    run = Run(rounds=rounds, batch=1024, lr=5e-3, seed=seed, device="cpu")
    fit(model, pairs, run, schedule=cosine)
    return model.vectors


def states(planted: Corpus, seed: int, model: Any) -> Tensor:
    """Of each word, the mean over the corpus of what the model's last layer is after it."""
    run = Run(rounds=ROUNDS, batch=128, lr=3e-3, seed=seed, clip=1.0, device="cpu")
    model = fit(model, planted.data.train, run, schedule=warmed(cosine, 0.05))
    (x,) = planted.data.train.everything()
    words = len(planted.words.words)
    total = torch.zeros(words, model.width)
    with torch.no_grad():
        for rows in x.split(500):
            before = model.embedding(pad(rows, (1, 0), value=words))
            h = model.net(before)[:, 1:].flatten(0, 1)
            total.index_add_(0, rows.flatten(), h)
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
    near = neighbours(vectors, torch.tensor([number[word] for word in SHOWN]), 3)
    found["near"] = {
        w: [words[i] for i in row] for w, row in zip(SHOWN, near.tolist(), strict=True)
    }
    return found


def write(path: Path, protocol: dict[str, Any], runs: dict[str, Any], ways: list[str]) -> None:
    names = [f"{r}, {kind}" for r in ("capital", "sex", "number") for kind in ("apart", "met")]
    rows = []
    for amount in AMOUNTS:
        for way in ways:
            each = [run for key, run in runs.items() if key.startswith(f"{amount}/{way}/")]
            if not each:
                continue
            cells = []
            for name in names:
                values = [100 * run[name] for run in each]
                low, high = min(values), max(values)
                mean = sum(values) / len(values)
                cells.append(f"{mean:.1f} %" + (f" ({low:.1f}-{high:.1f})" if high > low else ""))
            seconds = sum(run["seconds"] for run in each) / len(each)
            known = each[0]["near"] if way != "one-hot" else {}
            near = "; ".join(f"{w}: {', '.join(ns)}" for w, ns in known.items())
            rows.append([f"{amount:,}", way, str(each[0]["width"]), f"{seconds:.1f}", *cells, near])
    content = {
        "title": "Word vectors: planted analogies, solved by company alone",
        "command": "python benchmarks/embeddings.py",
        "protocol": protocol,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": ["sentences", "vectors", "width", "CPU seconds", *names, "nearest"],
        "rows": rows,
        "notes": [
            "Each share is a mean over seeds, with the lowest and the highest.",
            "Apart: the pair that is asked for never stands in one sentence.",
            "One-hot vectors are all equally far apart: no analogy holds.",
            "Nearest: by cosine, of the first seed.",
        ],
        "runs": runs,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
