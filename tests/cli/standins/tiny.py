"""A recipe for tests: a mixture of two Gaussians, seen through dequantisation.

Source: Nobody, "A recipe for tests", 2025, arXiv:0000.00000, equation 1.
"""

import torch

from genus.core import Model, Reals
from genus.data import load
from genus.density import Dequantised, GaussianMixture
from genus.media import picture
from genus.train.fit import fit
from genus.train.run import Run

RUN = Run(rounds=3, batch=64)


def tiny(
    data: str = "digits", components: int = 2, sizes: tuple[int, ...] = (3, 4), run: Run = RUN
) -> Model:
    """Two Gaussians on digits: better than one.

    Args:
        data: name or path of a data set.
        components: how many there are.
        sizes: of nothing; a sequence, for the parser.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    mixture = GaussianMixture(Reals(source.space.shape), components, floor=1e-2)
    model = Dequantised(mixture, source.space)
    return fit(model, source.train, run, picture=picture)
