"""Masked diffusion: tokens, bits or pixels, filled in any order."""

import torch
from torch import nn

from ...core import Bits, Model, Pixels, Tokens
from ...data import load
from ...diffusion import DiscreteDiffusion, TimeTokens, TimeTransformer
from ...diffusion.discrete.categories import Absorbing, Multinomial, quarter_circle, straight
from ...measure import scores
from ...show import picture
from ...train.fit import fit
from ...train.run import Run
from ...train.schedules import cosine, warmed

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
    """Masked diffusion on a grammar: at most 32.2 nats; its entropy is 30.0, and bigrams are 99.4 % legal.

    Multinomial noise, in the same rounds: at most 34.3 nats, and 98.2 % legal.

    Args:
        data: name or path of a data set of tokens, bits or pixels.
        multinomial: noise puts any value in the place of another; otherwise it masks.
        attention: the network is a transformer; otherwise a perceptron of all places at once.
        width: features of a place, or of the perceptron.
        blocks: of the network.
        dropout: the share of the network's features that is silent in a round.
        steps: T, of the chain of noise.
        evaluations: of the network, for samples.
        run: how long, where to, on what.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    space = source.space
    match space:
        case Tokens():
            values = space.vocabulary
        case Pixels():
            values = space.levels
        case Bits():
            values = 2
        case _:
            raise ValueError(
                f"masked_diffusion: {data} is of {space}; tokens, bits or pixels are wanted"
            )
    kernel = Multinomial() if multinomial else Absorbing()
    sizes = kernel.states(values), space.dims, values, width, blocks
    net: nn.Module
    net = TimeTransformer(*sizes, dropout=dropout) if attention else TimeTokens(*sizes, dropout)
    kept = quarter_circle if multinomial else straight
    model = DiscreteDiffusion(net, space, steps, kernel, kept, evaluations)
    return fit(
        model,
        source.train,
        run,
        schedule=SCHEDULE,
        evaluate=scores(source.validation),
        picture=picture,
    )
