"""EDM: a U-Net on images, a perceptron on vectors.

Source: Karras, Aittala, Aila, Laine, "Elucidating the design space of diffusion-based generative
    models", 2022, arXiv:2206.00364, table 1.
Departs: on pixels the least noise is a quarter of a bin.
"""

from ...core import Model
from ...diffusion import Diffusion, Heun, LogNormal
from ...functional.diffusion.parametrisations import Preconditioned
from ...functional.diffusion.paths import LinearVE
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded
from ._denoisers import denoising_net, finest

RUN = Run(rounds=4000, batch=64, lr=3e-3, ema=0.995)
SCHEDULE = warmed(cosine)
ENOUGH = 10_000  # rows that measure the deviation of the data


def edm(
    data: str = "digits",
    width: int | None = None,
    dropout: float = 0.0,
    mean: float = -1.2,
    std: float = 1.2,
    evaluations: int = 35,
    churn: float = 0.0,
    run: Run = RUN,
) -> Model:
    """EDM on digits; target: at most 1.9 bits/dim, samples at most twice the Frechet floor.

    Args:
        data: name or path of a data set of images or of vectors.
        width: width of the network: channels at full size for images, units for vectors; by default
            16 and 64.
        dropout: share of hidden units set to zero in a round of training.
        mean: mean of the logarithm of the noise's standard deviation in training.
        std: standard deviation of that logarithm.
        evaluations: number of evaluations of the network for a sample, by Heun's method.
        churn: total noise that sampling adds; 0 for none.
        run: length, folder and device of the run.
    """
    source, space = loaded("edm", data, run)
    (x, *_) = source.train.batch(0, min(ENOUGH, len(source.train)), run.seed)
    model = Diffusion(
        denoising_net(space, width, dropout),
        space,
        LinearVE(finest(space)),
        Preconditioned(round(x.std().item(), 3)),
        Heun(evaluations, churn=churn),
        LogNormal(mean, std),
    )
    return fitted(model, source, run, schedule=SCHEDULE)
