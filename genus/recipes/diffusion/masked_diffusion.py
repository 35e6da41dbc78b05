"""Masked diffusion: tokens, bits or pixels, filled in any order."""

from torch import nn

from ...core import Bits, Model, Pixels, Refused, Tokens
from ...diffusion import DiscreteDiffusion, TimeTokens, TimeTransformer
from ...diffusion.discrete.categories import Absorbing, Multinomial, quarter_circle, straight
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded

RUN = Run(rounds=2000, batch=128, lr=2e-3, ema=0.995, clip=1.0)
SCHEDULE = warmed(cosine)


def masked_diffusion(
    data: str = "grammar",
    multinomial: bool = False,
    attention: bool = True,
    width: int = 64,
    blocks: int = 2,
    dropout: float = 0.0,
    steps: int = 1000,
    evaluations: int = 100,
    run: Run = RUN,
) -> Model:
    """Masked diffusion on a grammar; target: within 2.5 nats of its entropy, 0.99 of bigrams legal.

    Multinomial noise, in the same rounds, is some nats worse.

    Args:
        data: name or path of a data set of tokens, bits or pixels.
        multinomial: whether noise replaces a value by a random one; otherwise it masks it.
        attention: whether the network is a transformer; otherwise it is a perceptron of all positions.
        width: dimension of a token, or units of the perceptron.
        blocks: number of blocks of the network.
        dropout: share of hidden units set to zero in a round of training.
        steps: T, the number of steps of the noise process.
        evaluations: number of evaluations of the network for a sample.
        run: length, folder and device of the run.
    """
    source, space = loaded("masked_diffusion", data, run)
    match space:
        case Tokens():
            values = space.vocabulary
        case Pixels():
            values = space.levels
        case Bits():
            values = 2
        case _:
            raise Refused(
                f"masked_diffusion: {data} is of {space}; tokens, bits or pixels are wanted"
            )
    kernel = Multinomial() if multinomial else Absorbing()
    sizes = kernel.states(values), space.dims, values, width, blocks
    net: nn.Module
    net = TimeTransformer(*sizes, dropout=dropout) if attention else TimeTokens(*sizes, dropout)
    kept = quarter_circle if multinomial else straight
    model = DiscreteDiffusion(net, space, steps, kernel, kept, evaluations)
    return fitted(model, source, run, schedule=SCHEDULE)
