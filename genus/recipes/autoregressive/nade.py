"""NADE on binarised MNIST, each bit after those before it in the order of reading."""

import torch

from ...autoregressive import NADE
from ...core import Model
from ...data import load
from ...measure import scores
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine, warmed

RUN = Run(rounds=2_000, batch=128, lr=3e-2, ema=0.999, evaluate_every=250)


def nade(
    data: str = "binarized_mnist",
    hidden: int = 500,
    shuffled: bool = False,
    decay: float = 0.0,
    run: Run = RUN,
) -> Model:
    """NADE on binarised MNIST: 87.7 nats; independent bits have 205.8.

    Args:
        data: name or path of a data set of bits; this one is read from the folder GENUS_DATA.
        hidden: units of the hidden layer that each bit has.
        shuffled: bits come in an order that is drawn; otherwise in their own.
        decay: of the weights, by AdamW, per unit of learning rate.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    model = NADE(source.space, hidden, shuffled, seed=run.seed)
    return fit(
        model,
        source.train,
        run,
        optimizers=lambda name, parameters: torch.optim.AdamW(
            parameters, run.lr, weight_decay=decay, fused=True
        ),
        schedule=warmed(cosine, 0.02),
        evaluate=scores(source.validation),
        picture=picture,
    )
