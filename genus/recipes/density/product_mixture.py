"""A mixture of Bernoulli or categorical distributions by expectation maximisation."""

from ...core import Bits, Model, Pixels, Tokens
from ...density import ProductMixture
from ...train import Run
from .._fitted import fitted, loaded

RUN = Run(rounds=500)


def product_mixture(
    data: str = "digits", components: int = 30, smoothing: float = 0.3, run: Run = RUN
) -> Model:
    """ProductMixture on digits; target: at most 2.25 bits per dimension.

    Args:
        data: name or path of a data set of bits, pixels or tokens that do not end.
        components: number of products of independent columns.
        smoothing: how often each value is taken to have been seen in each component before, at least 0.
        run: length, folder and device of the run; a round is one step of EM, which stops by itself.
    """
    source, space = loaded("product_mixture", data, run, Bits, Pixels, Tokens)
    return fitted(ProductMixture(space, components, smoothing), source, run, schedule=None)
