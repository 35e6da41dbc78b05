"""MADE with many orders, on pixels, bits or tokens."""

from ...autoregressive import MADE
from ...core import Bits, Model
from ...train import Run
from .._fitted import fitted, loaded

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
        masks: number of orders and sets of masks that share the weights.
        shuffled: whether orders are random; otherwise features come in their own order.
        rank: rank of the output layer of a feature's levels; not used for bits.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
        run: length, folder and device of the run.
    """
    source, space = loaded("made", data, run)
    levels_share = None if isinstance(space, Bits) else rank
    model = MADE(space, hidden, masks, shuffled, levels_share, dropout, run.seed)
    return fitted(model, source, run)
