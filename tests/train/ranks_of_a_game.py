"""Run by test_ranks.py, alone or under torchrun: plays games and writes each rank's weights.

python ranks_of_a_game.py OUT
"""

import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from itertools import product
from pathlib import Path

import torch
import torch.distributed as dist

sys.path.insert(0, str(Path(__file__).parent.parent))

from games import Blob, Duel
from laws import Rows

from genus.core import Reals
from genus.train import artifact
from genus.train.fit import fit
from genus.train.game import play
from genus.train.process import begin
from genus.train.ranks import ranks
from genus.train.run import Run

GAMES = {"blob": Blob, "duel": Duel}
WAYS = ("play", "accumulate", "fit")


def run(game, way, out):
    """The model after some rounds of its game."""
    rank, world = ranks()
    torch.manual_seed(0)
    model = GAMES[game]()
    rows = torch.randn(512, model.space.dims, generator=torch.Generator().manual_seed(1))
    data = Rows(model.space, None, (rows + 1,))
    if way == "fit":
        plan = Run(12, minutes=1, batch=64, lr=0.01, ema=0.9, log_every=3, out=out, device="cpu")
        return fit(model, data, plan)
    batches = (tuple(x.chunk(world)[rank] for x in data.batch(i, 64, 0)) for i in range(8))
    sgd = {name: torch.optim.SGD(p.parameters(), 0.05) for name, p in model.players().items()}
    for _ in play(model, batches, sgd, accumulate=2 if way == "accumulate" else 1):
        pass
    return model


class Chain(Blob):
    """A model with a chain in a buffer, which moves by the rows and the noise of its rank."""

    def __init__(self):
        super().__init__()
        self.register_buffer("chain", torch.zeros(2))

    def hyperparameters(self):
        return {}

    def log_prob(self, x):
        self.chain.add_(x.mean(0) + torch.randn(2))
        return super().log_prob(x) + (self.mean * self.chain).sum() * 1e-3


class Stopped(Chain):
    """One whose second rank gets SIGTERM in its third round."""

    rounds = 0

    def log_prob(self, x):
        self.rounds += 1
        if self.rounds == 3 and ranks()[0] == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().log_prob(x)


def going_on(out):
    """Runs on all ranks: one in one piece, one in two, and one that a signal to one rank ends."""
    rows = torch.randn(512, 2, generator=torch.Generator().manual_seed(1))
    data, rank = Rows(Reals((2,)), None, (rows,)), ranks()[0]
    plan = Run(8, batch=64, lr=0.01, ema=0.9, log_every=5, out=out / "whole", device="cpu")
    artifact.save(fit(Chain(), data, plan), out / "whole" / f"rank{rank}")
    parts = replace(plan, out=out / "parts")
    fit(Chain(), data, replace(parts, rounds=3))
    artifact.save(fit(Chain(), data, replace(parts, resume=True)), out / "parts" / f"rank{rank}")
    with suppress(KeyboardInterrupt):
        fit(Stopped(), data, replace(plan, out=out / "stopped"))
    ended = fit(Stopped(), data, replace(plan, out=out / "stopped", rounds=0, resume=True))
    artifact.save(ended, out / "stopped" / f"rank{rank}")
    worse = iter(range(99))
    tired = replace(plan, rounds=50, evaluate_every=2, patience=2, out=out / "tired")
    ended = fit(Chain(), data, tired, evaluate=lambda model: {"figure": float(next(worse))})
    artifact.save(ended, out / "tired" / f"rank{rank}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    begin("cpu")
    for game, way in product(GAMES, WAYS):
        out = Path(sys.argv[1]) / f"{game}-{way}"
        artifact.save(run(game, way, out), out / f"rank{ranks()[0]}")
    going_on(Path(sys.argv[1]))
    if dist.is_initialized():
        dist.destroy_process_group()
