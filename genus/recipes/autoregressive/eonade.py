"""EoNADE on binarised MNIST: one network for all orders of pixels, some of which are mixed."""

from ...autoregressive import EoNADE
from ...core import Model
from ...measure import scores
from ...train import Run, adamw
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

RUN = Run(rounds=12_000, batch=128, lr=3e-3, ema=0.999, evaluate_every=4000)


def eonade(
    data: str = "binarized_mnist",
    hidden: tuple[int, ...] = (500, 500),
    ensemble: int = 1,
    decay: float = 0.0,
    rows: int = 500,
    run: Run = RUN,
) -> Model:
    """EoNADE on binarised MNIST; target: the published 84.68 nats, over 128 orders.

    Args:
        data: name or path of a data set of bits; the default is read from the folder GENUS_DATA.
        hidden: widths of the hidden layers.
        ensemble: number of orders that are averaged in evaluation; training does not depend on it.
        decay: weight decay of AdamW.
        rows: number of validation rows that are scored in training: each takes as many passes
            as there are bits.
        run: length, folder and device of the run.
    """
    source, space = loaded("eonade", data, run)
    model = EoNADE(space, hidden, ensemble, seed=run.seed)
    optimizers, look = adamw(run.lr, decay), scores(source.validation, rows)
    return fitted(model, source, run, optimizers, schedule=warmed(cosine, 0.02), evaluate=look)
