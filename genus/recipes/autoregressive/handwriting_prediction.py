"""Handwriting prediction: an LSTM draws sheep or characters, step by step."""

from ...autoregressive import StrokePrediction
from ...core import Model, Strokes
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

RUN = Run(rounds=3000, batch=32, lr=2e-2, clip=5.0, ema=0.995)


def handwriting_prediction(
    data: str = "kanji",
    width: int = 128,
    layers: int = 1,
    mixtures: int = 20,
    run: Run = RUN,
) -> Model:
    """Handwriting prediction on kanji; target: 3 nats a step below a model without memory.

    Args:
        data: name of a set of drawings; the default is read from the folder GENUS_DATA.
        width: dimension of each LSTM's state.
        layers: number of LSTMs.
        mixtures: number of normal distributions in the mixture of each step.
        run: length, folder and device of the run.
    """
    source, space = loaded("handwriting_prediction", data, run, Strokes)
    model = StrokePrediction(space, width, layers, mixtures)
    return fitted(model, source, run, schedule=warmed(cosine, 0.02))
