"""The linear mixture of Bayesian GAN: ten flat clouds in a space of a hundred dimensions.

    x = A_k (z + m_k),  z ~ N(0, I_2),  m_k ~ N(0, 5^2 I_2),  A_k ~ N(0, 5^2), 100 x 2

Each cloud lies in a plane of its own, so a generator must find several planes at once; there is no
density. All numbers are drawn once, from a fixed seed, and coordinates have mean 0 and standard
deviation 1 over the training rows.

Source: Saatchi, Wilson, "Bayesian GAN", 2017, arXiv:1705.09558, section 4.1, and the authors' code
    (github.com/andrewgordonwilson/bayesgan, bgan_util.py): the numbers of clouds, rows and dimensions.
Departs: validation and test rows are further draws; the authors have training rows alone.
"""

import torch

from ...core import Reals
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Rows, stream

ROWS = {"train": 10_000, "validation": 2000, "test": 10_000}


def linear_mixture(dims: int = 100, clouds: int = 10) -> Data:
    """The linear mixture, Reals((dims,)); the label of a row is its cloud."""
    noise = stream("linear_mixture", dims, clouds)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=noise, dtype=torch.float64)

    means, maps = 5 * normal(clouds, 2), 5 * normal(clouds, dims, 2)
    x, labels = {}, {}
    for name in SPLITS:
        labels[name] = torch.arange(clouds).repeat_interleave(ROWS[name] // clouds)
        z = normal(len(labels[name]), 2) + means[labels[name]]
        x[name] = torch.einsum("nij,nj->ni", maps[labels[name]], z)
    mean, std = x["train"].mean(0), x["train"].std(0, correction=0)
    train, validation, test = (
        Rows(
            ((x[name] - mean) / std).float(),
            Reals((dims,)),
            labels=labels[name],
            classes=clouds,
            name=f"linear_mixture {name}",
        )
        for name in SPLITS
    )
    return Data("linear_mixture", train, validation, test)


SETS = {"linear_mixture": Source(linear_mixture)}
