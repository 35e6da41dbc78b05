"""The recipe of clouds of points: a few rounds with either kind of flow."""

import pytest
import torch

from genus.core import Reals
from genus.data import load
from genus.flow import Continuous, Coupling
from genus.measure import evaluate
from genus.measure.likelihood.likelihood import Effort
from genus.recipes.flow.pointflow import pointflow
from genus.train import artifact
from genus.train.run import Run


def bound(model, x):
    torch.manual_seed(0)
    with torch.no_grad():
        return torch.stack([model.elbo(x) for _ in range(4)]).mean().item()


@pytest.mark.parametrize(("continuous", "kind"), [(False, Coupling), (True, Continuous)])
def test_a_few_rounds_raise_the_bound(continuous, kind, tmp_path):
    few = Run(rounds=0, device="cpu")
    settings = {"latent": 4, "maps": 1, "width": 16, "scored": 32, "continuous": continuous}
    fresh = pointflow("boxes", **settings, run=few)
    out = Run(rounds=40, batch=8, lr=2e-2, device="cpu", out=tmp_path / "run")
    model = pointflow("boxes", **settings, run=out)
    assert model.space == Reals((512, 3))
    assert any(isinstance(step, kind) for step in model.steps)
    x = load("boxes").test.everything()[0][:4]
    assert bound(model, x) > bound(fresh, x) + 30
    assert (tmp_path / "run" / "samples").is_dir()
    assert torch.equal(artifact.load(tmp_path / "run").even, model.even)


def test_evaluate_compares_clouds():
    settings = {"latent": 2, "maps": 1, "width": 8}
    model = pointflow("ellipsoids", **settings, run=Run(rounds=0, device="cpu"))
    effort = Effort(draws=1, importance=1)
    figures = {f.name: f for f in evaluate(model, load("ellipsoids"), samples=12, effort=effort)}
    assert {"mmd", "coverage", "one_nn"} <= set(figures)
    assert figures["one_nn"].protocol["samples"] == 12
    assert figures["one_nn"].value > 0.9  # it has learnt nothing


def test_vectors_are_no_clouds():
    with pytest.raises(ValueError, match=r"pointflow on moons: space is .*Reals of \(points, d\)"):
        pointflow("moons")
