"""Stacked digits: which of the thousand modes a model has found, by an oracle of one channel.

    modes              classes of three digits that at least one sample has, as the oracle sees it
    mode_kl            KL(histogram of samples over the classes || uniform), nats
    channel_frechet    squared Frechet distance of the channels' features from those of single test
                       digits: noise has all the modes too, and this figure exposes it

The floors are figures of as many training rows: 26,000 rows of a thousand equal classes
have a mode_kl of 999 / 52,000 = 0.019, and the oracle's errors and the digits' shares add to it.

Source: Srivastava, Valkov, Russell, Gutmann, Sutton, "VEEGAN: reducing mode collapse in GANs using
    implicit variational learning", 2017, arXiv:1705.07761; Lin, Khetan, Fanti, Oh,
    "PacGAN: the power of two samples in generative adversarial networks", 2018, arXiv:1712.04086
    (26,000 samples, as in the authors' code).
Departs: the oracle is the digits' own, and sees 17 levels.
"""

from typing import Any

import torch
from torch import Tensor

from ...core import Pixels
from ...data.images.stacked import Stacked, number_of
from ...functional.densities.distances import frechet, kl_histograms, moments
from ..figures import Figure
from ..oracles import Oracle, OracleOutput, oracle_for

SAMPLES = 26_000


def channel_oracle(split: Stacked) -> Oracle | None:
    """The shipped oracle for one channel of a split, if there is one."""
    return oracle_for(split.inner.name, split.inner.space)


def see_channels(judge: Oracle, x: Tensor, space: Pixels) -> OracleOutput:
    """Features, (3 n, features), of all channels of images (n, 3, h, w), and their classes, (n, 3)."""
    one = Pixels((1, *space.shape[1:]), space.levels)
    seen = judge.see(x.reshape(-1, *one.shape), one)
    return OracleOutput(seen.features, seen.classes.reshape(len(x), -1))


def stacked_values(classes: Tensor, count: int) -> dict[str, float]:
    """`mode_kl` and `modes` of the classes of the channels, (n, 3) int64 in 0 .. count - 1."""
    modes = count ** classes.shape[1]
    counts = torch.bincount(number_of(classes, count), minlength=modes).double()
    return {
        "mode_kl": kl_histograms(counts, torch.ones_like(counts)).item(),
        "modes": float((counts > 0).sum()),
    }


def stacked_figures(
    judge: Oracle, fake: Tensor, train: Stacked, test: Stacked, protocol: dict[str, Any]
) -> list[Figure]:
    """All figures of this file, each with its floor.

    Args:
        judge: oracle of one channel.
        fake: samples, (n, 3, h, w).
        train: split whose rows take the place of samples for the floor.
        test: split with whose digits the channels are compared.
        protocol: description of the data for the figures.
    """
    real = see_channels(judge, train.batch(0, len(fake), 0)[0], train.space)
    seen = see_channels(judge, fake, test.space)
    digits = moments(judge.see(test.inner.everything()[0], test.inner.space).features)
    values, floors = (
        {
            **stacked_values(one.classes, judge.classes),
            "channel_frechet": frechet(*digits, *moments(one.features)).item(),
        }
        for one in (seen, real)
    )
    known = {**protocol, "oracle": judge.account(), "samples": len(fake), "floor_rows": len(fake)}
    units = {"modes": "modes", "mode_kl": "nats", "channel_frechet": ""}
    return [
        Figure(
            name,
            values[name],
            unit,
            known,
            sign="~",
            floor=floors[name],
            better="higher" if name == "modes" else "lower",
            estimator={"name": "samples"},
        )
        for name, unit in units.items()
    ]
