"""A recipe for tests: a small machine of bits, with chains, that plays the game."""

import torch

from genus.core import Model
from genus.data import load
from genus.energy import RBM
from genus.media import picture
from genus.train.fit import fit
from genus.train.run import Run

RUN = Run(rounds=20, batch=16, ema=0.9, log_every=2)


def shy(data: str = "digits", hidden: int = 8, run: Run = RUN) -> Model:
    """A machine on bits: better than the base rates.

    Args:
        data: name or path of a data set.
        hidden: units.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data).binarised()
    model = RBM(source.space, hidden, chains=16, burn_in=5)
    return fit(model, source.train, run, picture=picture)
