"""WaveNet on spoken digits, for a digit and a speaker, for a spectrum, or for nothing."""

from ...autoregressive import MelFrames, WaveNet
from ...core import Attributes, Model, Pixels, Refused
from ...measure import scores
from ...nn import SeveralLabels
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

RUN = Run(rounds=1800, batch=8, lr=1e-2, clip=1.0, ema=0.99, autocast=True)


def wavenet(
    data: str = "spoken",
    labels: bool = True,
    channels: int = 32,
    skip: int = 64,
    stacks: int = 2,
    deepest: int = 10,
    mixture: int | None = None,
    run: Run = RUN,
) -> Model:
    """WaveNet on spoken digits; target: a bit a sample below a Markov chain of order 2.

    Args:
        data: spoken, spoken8, spoken16 or spoken_mel, which are read from the folder GENUS_DATA.
        labels: whether the model is conditioned on digit and speaker; on spectra (spoken_mel) it always is.
        channels: channels of the residual stream, and of the gates.
        skip: channels of the skip connections.
        stacks: number of stacks of layers, in each of which dilations double from 1.
        deepest: number of layers in a stack; the last one has a dilation of 2^(deepest - 1).
        mixture: number of logistics over a value; by default a softmax. 16 bits need it.
        run: length, folder and device of the run.
    """
    source, space = loaded("wavenet", data, run)
    if labels and source.context_space is None:
        source = source.labelled()
    if mixture is None and isinstance(space, Pixels) and space.levels > 256:
        raise Refused(f"wavenet: {data} has {space.levels} levels; give it a mixture")
    dilations = tuple(2**i for i in range(deepest)) * stacks
    context_space, embed, context = source.context_space, None, 0
    if isinstance(context_space, Attributes):
        embed, context = SeveralLabels(context_space.counts), sum(context_space.counts)
    elif context_space is not None:
        embed, context = MelFrames(context_space.shape[1], channels), channels
    model = WaveNet(
        space,
        channels,
        skip,
        dilations,
        mixture=mixture,
        context_space=context_space,
        embed=embed,
        context=context,
    )
    falling, look = warmed(cosine, 0.05), scores(source.validation, rows=60)
    return fitted(model, source, run, schedule=falling, evaluate=look, picture=None)
