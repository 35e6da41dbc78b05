"""Flow matching: the mean velocity of straight lines from data to noise.

Source: Lipman, Chen, Ben-Hamu, Nickel, Le, "Flow matching for generative modeling", 2023,
    arXiv:2210.02747; Tong and others, "Improving and generalizing flow-based generative models with
    minibatch optimal transport", 2024, arXiv:2302.00482 (couplings).
"""

from ...core import Model
from ...diffusion import Diffusion, Heun
from ...diffusion.couplings import optimal_transport
from ...functional.diffusion.parametrisations import Slope
from ...functional.diffusion.paths import Straight
from ...functional.diffusion.spacings import WithoutLast, even
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded
from ._denoisers import denoising_net, finest, reached

RUN = Run(rounds=4000, batch=64, lr=3e-3, ema=0.995)
SCHEDULE = warmed(cosine)


def flow_matching(
    data: str = "digits",
    coupled: bool = False,
    width: int | None = None,
    dropout: float = 0.0,
    evaluations: int = 21,
    run: Run = RUN,
) -> Model:
    """Flow matching on digits; target: at most 1.9 bits/dim, at most 2.5 times the Frechet floor.

    Args:
        data: name or path of a data set of images or of vectors.
        coupled: whether rows and noise of each batch are matched by optimal transport.
        width: width of the network: channels at full size for images, units for vectors; by default
            16 and 64.
        dropout: share of hidden units set to zero in a round of training.
        evaluations: number of evaluations of the network for a sample, by Heun's method.
        run: length, folder and device of the run.
    """
    source, space = loaded("flow_matching", data, run)
    model = Diffusion(
        denoising_net(space, width, dropout),
        space,
        Straight(reached(Straight(), finest(space))),
        Slope(),
        Heun(evaluations, WithoutLast(even)),
        coupling=optimal_transport if coupled else None,
    )
    return fitted(model, source, run, schedule=SCHEDULE)
