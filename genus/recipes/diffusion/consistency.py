"""Consistency distillation: what EDM does in many steps, in one or two."""

import copy

import torch

from ...core import Model
from ...data import load
from ...diffusion import Consistency, Diffusion
from ...functional.diffusion.parametrisations import Preconditioned
from ...measure import scores
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine, warmed
from ._denoisers import in_two
from .edm import edm

RUN = Run(rounds=4000, batch=64, lr=3e-3, ema=0.995)
SCHEDULE = warmed(cosine)


def consistency(
    data: str = "digits",
    distilled: bool = True,
    times: int = 18,
    decay: float = 0.95,
    bound: float = 0.0,
    width: int | None = None,
    dropout: float = 0.0,
    evaluations: int = 1,
    run: Run = RUN,
) -> Model:
    """Consistency on digits: in one evaluation 3.5 times the Frechet floor, in five 2.3; EDM in 35, 2.1.

    Args:
        data: name or path of a data set of images or of vectors.
        distilled: by steps of the EDM that it begins with; otherwise from data alone.
        times: between data and noise, at least 2.
        decay: of the average that is aimed at, in [0, 1).
        bound: where the distance turns from a square to a size, in units of x; 0 is a square
            throughout.
        width: of the network: channels at full size for images, features for vectors; by default
            16 and 64.
        dropout: the share of the teacher's features that is silent in a round.
        evaluations: of the network, for a sample.
        run: how long EDM learns, where to, on what; it goes to `teacher` there. Its student learns
            three quarters as long.
    """
    source = load(data)
    before, run = in_two(run, "teacher", 1 / 3)
    teacher = edm(data, width, dropout, run=before)
    if not isinstance(teacher, Diffusion) or not isinstance(
        asked := teacher.parametrisation, Preconditioned
    ):
        raise TypeError(f"consistency: edm made a {type(teacher).__name__}")
    torch.manual_seed(run.seed)
    model = Consistency(
        copy.deepcopy(teacher.net).requires_grad_(True),
        teacher.space,
        teacher.path,
        teacher if distilled else None,
        asked.deviation,
        times,
        decay=decay,
        bound=bound,
        evaluations=evaluations,
    )
    return fit(
        model,
        source.train,
        run,
        schedule=SCHEDULE,
        evaluate=scores(source.validation),
        picture=picture,
    )
