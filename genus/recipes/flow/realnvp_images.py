"""A flow on images, dequantised."""

from ...core import Model, Pixels, Reals
from ...density import Dequantised
from ...flow import RealNVP
from ...train import Run
from .._fitted import fitted, loaded

RUN = Run(rounds=900, batch=128, lr=4e-3, clip=5.0, ema=0.99, evaluate_every=200)
ENOUGH = 10_000  # rows to standardise with


def realnvp_images(
    data: str = "digits",
    couplings: int = 3,
    width: int = 32,
    depth: int = 1,
    dropout: float = 0.2,
    squeeze: float = 1e-3,
    run: Run = RUN,
) -> Model:
    """RealNVP on digits, dequantised; target: at most 1.9 bits per dimension.

    Args:
        data: name or path of a data set of images with even sides.
        couplings: number of couplings in a row with one mask.
        width: channels of each coupling's network.
        depth: number of residual blocks of a coupling's network.
        dropout: share of hidden units set to zero in a round of training: there are few digits.
        squeeze: margin before the logit, as a share of the range; 0 leaves the logit out.
        run: length, folder and device of the run.
    """
    source, space = loaded("realnvp_images", data, run, Pixels)
    flow = RealNVP(Reals(space.shape), couplings, width, depth, dropout)
    model = Dequantised(flow, space, squeeze)
    flow.prepare(*model.deal(*source.train.batch(0, ENOUGH, run.seed)))
    return fitted(model, source, run)
