"""MADE with many orders, on pixels, bits or tokens."""

from ...autoregressive import MADE
from ...core import Bits, Model
from ...train import Run
from .._fitted import ANY, fitted, loaded

RUN = Run(rounds=6000, batch=128, lr=3e-3, ema=0.995)


def made(
    data: str = "digits",
    hidden: tuple[int, ...] = (300, 300),
    masks: int = 16,
    shuffled: bool = True,
    rank: int = 4,
    dropout: float = 0.0,
    run: Run = RUN,
) -> Model:
    """MADE on digits; target: 1.85 bits per dimension.

    Args:
        data: name or path of a data set of pixels, bits or tokens.
        hidden: widths of the hidden layers.
        masks: how many orders and sets of links share the weights.
        shuffled: orders are drawn; otherwise features come in their own order.
        rank: numbers that say how a feature's levels are weighed; not used for bits.
        dropout: the share of hidden units left out in learning, in [0, 1).
        run: how long, where to, on what.
    """
    source, space = loaded("made", data, run, ANY)
    levels_share = None if isinstance(space, Bits) else rank
    model = MADE(space, hidden, masks, shuffled, levels_share, dropout, run.seed)
    return fitted(model, source, run)
