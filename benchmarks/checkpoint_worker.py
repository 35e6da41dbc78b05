"""What `train.checkpoints` measures of one genus, whichever is found first: seconds of each part, as JSON.

PYTHONPATH=FOLDER python checkpoint_worker.py NUMBERS SCRATCH
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

import genus
from genus.core import GenerativeModel, Reals
from genus.train import Run, artifact, fit

ROUNDS = 6  # with a checkpoint each


class Wide(GenerativeModel):
    """A model of many weights, few of which are used."""

    def __init__(self, size: int):
        super().__init__()
        self.space, self.size = Reals((2,)), size
        self.weights = nn.Parameter(torch.zeros(size))

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return -(x - self.weights[:2]).square().sum(1)

    def sample(self, n: int) -> torch.Tensor:
        return self.weights[:2].expand(n, 2)


def main(size: int, folder: Path) -> None:
    rows = torch.randn(256, 2)

    def train(out: str, rounds: int, every: int, resume: bool = False) -> float:
        run = Run(rounds=rounds, batch=64, out=folder / out, device="cpu", resume=resume)
        begun = time.perf_counter()
        fit(Wide(size), rows, replace(run, checkpoint_every=every))
        return time.perf_counter() - begun

    train("warm", 1, 1000)
    many = 1000 if size < 1_000_000 else 150
    few = train("few", ROUNDS, 1000)
    write = (train("often", ROUNDS, 1) - few) / ROUNDS
    took = {
        "write": write,
        "resume": train("often", ROUNDS, 1000, resume=True) - write,
        "round": (train("many", many + ROUNDS, 1000) - few) / many,
    }
    begun = time.perf_counter()
    artifact.load(folder / "often", allow=["__main__.Wide"])
    print(json.dumps({**took, "load": time.perf_counter() - begun, "genus": genus.__file__}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(int(sys.argv[1]), Path(sys.argv[2]))
