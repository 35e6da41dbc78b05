"""A class-conditional diffusion, guided: a U-Net on images, a perceptron on vectors."""

from ...core import Model
from ...data import Data
from ...diffusion import DDIM, Diffusion, Guided
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, label_arguments, loaded
from ._denoisers import denoising_net

RUN = Run(rounds=4000, batch=64, lr=3e-3, ema=0.995)
SCHEDULE = warmed(cosine)


def guided(
    data: str = "digits",
    scale: float = 0.25,
    until: float = 1.0,
    drop_context: float = 0.15,
    width: int | None = None,
    dropout: float = 0.0,
    evaluations: int = 50,
    eta: float = 0.0,
    run: Run = RUN,
) -> Model:
    """Guided diffusion on digits; target: 0.99 of samples show their label.

    The price is variety: guidance narrows each class (benchmarks/diffusion/guidance.py).

    Args:
        data: name or path of a labelled data set of images or of vectors.
        scale: guidance scale, at least 0: how much more clearly than the data a sample shows its class.
        until: time, in (0, 1], above which there is no guidance.
        drop_context: share of training rows whose label is dropped, in [0, 1).
        width: width of the network: channels at full size for images, units for vectors; by default
            16 and 64.
        dropout: share of hidden units set to zero in a round of training.
        evaluations: number of evaluations of the network for a sample; guided ones are of two rows.
        eta: noise that sampling adds, from 0, none, to 1, as much as the noise process has.
        run: length, folder and device of the run.
    """
    source, space = loaded("guided", data, run, view=Data.labelled)
    context_space, embed, count = label_arguments(source)
    model = Diffusion(
        denoising_net(space, width, dropout, context=count),
        space,
        sampler=DDIM(evaluations, eta),
        context_space=context_space,
        embed=embed,
        drop_context=drop_context,
    )
    model = Guided(model, scale, (0.0, until))
    return fitted(model, source, run, schedule=SCHEDULE)
