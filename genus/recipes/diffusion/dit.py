"""DiT: flow matching by a transformer.

Source: Peebles, Xie, "Scalable diffusion models with transformers", 2023, arXiv:2212.09748; on
    straight paths: Ma and others, "SiT", 2024, arXiv:2401.08740.
"""

from ...core import Model
from ...diffusion import Diffusion, DiT, DPMSolver
from ...functional.diffusion.parametrisations import Slope
from ...functional.diffusion.paths import Straight
from ...functional.diffusion.spacings import WithoutLast, even
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded
from ._denoisers import finest, reached

RUN = Run(rounds=4000, batch=64, lr=2e-3, clip=1.0, ema=0.995)
SCHEDULE = warmed(cosine)


def dit(
    data: str = "digits",
    width: int = 96,
    depth: int = 4,
    heads: int = 4,
    patch: int = 2,
    dropout: float = 0.0,
    evaluations: int = 20,
    run: Run = RUN,
) -> Model:
    """DiT on digits; target: at most 1.95 bits/dim, samples at most 3 times the Frechet floor.

    Args:
        data: name or path of a data set of images.
        width: dimension of a token.
        depth: number of transformer blocks.
        heads: number of attention heads.
        patch: side of the square patch of a token, in pixels.
        dropout: share of hidden units set to zero in a round of training.
        evaluations: number of evaluations of the network for a sample.
        run: length, folder and device of the run.
    """
    source, space = loaded("dit", data, run, axes="channels, height, width")
    channels, height, across = space.shape
    net = DiT((channels, height, across), width, depth, heads, patch, dropout)
    model = Diffusion(
        net,
        space,
        Straight(reached(Straight(), finest(space))),
        Slope(),
        DPMSolver(evaluations, spacing=WithoutLast(even)),
    )
    return fitted(model, source, run, schedule=SCHEDULE)
