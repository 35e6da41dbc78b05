"""Choices in drawing: what temperature, top-k and top-p do to an image Transformer's digits.

    python benchmarks/temperature.py --weights DIR [--samples 1000] [--out FILE]

DIR is the folder of the trained models of benchmarks/attention.py. Each choice draws the same number of
images from the same model; the digits' oracle looks at them. Test rows themselves are the first line.
"""

import argparse
import json
import platform
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genus import __version__
from genus.autoregressive import Decoding, Stepwise
from genus.core import Space
from genus.data import load
from genus.functional.densities.estimates import mean_error
from genus.measure import Oracle, oracle
from genus.measure.samples.samples import sample_figures
from genus.train import artifact

ROOT = Path(__file__).parent.parent
SURE = 0.95  # of the oracle's probability
CHOICES = {
    **{f"temperature {t:g}": Decoding(t) for t in (1.2, 1.0, 0.9, 0.8, 0.7, 0.5, 0.0)},
    **{f"top {k} levels": Decoding(top_k=k) for k in (12, 8, 4, 2)},
    **{f"top {p:g} of the probability": Decoding(top_p=p) for p in (0.99, 0.95, 0.9, 0.7)},
}
COLUMNS = ["choice", "sure", "precision", "coverage", "recall", "Frechet", "nats"]
JUDGED = ("precision", "coverage", "recall", "frechet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/temperature.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = artifact.load(options.weights / "transformer" / "best").eval()
    if not isinstance(model, Stepwise):
        raise SystemExit(f"{options.weights}/transformer holds no model that chooses")
    rows = {"test rows": look(model, load("digits").test.everything()[0], real=True)}
    for name, decoding in CHOICES.items():
        torch.manual_seed(0)
        rows[name] = look(model, model.sample(options.samples, decoding=decoding))
        write(options.out, rows, options.samples)
        print(name, {k: round(v, 3) for k, (v, _) in rows[name].items()}, flush=True)


@torch.no_grad()
def look(model: Stepwise, x: Tensor, real: bool = False) -> dict[str, tuple[float, float]]:
    """Figures of images, each with its standard error."""
    data, judge = load("digits"), oracle("digits")
    found = {
        "sure": mean_error((surest(judge, x, model.space) > SURE).double()),
        "nats": mean_error(-model.log_prob(x).double()),
    }
    if real:
        return found
    made, train, test = (
        judge.see(rows, data.space)
        for rows in (x, data.train.everything()[0], data.test.everything()[0])
    )
    figures = {f.name: f for f in sample_figures(made, train, test, 10, {})}
    return found | {name: (figures[name].value, figures[name].error or 0.0) for name in JUDGED}


def surest(judge: Oracle, x: Tensor, space: Space) -> Tensor:
    """The oracle's probability of the class that it takes each row for, (n,)."""
    return judge.head(judge.see(x, space).features.float()).softmax(1).amax(1)


def write(path: Path, rows: dict[str, dict[str, tuple[float, float]]], samples: int) -> None:
    def line(name: str, row: dict[str, tuple[float, float]]) -> list[str]:
        order = ("sure", *JUDGED, "nats")
        return [name, *("{:.3f} ± {:.3f}".format(*row[k]) if k in row else "" for k in order)]

    content: dict[str, Any] = {
        "title": "Choices in drawing digits with an image Transformer",
        "command": "python benchmarks/temperature.py --weights DIR",
        "protocol": {
            "model": "image Transformer, 3 layers of 64, of benchmarks/attention.py",
            "samples": f"{samples} for each choice; the same random numbers",
            "sure": f"share of images of whose class the oracle is at least {SURE:.0%} sure",
            "others": "by the oracle's features, against the 300 test rows; 5 neighbours",
            "seed": 0,
        },
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__.partition("+")[0]},
        "columns": COLUMNS,
        "rows": [line(name, row) for name, row in rows.items()],
        "notes": [
            "Temperature 1 draws from the model; 0 takes the likeliest level, so all are one image.",
            "Nats: -log p of the images under the model itself, as it is at temperature 1.",
            "± is one standard error over the images.",
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
