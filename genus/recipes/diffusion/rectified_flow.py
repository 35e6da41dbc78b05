"""Rectified flow: flow matching, repeated on its own pairs, whose lines hardly cross.

Source: Liu, Gong, Liu, "Flow straight and fast: learning to generate and transfer data with rectified
    flow", 2023, arXiv:2209.03003, algorithm 1.
Departs: the second model begins with the weights of the first.
"""

import copy

from ...core import Model
from ...diffusion import Diffusion, Heun, Pairs
from ...errors import RefusedType
from ...functional.diffusion.spacings import WithoutLast, even
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded
from .._stages import after, in_two, settled
from ._denoisers import LATER
from .flow_matching import flow_matching

RUN = Run(rounds=4000, batch=64, lr=3e-3, ema=0.995)
SCHEDULE = warmed(cosine)
TRIED = 50  # pairs that measure how many fit into a run of minutes
PAIRING = 1 / 3  # share of the second part that pairs may take


def rectified_flow(
    data: str = "digits",
    pairs: int = 8000,
    ends: int = 41,
    width: int | None = None,
    dropout: float = 0.0,
    evaluations: int = 3,
    run: Run = RUN,
) -> Model:
    """Rectified flow on digits; target: at most 3 times the Frechet floor in one evaluation.

    Args:
        data: name or path of a data set of images or of vectors.
        pairs: number of pairs of noise and a sample of the first model, from which the second learns.
        ends: number of evaluations of the first model for the sample of a pair, by Heun's method.
        width: width of the network: channels at full size for images, units for vectors; by default
            16 and 64.
        dropout: share of hidden units set to zero in a round of training.
        evaluations: number of evaluations of the second model for a sample, by Heun's method.
        run: length, folder and device of the run of the first model, saved in its folder `first`;
            the second one then trains three quarters as long. Both share its minutes, and with few
            of them there are fewer pairs.
    """
    before, run = in_two(run, "first", (1, LATER), 2 / 3)
    first = flow_matching(data, width=width, dropout=dropout, run=before)
    if not isinstance(first, Diffusion):
        raise RefusedType(f"rectified_flow: flow_matching made a {type(first).__name__}")
    source, _ = loaded("rectified_flow", data, run)
    model = Diffusion(
        copy.deepcopy(first.net).requires_grad_(True),
        first.space,
        first.path,
        first.parametrisation,
        Heun(evaluations, WithoutLast(even)),
    )
    begun, teach = run.time(), Heun(ends, even)
    if (minutes := run.minutes) is not None:

        def affordable() -> int:
            Pairs.of(first, TRIED, teach)
            each = (run.time() - begun) / TRIED
            return min(pairs, max(TRIED, int(PAIRING * 60 * minutes / each)))

        pairs, run = settled(run, "pairs", affordable)
    rows = Pairs.of(first, pairs, teach, run.seed)
    run = after(run, begun)
    return fitted(model, source, run, schedule=SCHEDULE, rows=rows)
