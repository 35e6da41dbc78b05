"""A diffusion as a flow with an exact likelihood: a perceptron on vectors, a U-Net on images.

Source: Song, Sohl-Dickstein, Kingma, Kumar, Ermon, Poole, "Score-based generative modeling through
    stochastic differential equations", 2021, arXiv:2011.13456, section 4.3.
Departs: the diffusion is flow matching's, which learns the field of the flow itself. Images are learnt
    with uniform noise, from where that noise is sixteen times the path's first.
"""

from ...core import Model, Pixels, Reals
from ...density import Dequantised
from ...diffusion import Diffusion, ProbabilityFlow
from ...functional.diffusion.parametrisations import Slope
from ...functional.diffusion.paths import Straight
from ...functional.numerics.integrators import DormandPrince
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded
from ._denoisers import denoising_net, reached

RUN = Run(rounds=3000, batch=256, lr=2e-3, ema=0.99)
SCHEDULE = warmed(cosine)


def probability_flow(
    data: str = "moons",
    width: int | None = None,
    dropout: float = 0.0,
    probes: int = 0,
    tolerance: float = 1e-3,
    run: Run = RUN,
) -> Model:
    """Probability flow on two moons; target: 0.02 nats from the truth.

    Args:
        data: name or path of a data set of images or of vectors.
        width: width of the network: channels at full size for images, units for vectors; by default
            16 and 64.
        dropout: share of hidden units set to zero in a round of training.
        probes: number of random vectors by which the trace is estimated; 0 for the exact trace, which
            takes as many products as x has numbers: on images, only 1 is fast enough.
        tolerance: relative and absolute tolerance of the solver.
        run: length, folder and device of the run.
    """
    source, space = loaded("probability_flow", data, run)
    pixels = isinstance(space, Pixels)
    path = Straight(reached(Straight(), space.bin / 16)) if pixels else Straight()
    diffusion = Diffusion(denoising_net(space, width, dropout), Reals(space.shape), path, Slope())
    flow = ProbabilityFlow(diffusion, DormandPrince(tolerance, tolerance), probes)
    model = Dequantised(flow, space) if pixels else flow
    return fitted(model, source, run, schedule=SCHEDULE)
