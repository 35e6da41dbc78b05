"""Recipes of densities, energies and autoregressive models: short runs on data of each fitting kind."""

import math
import shutil
from dataclasses import replace
from functools import partial

import pytest
import torch

from genus.core import Bits, Pixels, Reals, Tokens
from genus.data import load
from genus.measure import scores
from genus.recipes.autoregressive.made import made
from genus.recipes.autoregressive.made_mnist import made_mnist
from genus.recipes.density.gaussian import gaussian
from genus.recipes.density.gmm import gmm
from genus.recipes.density.table import table
from genus.recipes.energy.dbm import dbm
from genus.recipes.energy.dbn import dbn
from genus.recipes.energy.rbm import rbm
from genus.train.run import Run

FEW = Run(rounds=20, batch=32, lr=0.01, device="cpu")


def nats(model, data) -> float:
    torch.manual_seed(0)
    return scores(data.test)(model)["nats"]


def test_gaussian_and_mixture_on_pixels():
    data = load("digits")
    bit = math.log(2) * 64
    one, many = nats(gaussian(), data) / bit, nats(gmm(), data) / bit
    assert one == pytest.approx(2.93, abs=0.02)
    assert many == pytest.approx(2.6, abs=0.05)
    assert nats(gaussian(covariance="diagonal"), data) / bit > one


def test_gaussian_and_mixture_on_the_plane():
    moons = load("moons")
    one, many = gaussian("moons"), gmm("moons", components=30, covariance="full")
    assert many.space == Reals((2,))
    (x,) = moons.test.everything()
    truth = moons.log_prob(x).mean()
    assert 0 < truth - many.log_prob(x).mean() < 0.04 < truth - one.log_prob(x).mean()


def test_table_on_what_can_be_counted():
    bars = load("bars")
    assert nats(table(), bars) == pytest.approx(bars.entropy, abs=0.03)


def test_rbm_takes_pixels_as_bits_and_bits_as_they_are():
    model = rbm(hidden=5, run=FEW)
    assert model.space == Bits((1, 8, 8))
    assert nats(model, load("digits").binarised()) < 40
    assert rbm("bars", hidden=5, chains=0, run=FEW).space == Bits((1, 4, 4))


def test_rbm_takes_numbers_and_tokens():
    model = rbm("moons", hidden=20, steps=3, run=FEW)
    assert model.space == Reals((2,))
    assert isinstance(rbm("grammar", hidden=5, run=FEW).space, Tokens)


@pytest.mark.parametrize(
    "make",
    [partial(dbn, hidden=(8, 6)), partial(dbn, hidden=(8, 6, 5)), partial(dbm, hidden=(8, 6))],
)
def test_deep_machines_learn_bits_in_stages(make, tmp_path):
    """The last stage's folder holds the others, and a run that is over resumes to what it was."""
    run = replace(FEW, out=tmp_path / "run")
    model = make(run=run)
    assert nats(model, load("digits").binarised()) < 44
    again = make(run=replace(run, resume=True))
    for one, other in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    stages = {path.name for path in (tmp_path / "run").iterdir() if path.is_dir()}
    assert stages & {"layer1", "start"}


@pytest.mark.parametrize(
    ("make", "stages"),
    [
        (partial(dbn, hidden=(8, 6, 5)), ("layer1", "layer2")),
        (partial(dbm, hidden=(8, 6)), ("start",)),
    ],
)
def test_a_deep_machine_that_was_killed_between_its_stages_goes_on(make, stages, tmp_path):
    whole = make(run=replace(FEW, out=tmp_path / "whole"))
    for done in range(len(stages) + 1):
        out = tmp_path / f"killed{done}"
        out.mkdir()
        for stage in stages[:done]:
            shutil.copytree(tmp_path / "whole" / stage, out / stage)
        again = make(run=replace(FEW, out=out, resume=True))
        for one, other in zip(
            whole.state_dict().values(), again.state_dict().values(), strict=True
        ):
            assert torch.equal(one, other)


def test_made_takes_pixels_and_bits():
    pixels = made(hidden=(32,), masks=2, run=FEW)
    assert pixels.space == Pixels((1, 8, 8), 17)
    start = math.log(17) * 64
    assert nats(pixels, load("digits")) < start - 20
    assert nats(made("bars", hidden=(32,), masks=1, run=FEW), load("bars")) < 16 * math.log(2)


def test_made_for_mnist_takes_any_bits():
    assert nats(made_mnist("bars", hidden=(32,), run=FEW), load("bars")) < 16 * math.log(2)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: gaussian("bars"), "Gaussian: space is Bits.*Reals are wanted"),
        (lambda: gmm("bars"), "GaussianMixture: space is Bits.*Reals are wanted"),
        (lambda: table("digits"), "at most 4194304 are wanted"),
        (lambda: dbn("moons"), "only Pixels can be binarised"),
        (lambda: dbn(hidden=(5,)), "layers is 1; at least 2"),
        (lambda: made("moons"), "MADE: space is Reals.*Bits, Pixels or Tokens are wanted"),
    ],
)
def test_data_of_another_kind_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()
