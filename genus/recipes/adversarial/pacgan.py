"""PacGAN: the critic judges several rows of one side at once, so it sees when they are alike.

A generator that has dropped modes makes single rows as good as any; but m of them together are less
varied than m rows of data, and a critic that is shown m at once learns that. Nothing else changes.

Source: Lin, Khetan, Fanti, Oh, "PacGAN: the power of two samples in generative adversarial networks",
    2018, arXiv:1712.04086, section 2.

Departs: R1 on the critic's slope, which the paper does not have; no batch normalisation; the batch is split into packs, so the critic sees as many rows as
    without packing, in fewer packs.
"""

from ...core import Model
from ...train import Run
from .gan import gan

RUN = Run(rounds=12_000, batch=256, lr=2e-3, ema=0.999)


def pacgan(
    data: str = "grid",
    packing: int = 2,
    objective: str = "non_saturating",
    weight: float = 0.1,
    latent: int | None = None,
    width: int | None = None,
    run: Run = RUN,
) -> Model:
    """PacGAN on a grid of 25 normals; target: all found, 0.9 of samples within 3 sigma.

    That is with averaged weights, whose bumps are narrower than the data's. The paper's own
    protocol, and packing without R1, are in benchmarks/adversarial/published_modes.py.

    Args:
        data: name or path of a data set of vectors or images.
        packing: number of rows that the critic sees as one; it must divide the batch.
        objective: name of an objective in `genus.functional.adversarial.OBJECTIVES`.
        weight: weight of the R1 gradient penalty; 0 is the paper's objective.
        latent: dimension of z; by default that of x, 32 at most.
        width: width of the networks, as in the recipe `gan`.
        run: length, folder and device of the run.
    """
    return gan(data, objective, weight=weight, packing=packing, latent=latent, width=width, run=run)
