"""An energy network that learns from Fashion-MNIST: what its chains draw, and whether it finds MNIST odd.

Likelihoods of flows and autoregressive models find the digits of MNIST likelier than clothes. The energy of a
small convolutional network, trained by Langevin chains that are kept, is asked the same. The data are read from
the folder GENUS_DATA.
"""

from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from genus import Run
from genus.core import Pixels, Reals
from genus.data import load
from genus.energy import EnergyNetwork
from genus.media import grid, save_png
from genus.train import fit
from genus.train.fit import adam
from genus.train.schedules import cosine

from ..bench import Bench, Cell, Cells, Table, trained

SPACE = Reals((1, 28, 28))
BLUR = 0.1  # of pixels from -1 to 1
RUN = Run(rounds=6000, batch=64, lr=1e-3, ema=0.999, evaluate_every=10_000)
SEEDS = 1
ROWS = 2000  # test rows of each kind
LONG = 2000  # moves of a long chain

BENCH = Bench(
    __file__,
    "An energy network on Fashion-MNIST",
    "moves a round | weights | rounds | CPU minutes | area under the ROC curve, MNIST | taken",
    {
        "data": "fashion_mnist, pixels from -1 to 1 with normal noise of 0.1",
        "network": "3 convolutions of 32, 64 and 64 channels, and a linear layer of 128",
        "area": f"{ROWS:,} test rows of fashion_mnist and of mnist, by energy; 0.5 guesses",
        "weights": "averaged",
        "seed": 0,
    },
    "Taken: share of the moves of a chain that are taken, after training.",
    weights="last",
    options={"weights": (Path, "folder in which runs are kept and continued")},
)


class Bend(nn.Module):
    """A small convolutional network, (n, 1, 28, 28) -> (n, 1), of smooth units."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 4, 2, 1),
            nn.SiLU(),
            nn.Conv2d(32, 64, 4, 2, 1),
            nn.SiLU(),
            nn.Conv2d(64, 64, 3, 1, 1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(64 * 49, 128),
            nn.SiLU(),
            nn.Linear(128, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def learnt(steps: int, run: Run) -> EnergyNetwork:
    torch.manual_seed(run.seed)
    x = load("fashion_mnist").train.everything()[0]
    model = EnergyNetwork(SPACE, net=Bend(), steps=steps, chains=1024, blur=BLUR)
    model.prepare(x)
    fitted = fit(model, (x,), run, adam(run.lr, betas=(0.0, 0.99)), schedule=cosine)
    if not isinstance(fitted, EnergyNetwork):
        raise TypeError("fit returned another model")
    return fitted


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for steps in (20,):
        folder = options.weights and options.weights / f"steps-{steps}"
        yield Cell(f"{steps} moves", partial(measure, steps, folder))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    return [
        [
            name.split()[0],
            f"{figures['weights']:,}",
            f"{RUN.rounds:,} x {RUN.batch}",
            f"{figures['minutes']:.0f}",
            f"{figures['area']:.3f}",
            f"{figures['taken']:.2f}",
        ]
        for name, figures in found.items()
    ]


def measure(steps: int, folder: Path | None) -> dict[str, Any]:
    model, minutes = trained(lambda run: learnt(steps, run), RUN, folder)
    if not isinstance(model, EnergyNetwork):
        raise TypeError("trained returned another model")
    torch.manual_seed(0)
    usual, odd = (load(name).test.first(ROWS)[0] for name in ("fashion_mnist", "mnist"))
    with torch.no_grad():
        energies = torch.cat([model.energy(x) for x in (usual, odd)])
    truth = torch.cat([torch.zeros(len(usual)), torch.ones(len(odd))])
    begun = model.dreams[:64]
    once = model.moved(begun, 1)
    taken = (once != begun).flatten(1).any(1).double().mean().item()
    if folder is not None:
        end = model.moved(begun, LONG)
        both = torch.cat([begun, end]).clamp(-1, 1)
        save_png(grid(both, Pixels(SPACE.shape), columns=16), folder / "chains.png")
    return {
        "weights": sum(p.numel() for p in model.parameters()),
        "minutes": minutes,
        "area": float(roc_auc_score(truth.numpy(), energies.numpy())),
        "taken": taken,
    }


if __name__ == "__main__":
    BENCH.main()
