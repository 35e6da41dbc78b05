"""IDF: an exact flow on the levels of images.

Source: Hoogeboom, Peters, van den Berg, Welling, "Integer discrete flows and lossless compression",
    2019, arXiv:1905.07376.

Departs: as in `genus.flow.images.integer`.
"""

from ...core import Model
from ...flow import IDF
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

RUN = Run(rounds=1200, batch=128, lr=3e-3, clip=5.0, ema=0.99, evaluate_every=200)


def idf(
    data: str = "digits",
    scales: int = 3,
    couplings: int = 1,
    width: int = 48,
    components: int = 5,
    dropout: float = 0.1,
    run: Run = RUN,
) -> Model:
    """IDF on digits; target: at most 2.15 bits/dim, exactly.

    Args:
        data: name or path of a data set of images whose sides divide by 2 ** scales.
        scales: number of squeezes, each of which halves the sides.
        couplings: number of couplings at each scale. Many pixels are black, and a shift spreads
            them, which a gradient through rounding does not see: on digits 0 is best.
        width: channels of each coupling's network.
        components: number of logistics in the mixture of each pixel.
        dropout: share of hidden units set to zero in a round of training.
        run: length, folder and device of the run.
    """
    source, space = loaded("idf", data, run)
    model = IDF(space, scales, couplings, width, components, dropout)
    return fitted(model, source, run, schedule=warmed(cosine))
