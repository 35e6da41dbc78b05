"""A Transformer on tinyshakespeare."""

from torch import nn
from torch.optim import AdamW, Optimizer

from ...autoregressive import Transformer
from ...core import Model, Tokens
from ...measure.structure.texts import read
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

RUN = Run(rounds=4600, batch=16, lr=3e-3, clip=128.0, ema=0.99, autocast=True)
SCHEDULE = warmed(cosine, 0.02)


def transformer(
    data: str = "tinyshakespeare?window=128",
    width: int = 128,
    layers: int = 4,
    heads: int = 4,
    dropout: float = 0.0,
    decay: float = 0.1,
    run: Run = RUN,
) -> Model:
    """A Transformer on tinyshakespeare; target: below Kneser-Ney's 1.52 nats a character.

    Args:
        data: name or path of a text; the default is read from the folder GENUS_DATA. A window is what
            attention sees.
        width: dimension of a token.
        layers: number of blocks of attention and a perceptron.
        heads: number of attention heads.
        dropout: share of residuals set to zero in a round of training, in [0, 1).
        decay: weight decay of AdamW, for matrices only; biases and norms have none.
        run: length, folder and device of the run.
    """
    source, space = loaded("transformer", data, run, Tokens)

    def adamw(name: str, parameters: list[nn.Parameter]) -> Optimizer:
        matrices = [p for p in parameters if p.dim() > 1]
        others = [p for p in parameters if p.dim() < 2]
        groups = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
        return AdamW(groups, run.lr, betas=(0.9, 0.99), weight_decay=decay, fused=True)

    model = Transformer(space, width, layers, heads, dropout)
    look = read(source.validation)
    return fitted(model, source, run, adamw, schedule=SCHEDULE, evaluate=look, picture=None)
