"""The recipe of FFJORD: what it makes, and that a few rounds of it learn."""

import pytest
import torch

from genus.data import load
from genus.flow import Continuous, Flow
from genus.functional.numerics.integrators import DormandPrince
from genus.recipes.flow.ffjord import ffjord
from genus.train.run import Run


def test_ffjord_learns():
    run = Run(rounds=30, batch=64, lr=1e-2, device="cpu")
    model = ffjord("moons", maps=2, width=16, tolerance=1e-3, run=run)
    assert isinstance(model, Flow)
    fields = [step for step in model.steps if isinstance(step, Continuous)]
    assert [field.solver for field in fields] == 2 * [DormandPrince(1e-3, 1e-3)]
    data = load("moons")
    (x,) = data.validation.everything()
    fresh = Flow(model.space, [model.steps[0], Continuous(type(fields[0].net)(2, 16))])
    with torch.no_grad():
        learnt, before = model.log_prob(x[:500]).mean(), fresh.log_prob(x[:500]).mean()
    assert learnt > before + 0.1


def test_only_vectors():
    with pytest.raises(ValueError, match="ffjord on digits"):
        ffjord("digits")
