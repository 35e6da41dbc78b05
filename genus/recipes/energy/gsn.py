"""A generative stochastic network on bits: a chain that denoises, and draws."""

from ...core import Model
from ...data import Data
from ...energy import GSN
from ...train import Run
from .._fitted import fitted, loaded

RUN = Run(rounds=10_000, batch=128, lr=5e-3)


def gsn(
    data: str = "digits",
    hidden: tuple[int, ...] = (200,),
    corruption: float = 0.3,
    first_noise: float = 0.0,
    deep_noise: float = 2.0,
    walkbacks: int = 2,
    burn_in: int = 100,
    run: Run = RUN,
) -> Model:
    """GSN on digits as bits; target: at most 23.6 nats by the latents of 10,000 samples.

    Args:
        data: name or path of a data set of bits, or of pixels, which are drawn as bits.
        hidden: numbers of units of the hidden layers; one layer is a denoising autoencoder.
        corruption: chance that a bit is replaced by a fair coin in a step of the chain.
        first_noise: standard deviation of the noise at the tanh of the first hidden layer.
        deep_noise: the same of the layers above it.
        walkbacks: steps of a chain in a round, at least as many as hidden layers.
        burn_in: steps before a sample.
        run: length, folder and device of the run.
    """
    source, space = loaded("gsn", data, run, view=Data.binarised)
    noises = (corruption, first_noise, deep_noise)
    model = GSN(space, hidden, *noises, walkbacks, chains=run.batch, burn_in=burn_in)
    model.prepare(source.train.everything()[0])
    return fitted(model, source, run)
