"""A flow on images, dequantised."""

import torch

from ...core import Model, Pixels, Reals
from ...data import load
from ...density import Dequantised
from ...flow import RealNVP
from ...measure import scores
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine

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
    """RealNVP on digits, dequantised: at most 1.88 bits per dimension; one Gaussian has 2.89.

    Args:
        data: name or path of a data set of images with even sides.
        couplings: how many in a row with one mask.
        width: channels of each coupling's network.
        depth: residual blocks of each coupling's network.
        dropout: share of hidden numbers that is silent in a round: the digits are few.
        squeeze: the margin before the logit, as a share of the range; 0 leaves the logit out.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    if not isinstance(source.space, Pixels):
        raise ValueError(f"realnvp_images: {data} is {source.space}; pixels are wanted")
    flow = RealNVP(Reals(source.space.shape), couplings, width, depth, dropout)
    model = Dequantised(flow, source.space, squeeze)
    flow.prepare(*model.deal(*source.train.batch(0, ENOUGH, run.seed)))
    evaluate = scores(source.validation)
    return fit(model, source.train, run, schedule=cosine, evaluate=evaluate, picture=picture)
