"""Score SDE: the score at every amount of noise, on each of the three paths of the paper.

Source: Song, Sohl-Dickstein, Kingma, Kumar, Ermon, Poole, "Score-based generative modeling through
    stochastic differential equations", 2021, arXiv:2011.13456.
Departs: on pixels the first time is where the noise is a quarter of a bin.
"""

from typing import Literal

import torch

from ...core import Model
from ...diffusion import Diffusion, PredictorCorrector
from ...functional.diffusion.parametrisations import Score
from ...functional.diffusion.paths import VE, VP, Path, SubVP
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded
from ._denoisers import denoising_net, finest, reached

RUN = Run(rounds=4000, batch=64, lr=3e-3, ema=0.995)
SCHEDULE = warmed(cosine)
SOME = 500  # rows whose distances give the largest noise of VE


def score_sde(
    data: str = "digits",
    kind: Literal["vp", "subvp", "ve"] = "vp",
    width: int | None = None,
    dropout: float = 0.0,
    evaluations: int = 199,
    corrections: int = 1,
    snr: float = 0.16,
    run: Run = RUN,
) -> Model:
    """Score SDE, VP, on digits; target: at most 1.9 bits/dim, at most twice the Frechet floor.

    Args:
        data: name or path of a data set of images or of vectors.
        kind: kind of noise process: `vp`, `subvp` or `ve`.
        width: width of the network: channels at full size for images, units for vectors; by default
            16 and 64.
        dropout: share of hidden units set to zero in a round of training.
        evaluations: number of evaluations of the network for a sample, by predictor and corrector.
        corrections: number of Langevin steps after each predictor step.
        snr: signal-to-noise ratio of a Langevin step.
        run: length, folder and device of the run.
    """
    source, space = loaded("score_sde", data, run)
    (x, *_) = source.train.batch(0, min(SOME, len(source.train)), run.seed)
    noise = finest(space)
    paths: dict[str, Path] = {
        "vp": VP(first=reached(VP(), noise)),
        "subvp": SubVP(first=reached(SubVP(), noise)),
        "ve": VE(noise, round(torch.pdist(x.flatten(1)).max().item(), 1)),
    }
    model = Diffusion(
        denoising_net(space, width, dropout),
        space,
        paths[kind],
        Score(),
        PredictorCorrector(evaluations, corrections=corrections, snr=snr),
    )
    return fitted(model, source, run, schedule=SCHEDULE)
