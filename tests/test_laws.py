"""Every model against every law that its promises invoke. A new model is one new line here."""

import pytest
import torch
from laws import LAWS, applies, sample

from genus.core import Bits, Pixels, Reals, Tokens
from genus.density import Dequantised, Gaussian, GaussianMixture, Table
from genus.energy import RBM

MODELS = {
    "table": lambda: Table(Tokens(3, 2), smoothing=0.5),
    "gaussian": lambda: Gaussian(Reals((3,))),
    "mixture": lambda: GaussianMixture(Reals((2,)), components=3, tolerance=-1),
    "mixture-diagonal": lambda: GaussianMixture(Reals((2,)), components=3, covariance="diagonal"),
    "dequantised": lambda: Dequantised(Gaussian(Reals((2,))), Pixels((2,), 4), squeeze=1e-3),
    "rbm": lambda: RBM(Bits((2, 2)), hidden=3, chains=5, burn_in=20),
    "rbm-cd": lambda: RBM(Bits((4,)), hidden=3, steps=2, chains=0, burn_in=20),
}


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
