"""Consistency distillation: the samples of EDM, in one or two steps instead of many."""

import copy

from ...core import Model
from ...diffusion import ConsistencyModel, Diffusion
from ...errors import RefusedType
from ...functional.diffusion.parametrisations import Preconditioned
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded
from .._stages import in_two
from ._denoisers import LATER
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
    """Consistency distillation on digits; target: in one evaluation at most 3 times the Frechet floor.

    Args:
        data: name or path of a data set of images or of vectors.
        distilled: whether an EDM is distilled; otherwise the model learns from data alone.
        times: number of times between data and noise, at least 2.
        decay: decay of the averaged weights of the target network, in [0, 1).
        bound: error at which the loss turns from squared to absolute, in units of x; 0 keeps it
            squared throughout.
        width: width of the network: channels at full size for images, units for vectors; by default
            16 and 64.
        dropout: share of hidden units set to zero in a round of training.
        evaluations: number of evaluations of the network for a sample.
        run: length, folder and device of the run of the EDM, saved in its folder `teacher`; its
            student then trains three quarters as long. Both share its minutes.
    """
    before, run = in_two(run, "teacher", (1, LATER), 1 / 3)
    teacher = edm(data, width, dropout, run=before)
    if not isinstance(teacher, Diffusion) or not isinstance(
        scaling := teacher.parametrisation, Preconditioned
    ):
        raise RefusedType(f"consistency: edm made a {type(teacher).__name__}")
    source, _ = loaded("consistency", data, run)
    model = ConsistencyModel(
        copy.deepcopy(teacher.net).requires_grad_(True),
        teacher.space,
        teacher.path,
        teacher if distilled else None,
        scaling.deviation,
        times,
        decay=decay,
        bound=bound,
        evaluations=evaluations,
    )
    return fitted(model, source, run, schedule=SCHEDULE)
