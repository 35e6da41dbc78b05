"""Every model of `models` against every law that its promises invoke."""

import pytest
import torch
from laws import LAWS, applies, sample
from models import MODELS, build

CASES = [
    pytest.param(name, law, id=f"{name}-{law.__name__}")
    for name, make in MODELS.items()
    for model in [build(make)]  # each is built once
    for law in LAWS
    if applies(law, model)
]


@pytest.mark.parametrize(("name", "law"), CASES)
def test_law(name, law):
    model = build(MODELS[name])
    torch.set_default_dtype(torch.float64)
    torch.default_generator.manual_seed(1)
    law(model, *sample(model, 6))
