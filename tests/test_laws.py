"""Every model of `models` against every law that its promises invoke."""

import pytest
import torch
from laws import LAWS, applies, sample
from models import MODELS, build

from genus.diffusion import RePaint, ways_back

CASES = [
    pytest.param(name, law, id=f"{name}-{law.__name__}")
    for name, make in MODELS.items()
    for model in [build(make)]  # each is built once
    for law in LAWS
    if applies(law, model)
]


@pytest.fixture(autouse=True)
def short_ways_back(monkeypatch):
    """A part is filled in 20 evaluations, where it takes 250: for these laws any number will do."""
    monkeypatch.setattr(ways_back, "REPAINT", RePaint(20))


@pytest.mark.parametrize(("name", "law"), CASES)
def test_law(name, law):
    model = build(MODELS[name])
    torch.set_default_dtype(torch.float64)
    torch.default_generator.manual_seed(1)
    law(model, *sample(model, 6))
