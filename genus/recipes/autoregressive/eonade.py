"""EoNADE on binarised MNIST: one network for all orders of pixels, some of which are mixed."""

import torch

from ...autoregressive import EoNADE
from ...core import Model
from ...data import load
from ...measure import scores
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine, warmed

RUN = Run(rounds=12_000, batch=128, lr=3e-3, ema=0.999, evaluate_every=4000)


def eonade(
    data: str = "binarized_mnist",
    hidden: tuple[int, ...] = (500, 500),
    ensemble: int = 1,
    decay: float = 0.0,
    rows: int = 500,
    run: Run = RUN,
) -> Model:
    """EoNADE on binarised MNIST: 99.2 nats, in one order; independent bits have 205.8.

    Args:
        data: name or path of a data set of bits; this one is read from the folder GENUS_DATA.
        hidden: widths of the hidden layers.
        ensemble: how many orders are mixed; learning takes no note of it.
        decay: of the weights, by AdamW, per unit of learning rate.
        rows: of the validation rows, how many are scored while it learns: each takes as many passes
            as there are bits.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    model = EoNADE(source.space, hidden, ensemble, seed=run.seed)
    return fit(
        model,
        source.train,
        run,
        optimizers=lambda name, parameters: torch.optim.AdamW(
            parameters, run.lr, weight_decay=decay, fused=True
        ),
        schedule=warmed(cosine, 0.02),
        evaluate=scores(source.validation, rows),
        picture=picture,
    )
