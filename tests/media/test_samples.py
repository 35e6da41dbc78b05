"""What is found again of a trained model, and what a container may use."""

import torch

from genus.core import Bits, Classes, GenerativeModel, Reals
from genus.data import load
from genus.energy import RBM
from genus.media import contexts


class Echo(GenerativeModel):
    """Draws what it is given."""

    def __init__(self, space, context_space):
        super().__init__()
        self.space, self.context_space = space, context_space

    def sample(self, n=None, context=None):
        return context.float() + torch.rand(len(context), *[1] * (context.ndim - 1))


def test_contexts_are_labels_in_turn_or_the_test_sets():
    pairs = load("digits_pairs")

    def never():
        raise AssertionError("labels need no data")

    labelled = Echo(Reals(()), Classes(3))
    assert contexts(labelled, 7, never).tolist() == [0, 1, 2, 0, 1, 2, 0]
    pictures = contexts(
        Echo(Reals((1, 8, 8)), Reals((1, 8, 8))), 301, lambda: pairs.test.first(301)[1]
    )
    assert torch.equal(pictures[300], pictures[0])  # there are 300 of them
    assert contexts(RBM(Bits((4,)), 2), 7, never) is None
