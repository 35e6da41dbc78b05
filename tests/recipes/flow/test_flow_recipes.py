"""The recipes of flows on vectors: they build what they are told, and learn in seconds."""

import pytest
import torch

from genus.core import Model, Reals
from genus.data import load
from genus.flow import Autoregressive, Flow, Inverse, Planar, Radial, Residual, Standard
from genus.measure import scores
from genus.recipes.flow.iaf import iaf
from genus.recipes.flow.maf import maf
from genus.recipes.flow.nice import nice
from genus.recipes.flow.nsf import nsf
from genus.recipes.flow.planar import planar
from genus.recipes.flow.radial import radial
from genus.recipes.flow.residual_flow import residual_flow
from genus.train.run import Run

FEW = Run(rounds=40, batch=64, lr=5e-3, ema=0.9, device="cpu")
MORE = Run(rounds=200, batch=64, lr=1e-2, ema=0.9, device="cpu")


def nats(model: Model) -> float:
    torch.manual_seed(0)
    return scores(load("moons").validation)(model)["nats"]


@pytest.mark.parametrize(
    ("make", "kind", "count"),
    [
        (lambda: iaf(maps=3, width=16, run=FEW), Inverse, 3),
        (lambda: maf(maps=3, width=16, run=FEW), Autoregressive, 3),
        (lambda: planar(bends=5, run=MORE), Planar, 5),
        (lambda: radial(swellings=5, run=MORE), Radial, 5),
        (lambda: residual_flow(blocks=2, width=16, bound=0.8, run=FEW), Residual, 2),
        (lambda: nice(couplings=4, width=16, run=FEW), Standard, 2),
        (lambda: nsf("moons", autoregressive=True, maps=2, width=16, run=FEW), Autoregressive, 2),
    ],
    ids=["iaf", "maf", "planar", "radial", "residual_flow", "nice", "nsf"],
)
def test_it_is_built_as_told_and_begins_to_learn(make, kind, count):
    model = make()
    assert isinstance(model, Flow)
    assert model.space == Reals((2,))
    assert sum(isinstance(step, kind) for step in model.steps) == count
    untrained = Flow(model.space, [Standard((2,))])
    untrained.prepare(*load("moons").train.batch(0, 10_000, 0))
    assert nats(model) < nats(untrained) - 0.02


def test_options_of_residual_flows_arrive():
    model = residual_flow(blocks=1, width=8, depth=1, bound=0.7, roulette=True, run=FEW)
    (block,) = [m for m in model.modules() if isinstance(m, Residual)]
    assert (block.hidden, block.bound, block.roulette) == ((8,), 0.7, True)


@pytest.mark.parametrize("recipe", [iaf, planar, radial, residual_flow])
def test_pictures_are_refused(recipe):
    with pytest.raises(
        ValueError, match=rf"{recipe.__name__} on digits: space is Pixels.*Reals of \(d\)"
    ):
        recipe("digits", run=FEW)
