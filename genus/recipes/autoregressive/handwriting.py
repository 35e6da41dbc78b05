"""Handwriting synthesis: a window moves over a text while an LSTM writes it."""

from ...autoregressive import HandwritingSynthesis
from ...core import Model, Tokens
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import DRAWINGS, context_of, fitted, loaded

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
        width: of each LSTM's state.
        layers: of LSTMs; the first one moves the window.
        mixtures: normals that a step is drawn from.
        windows: Gaussians of the window.
        run: how long, where to, on what.
    """
    source, space = loaded("handwriting", data, run, DRAWINGS)
    texts = context_of("handwriting", source, Tokens, "glyphs")
    model = HandwritingSynthesis(space, texts, width, layers, mixtures, windows)
    return fitted(model, source, run, schedule=warmed(cosine, 0.02), picture=None)
