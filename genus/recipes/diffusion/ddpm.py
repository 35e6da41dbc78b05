"""DDPM: a U-Net on images, a perceptron on vectors."""

from typing import Literal

from ...core import Model, Pixels
from ...diffusion import DDIM, DDPM, Ancestral, Bound, Hybrid, Simple
from ...diffusion.noise import CosineSchedule, LinearSchedule
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded
from ._denoisers import denoising_net

RUN = Run(rounds=4000, batch=64, lr=3e-3, ema=0.995)
SCHEDULE = warmed(cosine)
OBJECTIVES = {"simple": Simple(), "hybrid": Hybrid(), "bound": Bound()}


def ddpm(
    data: str = "digits",
    steps: int = 500,
    width: int | None = None,
    dropout: float = 0.0,
    evaluations: int = 50,
    eta: float = 1.0,
    objective: Literal["simple", "hybrid", "bound"] = "simple",
    run: Run = RUN,
) -> Model:
    """DDPM on digits; target: at most 2.0 bits/dim, samples at most twice the Frechet floor.

    Args:
        data: name or path of a data set of images or of vectors.
        steps: number of steps of the noise process.
        width: width of the network: channels at full size for images, units for vectors; by default
            16 and 64.
        dropout: share of hidden units set to zero in a round of training.
        evaluations: number of evaluations of the network for a sample, at as many of the steps.
        eta: noise that sampling adds, from 0, none, to 1, as much as the noise process has.
        objective: training objective. With `hybrid` and `bound` the variance of a step is learned
            too, and used in sampling if eta is 1.
        run: length, folder and device of the run.
    """
    source, space = loaded("ddpm", data, run)
    learned = objective != "simple"
    net = denoising_net(space, width, dropout, parts=2 if learned else 1)
    chain = learned and eta == 1
    sampler = Ancestral(min(evaluations, steps)) if chain else DDIM(evaluations, eta)
    pixels = isinstance(space, Pixels)
    model = DDPM(
        net,
        space,
        steps,
        CosineSchedule(min(0.25, space.bin)) if pixels else LinearSchedule(),
        None if learned else 0.5 if pixels else 0.75,
        sampler,
        objective=OBJECTIVES[objective],
    )
    return fitted(model, source, run, schedule=SCHEDULE)
