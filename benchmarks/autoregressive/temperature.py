"""Choices in drawing: what temperature, top-k and top-p do to an image Transformer's digits.

Each choice draws the same number of images from the same model, which autoregressive/attention keeps by its
--weights; the digits' oracle looks at them. Test rows themselves are the first line.
"""

from argparse import Namespace
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import torch
from torch import Tensor

from genus.autoregressive import Decoding
from genus.core import Space
from genus.data import load
from genus.functional.densities.estimates import mean_error
from genus.measure import Oracle, oracle
from genus.measure.samples.samples import sample_figures
from genus.train import artifact

from ..bench import Bench, Cell, Cells, Table, given, nats, with_error
from .attention import MODELS

SURE, SAMPLES = 0.95, 1000  # of the oracle's probability
REAL = "test rows"
CHOICES = {
    REAL: None,
    **{f"temperature {t:g}": Decoding(t) for t in (1.2, 1.0, 0.9, 0.8, 0.7, 0.5, 0.0)},
    **{f"top {k} levels": Decoding(top_k=k) for k in (12, 8, 4, 2)},
    **{f"top {p:g} of the probability": Decoding(top_p=p) for p in (0.99, 0.95, 0.9, 0.7)},
}
JUDGED = ("precision", "coverage", "recall", "frechet")


BENCH = Bench(
    __file__,
    "Choices in drawing digits with an image Transformer",
    "choice | sure | precision | coverage | recall | Frechet | nats",
    {
        "model": "image Transformer, 3 layers of 64, of benchmarks/autoregressive/attention.py",
        "samples": f"{SAMPLES} for each choice; the same random numbers",
        "sure": f"share of images of whose class the oracle is at least {SURE:.0%} sure",
        "others": "by the oracle's features, against the 300 test rows; 5 neighbours",
        "seed": 0,
    },
    """
    Temperature 1 draws from the model; 0 takes the likeliest level, so all are one image.

    Nats: -log p of the images under the model itself, as it is at temperature 1.

    ± is one standard error over the images.
    """,
    weights="best",
    options={"weights": (Path, "folder of the runs of attention")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name in CHOICES:
        yield Cell(name, partial(look, name, options), probe)


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    columns = ("sure", *JUDGED, "nats")
    return [
        [name, *(with_error(*found[name][c], 3) if c in found[name] else "" for c in columns)]
        for name in CHOICES
        if name in found
    ]


@cache
def probe() -> list[float]:
    """The fingerprint of the model, for all choices."""
    return MODELS["transformer"].probe()


@torch.no_grad()
def look(name: str, options: Namespace) -> dict[str, tuple[float, float]]:
    """Figures of images, each with its standard error."""
    model = artifact.load(given(options.weights, "weights") / "transformer-0" / "best").eval()
    data, judge, decoding = load("digits"), oracle("digits"), CHOICES[name]
    train, test = (data.splits[split].everything()[0] for split in ("train", "test"))
    torch.manual_seed(0)
    x = test if decoding is None else model.sample(SAMPLES, decoding=decoding)
    found = {
        "sure": mean_error((surest(judge, x, model.space) > SURE).double()),
        "nats": nats(model, (x,), len(x)),
    }
    if decoding is not None:
        seen = [judge.see(part, data.space) for part in (x, train, test)]
        figures = {f.name: f for f in sample_figures(*seen, 10, {})}
        found |= {name: (figures[name].value, figures[name].error or 0.0) for name in JUDGED}
    return found


def surest(judge: Oracle, x: Tensor, space: Space) -> Tensor:
    """The oracle's probability of the class that it takes each row for, (n,)."""
    return judge.head(judge.see(x, space).features.float()).softmax(1).amax(1)


if __name__ == "__main__":
    BENCH.main()
