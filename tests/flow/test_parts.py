"""Large calls go part by part: the same numbers, in a fraction of the memory."""

import pytest
import torch

from genus.core import Classes, Reals
from genus.flow import Affine, Autoregressive, Coupling, Flow, Spline
from genus.flow.bijection import PART, parted
from genus.functional.densities.densities import log_normal
from genus.nn import Labels


def shaken(model):
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn_like(p))
    return model


@pytest.mark.parametrize("rows", [PART, 2 * PART + 1, 3 * PART])
def test_scores_are_those_of_one_call(rows):
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    model = shaken(Flow(Reals((3,)), [Coupling(3), Autoregressive(3, Spline(4), (8,))]))
    x = torch.randn(rows, 3)
    with torch.no_grad():
        z, logdet = model.encode_with_logdet(x)
        torch.testing.assert_close(model.log_prob(x), log_normal(z) + logdet)
    assert model.log_prob(x).requires_grad  # where a gradient is kept, in one part


def test_rows_keep_their_context():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    step = Coupling(2, Affine(), context=2)
    model = shaken(Flow(Reals((2,)), [step], context_space=Classes(2), embed=Labels(2)))
    labels = torch.arange(2 * PART + 1) % 2
    torch.manual_seed(1)
    x = model.sample(context=labels)
    torch.manual_seed(1)
    z = torch.randn(len(labels), 2)
    with torch.no_grad():
        torch.testing.assert_close(x, model.decode(z, labels))
        whole = model.encode_with_logdet(x, labels)
        torch.testing.assert_close(model.log_prob(x, labels), log_normal(whole[0]) + whole[1])


def test_parts_are_no_larger_than_said():
    sizes = []

    def call(x):
        sizes.append(len(x))
        return x

    x = torch.arange(10)
    with torch.no_grad():
        assert torch.equal(parted(call, 4, x), x)
    assert sum(sizes) == 10
    assert max(sizes) <= 4
    assert torch.equal(parted(call, 4, x), x)  # gradients are kept: one part
    assert sizes[-1] == 10


def test_each_thread_gets_a_part():
    sizes = []
    torch.set_num_threads(2)
    with torch.no_grad():
        parted(lambda x: sizes.append(len(x)) or x, 4, torch.arange(20))
    torch.set_num_threads(1)
    assert max(sizes) == 7  # twenty, in three calls of at most eight
