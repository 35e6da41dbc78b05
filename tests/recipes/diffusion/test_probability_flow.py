"""The recipe probability_flow: short runs on data of each fitting kind."""

from genus.density import Dequantised
from genus.diffusion import ProbabilityFlow, TimeMLP, UNet
from genus.functional.numerics.integrators import DormandPrince
from genus.recipes.diffusion.probability_flow import probability_flow
from genus.train.run import Run

FEW = Run(rounds=3, batch=8, device="cpu")


def test_on_vectors_it_has_a_density():
    model = probability_flow(width=8, tolerance=1e-2, run=FEW)
    assert isinstance(model, ProbabilityFlow)
    assert isinstance(model.model.net, TimeMLP)
    assert model.solver == DormandPrince(1e-2, 1e-2)
    assert "log_prob" in model.promises()
    model.space.check(model.sample(3), "sample")


def test_on_pixels_it_has_a_bound():
    model = probability_flow("digits", width=4, probes=2, dropout=0.1, tolerance=1e-1, run=FEW)
    assert isinstance(model, Dequantised)
    flow = model.density
    assert isinstance(flow, ProbabilityFlow)
    assert flow.probes == 2
    assert isinstance(flow.model.net, UNet)
    assert flow.model.net.dropout == 0.1
    assert {"elbo", "sample", "encode", "decode"} <= model.promises()
    model.space.check(model.sample(3), "sample")
