"""Glow on images, dequantised by uniform or by learned noise; of all images, or of each class.

Source: Kingma, Dhariwal, "Glow: generative flow with invertible 1x1 convolutions", 2018,
    arXiv:1807.03039; the noise: Ho et al., "Flow++", 2019, arXiv:1902.00275, section 3.1.

Departs: pixels pass through a logit; further departures are those of `genus.flow.images.glow`.
"""

from ...core import Classes, Model, Pixels, Reals, Refused
from ...data import Data
from ...density import Dequantised
from ...flow import Bijection, Conv1x1, ConvCoupling, Dequantiser, Flow, Glow, ResNet, Squeezed
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, label_arguments, loaded

RUN = Run(rounds=900, batch=128, lr=4e-3, clip=5.0, ema=0.99, evaluate_every=200)
SCHEDULE = warmed(cosine)
ENOUGH = 1000  # rows to start actnorm with
SEEN = 16  # channels of a picture's features, for the noise


def glow(
    data: str = "digits",
    levels: int = 2,
    depth: int = 4,
    width: int = 64,
    dropout: float = 0.1,
    squeeze: float = 1e-3,
    variational: bool = False,
    classes: bool = False,
    run: Run = RUN,
) -> Model:
    """Glow on digits; target: at most 1.9 bits/dim.

    Args:
        data: name or path of a data set of images whose sides divide by 2 ** levels.
        levels: number of squeezes, each of which halves the sides.
        depth: number of steps of flow at each level.
        width: channels of each coupling's network.
        dropout: share of hidden units set to zero in a round of training: there are few digits.
        squeeze: margin before the logit, as a share of the range; 0 leaves the logit out.
        variational: whether the noise that dequantises is learned and depends on the image.
        classes: whether couplings and base are conditioned on the label of each image.
        run: length, folder and device of the run.
    """
    source, space = loaded(
        "glow",
        data,
        run,
        Pixels,
        axes="channels, height, width",
        view=Data.labelled if classes else None,
    )
    given = source.context_space
    if not isinstance(given, Classes | None):
        raise Refused(f"glow: {data} gives {given} with each x; classes or nothing are wanted")
    noise = _noise(space.shape[0], dropout) if variational else None
    context_space, embed, count = label_arguments(source)
    steps = [Glow(space.shape, levels, depth, width, count, dropout)]
    flow = Flow(Reals(space.shape), steps, None, context_space, embed)
    model = Dequantised(flow, space, squeeze, noise)
    x, *label = source.train.batch(0, ENOUGH, run.seed)
    flow.prepare(model.to_reals(space.dequantise(x))[0], *label)
    return fitted(model, source, run, schedule=SCHEDULE)


def _noise(channels: int, dropout: float) -> Dequantiser:
    """Two steps on squeezed noise, whose couplings see features of the picture."""
    steps: list[Bijection] = []
    for _ in range(2):
        coupling = ConvCoupling(4 * channels, width=24, context=4 * SEEN, dropout=dropout)
        steps += [Conv1x1(4 * channels), coupling]
    return Dequantiser([Squeezed(steps)], ResNet(channels, SEEN, 24, 1))
