"""MADE on binarised MNIST: one order, one wide layer, and dropout against learning rows by heart."""

import torch

from ...autoregressive import MADE
from ...core import Model
from ...data import load
from ...measure import scores
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine, warmed

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
    """MADE on binarised MNIST: 88.9 nats; independent bits have 205.8.

    Args:
        data: name or path of a data set of bits; this one is read from the folder GENUS_DATA.
        hidden: widths of the hidden layers.
        masks: how many sets of links share the weights.
        shuffled: each of them has an order of its own, that is drawn; otherwise pixels come as read.
        dropout: the share of hidden units left out in learning, in [0, 1).
        decay: of the weights, by AdamW, per unit of learning rate.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    model = MADE(source.space, hidden, masks, shuffled, None, dropout, run.seed)
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
