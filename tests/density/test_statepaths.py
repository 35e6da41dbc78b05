"""Pieces of long sequences, of chains that forget and of chains that do not: against one step after another."""

import math

import pytest
import torch

from genus.density.sequences import statepaths
from genus.density.sequences.statepaths import BEST, LOGS, SUMS, chances, forward

CHAINS = {
    "forgets": torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)),
    "slowly": torch.tensor([[4.0, 0, 0], [0, 5.0, 0], [0, 0, 6.0]]).double(),
    "next to never": torch.tensor([[40.0, 0, 0], [0, 38.0, 1], [0, 2, 39.0]]).double(),
    "in turns": torch.tensor([[0.0, 60, 0], [0, 0, 60], [60, 0, 0]]).double(),
}


@pytest.mark.parametrize("ring", [SUMS, LOGS, BEST], ids=["chances", "logarithms", "best"])
@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("scale", [0.0, 0.3, 20.0])
def test_pieces_of_any_chain_are_those_of_the_loop(chain, ring, scale, monkeypatch):
    torch.manual_seed(1)
    log_pi, log_a = torch.randn(3).double().log_softmax(0), CHAINS[chain].log_softmax(1)
    log_b, there = scale * torch.randn(700, 2, 3).double(), torch.ones(700, 2, dtype=torch.bool)
    found, counted = [], []
    heads = statepaths._heads
    monkeypatch.setattr(statepaths, "_heads", lambda *args: counted.append(1) or heads(*args))
    for few in (0, 10_000):
        monkeypatch.setattr(statepaths, "FEW", few)
        passed = forward(log_pi, log_a, log_b, ring)
        if ring is BEST:
            found.append((passed.a,))
        else:
            found.append((passed.log_p, *chances(passed, there)))
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-11)
    if chain == "forgets" and ring is not BEST:
        assert not counted
    if chain == "next to never" and scale < 1 and ring is SUMS:
        assert counted


def test_a_piece_that_begins_where_it_should_not_is_caught(monkeypatch):
    """A liar that takes any two beginnings for the same, of a chain that does not forget."""
    log_a = CHAINS["next to never"].log_softmax(1)
    log_b = 0.3 * torch.randn(700, 1, 3).double()
    truth = forward(log_a[0], log_a, log_b, SUMS).log_p
    monkeypatch.setattr(statepaths, "SAME", math.inf)
    lied = forward(log_a[0], log_a, log_b, SUMS).log_p
    assert (lied - truth).abs() > 1e-3
