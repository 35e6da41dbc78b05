"""Every model against every law that its promises invoke. A new model is one new line here."""

import pytest
import torch
from laws import LAWS, applies, sample

MODELS = {}


def build(make):
    """A tiny model of float64, its parameters away from where they start."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    model = make()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    torch.set_default_dtype(before)
    return model.eval()


CASES = [
    pytest.param(name, law, id=f"{name}-{law.__name__}")
    for name, make in MODELS.items()
    for law in LAWS
    if applies(law, build(make))
]


@pytest.mark.parametrize(("name", "law"), CASES)
def test_law(name, law):
    model = build(MODELS[name])
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    law(model, *sample(model, 6))
