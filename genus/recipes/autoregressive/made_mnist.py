"""MADE on binarised MNIST: one order, one wide layer, and dropout against memorisation."""

from ...autoregressive import MADE
from ...core import Model
from ...train import Run, adamw
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

RUN = Run(rounds=5_000, batch=128, lr=2e-3, ema=0.999, autocast=True, evaluate_every=500)


def made_mnist(
    data: str = "binarized_mnist",
    hidden: tuple[int, ...] = (2000,),
    masks: int = 1,
    shuffled: bool = False,
    dropout: float = 0.2,
    decay: float = 0.0,
    run: Run = RUN,
) -> Model:
    """MADE on binarised MNIST; target: the published 86.64 nats (32 masks, 2 x 8,000 units).

    Args:
        data: name or path of a data set of bits; the default is read from the folder GENUS_DATA.
        hidden: widths of the hidden layers.
        masks: number of sets of masks that share the weights.
        shuffled: whether each set has a random order of its own; otherwise pixels come as read.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
        decay: weight decay of AdamW.
        run: length, folder and device of the run.
    """
    source, space = loaded("made_mnist", data, run)
    model = MADE(space, hidden, masks, shuffled, None, dropout, run.seed)
    return fitted(model, source, run, adamw(run.lr, decay), schedule=warmed(cosine, 0.02))
