"""Recipes of NADE, EoNADE and music: short runs on made data."""

import math
from dataclasses import replace

import pytest
import torch

from genus.data import load
from genus.recipes.autoregressive.eonade import eonade
from genus.recipes.autoregressive.made_mnist import made_mnist
from genus.recipes.autoregressive.nade import nade
from genus.recipes.autoregressive.rnnnade import rnnnade
from genus.recipes.autoregressive.rnnrbm import rnnrbm
from genus.train.run import Run

FEW = Run(rounds=100, batch=32, lr=0.02, device="cpu")
BITS = 16 * math.log(2)  # nats of bars, if they were noise


def nats(model) -> float:
    (x,) = load("bars").test.everything()
    with torch.no_grad():
        return -model.log_prob(x).mean().item()


def test_nade_takes_any_bits_in_any_order():
    assert nats(nade("bars", 8, run=FEW)) < BITS - 1
    other = nade("bars", 8, shuffled=True, decay=0.1, run=FEW)
    assert nats(other) < BITS - 1
    assert other.order.tolist() != list(range(16))


def test_eonade_mixes_as_many_orders_as_are_asked_for():
    model = eonade("bars", (32, 32), ensemble=3, rows=20, run=FEW)
    assert len(model.orders) == 3
    assert nats(model) < BITS - 1


def test_made_for_mnist_may_shuffle():
    model = made_mnist("bars", (32,), masks=2, shuffled=True, run=FEW)
    assert model.shuffled
    assert nats(model) < BITS


@pytest.mark.parametrize("recipe", [rnnnade, rnnrbm])
def test_music_learns_which_keys_there_are(recipe):
    data = load("chorale_toys")
    x, steps = data.test.everything()

    def score(model) -> float:
        known = model.log_prob if recipe is rnnnade else model.counted_log_prob
        return known(x, steps).sum().item() / steps.sum().item()

    start = recipe("chorale_toys", 8, 16, "elman", run=replace(FEW, rounds=0))
    model = recipe("chorale_toys", 8, 16, "elman", 0.1, 0.01, run=FEW)
    assert score(model) > score(start) + 20
    assert (model.dropout, model.cell) == (0.1, "elman")
