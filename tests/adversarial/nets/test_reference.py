"""Batch normalisation by reference rows."""

import pytest
import torch
from torch import nn

from genus.adversarial import ReferenceNorm


@pytest.mark.parametrize("shape", [(12, 3), (12, 3, 5), (12, 3, 4, 4)])
def test_in_training_it_is_batch_normalisation(shape):
    x = torch.randn(shape) * 2 + 1
    peer = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}[x.dim()](3)
    ours = ReferenceNorm(3, rows=5)
    for net in (peer, ours):
        nn.init.constant_(net.weight, 1.5)
        nn.init.constant_(net.bias, -0.5)
    torch.testing.assert_close(ours(x), peer(x))


def test_in_evaluation_rows_do_not_meet():
    norm, reference, x = (
        ReferenceNorm(3, rows=8).eval(),
        torch.randn(8, 3, 4, 4),
        torch.randn(6, 3, 4, 4),
    )
    together = norm(torch.cat([reference, x]))[8:]
    alone = [norm(torch.cat([reference, row[None]]))[8:] for row in x]
    torch.testing.assert_close(together, torch.cat(alone))


def test_in_evaluation_the_reference_is_standardised():
    norm, reference = ReferenceNorm(3, rows=8).eval(), torch.randn(8, 3, 4, 4) * 7 + 3
    out = norm(torch.cat([reference, 100 * torch.randn(2, 3, 4, 4)]))[:8]
    torch.testing.assert_close(out, norm.train()(reference))


def test_without_reference_rows_it_takes_all():
    norm, x = ReferenceNorm(3), torch.randn(6, 3)
    torch.testing.assert_close(norm.eval()(x), norm.train()(x))


def test_nothing_is_kept_but_the_weights():
    assert set(ReferenceNorm(3, 4).state_dict()) == {"weight", "bias"}
