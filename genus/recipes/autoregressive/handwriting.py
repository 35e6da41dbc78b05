"""Handwriting synthesis: a window moves over a text while an LSTM writes it."""

from ...autoregressive import HandwritingSynthesis
from ...core import Model, Strokes, Tokens
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import context_of, fitted, loaded

RUN = Run(rounds=2500, batch=32, lr=1e-2, clip=5.0, ema=0.99)


def handwriting(
    data: str = "glyphs",
    width: int = 128,
    layers: int = 2,
    mixtures: int = 10,
    windows: int = 5,
    run: Run = RUN,
) -> Model:
    """Handwriting synthesis on glyphs; target: 0.95 of the letters can be read by rule.

    Args:
        data: name of a set of drawings with their texts.
        width: dimension of each LSTM's state.
        layers: number of LSTMs; the first one moves the window over the text.
        mixtures: number of normal distributions in the mixture of each step.
        windows: number of Gaussians in the window over the text.
        run: length, folder and device of the run.
    """
    source, space = loaded("handwriting", data, run, Strokes)
    texts = context_of("handwriting", source, Tokens, "glyphs")
    model = HandwritingSynthesis(space, texts, width, layers, mixtures, windows)
    return fitted(model, source, run, schedule=warmed(cosine, 0.02), picture=None)
