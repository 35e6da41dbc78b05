"""The recipes of flows on images: they build what they are told, and learn in seconds."""

import pytest
import torch
from torch import nn

from genus.core import Classes, Pixels
from genus.data import load
from genus.flow import ActNorm, ConvCoupling, Dequantiser, Glow
from genus.measure import scores
from genus.recipes.flow.glow import glow
from genus.recipes.flow.idf import idf
from genus.train.run import Run

FEW = Run(rounds=2, batch=16, device="cpu")


def test_glow_is_prepared_and_begins_below_independent_pixels():
    model = glow(levels=1, depth=2, width=8, dropout=0.25, run=FEW)
    assert model.space == Pixels((1, 8, 8), 17)
    (found,) = [m for m in model.modules() if isinstance(m, Glow)]
    assert (found.levels, found.depth, found.width, found.context) == (1, 2, 8, 0)
    assert {m.p for m in model.modules() if isinstance(m, nn.Dropout)} == {0.25}
    norms = [m for m in model.modules() if isinstance(m, ActNorm)]
    assert norms[0].log_scale.abs().max() > 0.1
    assert scores(load("digits").validation)(model)["nats"] < 145


def test_glow_of_classes_with_noise_that_looks():
    model = glow(depth=1, width=8, variational=True, classes=True, run=FEW)
    assert model.context_space is not None
    assert model.context_space == Classes(10)
    assert isinstance(model.dequantiser, Dequantiser)
    seen = {m.context for m in model.density.modules() if isinstance(m, ConvCoupling)}
    assert seen == {10}
    label = torch.arange(10)
    x = model.sample(context=label)
    model.space.check(x, "sample")
    assert model.elbo(x, label).isfinite().all()


def test_glow_wants_images():
    with pytest.raises(ValueError, match=r"glow on moons: space is Reals.*Pixels of \(channels"):
        glow("moons", run=FEW)
    with pytest.raises(ValueError, match="classes or nothing are wanted"):
        glow("digits_pairs", run=FEW)


def test_idf():
    model = idf(scales=1, couplings=2, width=4, components=3, dropout=0.5, run=FEW)
    assert (model.scales, model.couplings, model.width) == (1, 2, 4)
    assert (model.components, model.dropout) == (3, 0.5)
    quick = Run(rounds=60, batch=64, lr=1e-2, device="cpu")
    model = idf(scales=2, couplings=0, width=16, run=quick)
    assert scores(load("digits").validation)(model)["nats"] < 145
