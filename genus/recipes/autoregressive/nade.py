"""NADE on binarised MNIST, each bit after those before it in the order of reading."""

from ...autoregressive import NADE
from ...core import Model
from ...train import Run, adamw
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

RUN = Run(rounds=2_000, batch=128, lr=3e-2, ema=0.999, evaluate_every=250)


def nade(
    data: str = "binarized_mnist",
    hidden: int = 500,
    shuffled: bool = False,
    decay: float = 0.0,
    run: Run = RUN,
) -> Model:
    """NADE on binarised MNIST; target: the published 88.33 nats.

    Args:
        data: name or path of a data set of bits; the default is read from the folder GENUS_DATA.
        hidden: units of the hidden layer of each bit.
        shuffled: whether bits come in a random order; otherwise in their own.
        decay: weight decay of AdamW.
        run: length, folder and device of the run.
    """
    source, space = loaded("nade", data, run)
    model = NADE(space, hidden, shuffled, seed=run.seed)
    return fitted(model, source, run, adamw(run.lr, decay), schedule=warmed(cosine, 0.02))
