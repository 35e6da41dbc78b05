"""A hidden Markov model of tokens, or of steps of bits or of reals, by expectation maximisation."""

from ...core import Bits, Model, Reals, Tokens
from ...density import HiddenMarkov
from ...train import Run
from .._fitted import fitted, loaded

RUN = Run(rounds=500)


def hmm(
    data: str = "grammar",
    states: int = 32,
    smoothing: float = 0.1,
    floor: float = 1e-6,
    run: Run = RUN,
) -> Model:
    """HiddenMarkov on a grammar; target: within 0.1 nats of its entropy, 29.96.

    Args:
        data: name or path of a data set of texts, or of bits or vectors of (steps, d), such as grammar,
            chorale_toys or a text file; where it says how many steps a sequence has, no more are read.
        states: number of hidden states.
        smoothing: pseudo-count that is added to each start, transition and symbol, and to each bit on
            and off, at least 0.
        floor: smallest variance of a number under a state, in the square of the data's unit.
        run: length, folder and device of the run; a round is one step of EM, which stops by itself.
    """
    source, space = loaded("hmm", data, run, Tokens, Bits, Reals)
    model = HiddenMarkov(space, states, source.context_space, smoothing, floor)
    return fitted(model, source, run, schedule=None)
