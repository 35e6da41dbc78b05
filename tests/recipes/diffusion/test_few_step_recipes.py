"""The recipes edm, flow_matching, rectified_flow, score_sde and consistency: short runs."""

from dataclasses import replace

import pytest
import torch

from genus.core import Pixels, Reals
from genus.data import load
from genus.diffusion import ConsistencyModel, Diffusion
from genus.functional.diffusion.paths import VE, VP, Cosine, LinearVE, Straight, SubVP
from genus.measure import evaluate
from genus.recipes.diffusion._denoisers import finest, reached
from genus.recipes.diffusion.consistency import consistency
from genus.recipes.diffusion.edm import edm
from genus.recipes.diffusion.flow_matching import flow_matching
from genus.recipes.diffusion.rectified_flow import rectified_flow
from genus.recipes.diffusion.score_sde import score_sde
from genus.train import artifact
from genus.train.run import Run

FEW = Run(rounds=3, batch=8, device="cpu")


@pytest.mark.parametrize("data", ["digits", "ring"])
@pytest.mark.parametrize("coupled", [False, True])
def test_flow_matching(data, coupled):
    model = flow_matching(data, coupled, width=4, evaluations=3, run=FEW)
    assert isinstance(model.path, Straight)
    assert (model.coupling is not None) == coupled
    model.space.check(model.sample(2), "flow_matching")


def test_edm_knows_how_wide_the_data_are():
    model = edm("ring", width=8, mean=-0.5, std=2.0, evaluations=5, churn=3.0, run=FEW)
    (x, *_) = load("ring").train.batch(0, 10_000, 0)
    assert abs(model.parametrisation.deviation - x.std().item()) < 1e-3
    assert (model.times.mean, model.times.std) == (-0.5, 2.0)
    assert (model.sampler.evaluations, model.sampler.churn) == (5, 3.0)


def test_edm_finds_all_modes_of_the_ring_in_seconds():
    ring = load("ring")
    model = edm(
        "ring", evaluations=21, run=Run(rounds=300, batch=128, lr=3e-3, ema=0.99, device="cpu")
    )
    figures = {figure.name: figure.value for figure in evaluate(model, ring)}
    assert figures["modes"] == 8
    assert figures["mode_kl"] < 0.1


@pytest.mark.parametrize(("kind", "path"), [("vp", VP), ("subvp", SubVP), ("ve", VE)])
def test_score_sde_takes_each_path(kind, path):
    model = score_sde(kind=kind, width=4, evaluations=5, corrections=2, snr=0.1, run=FEW)
    assert type(model.path) is path
    assert (model.sampler.corrections, model.sampler.snr) == (2, 0.1)
    model.space.check(model.sample(2), "score_sde")


def test_rectified_flow_keeps_its_first_round(tmp_path):
    run = replace(FEW, out=tmp_path)
    model = rectified_flow(pairs=20, ends=3, width=4, evaluations=1, run=run)
    first = artifact.load(tmp_path / "first")
    assert isinstance(first, Diffusion)
    assert model.sampler.evaluations == 1
    assert not all(
        torch.equal(a, b) for a, b in zip(model.parameters(), first.parameters(), strict=True)
    )


def test_consistency_keeps_its_teacher(tmp_path):
    model = consistency(width=4, times=5, evaluations=2, run=replace(FEW, out=tmp_path))
    teacher = artifact.load(tmp_path / "teacher", average=False)
    assert isinstance(model, ConsistencyModel)
    assert len(model.grid) == 5
    pairs = zip(model.teacher.parameters(), teacher.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    twin = artifact.load(tmp_path)
    torch.testing.assert_close(twin.teacher.net.state_dict(), model.teacher.net.state_dict())


def test_a_run_that_was_stopped_between_its_parts_goes_on(tmp_path):
    whole = rectified_flow(pairs=20, ends=3, width=4, run=replace(FEW, out=tmp_path / "whole"))
    flow_matching(width=4, run=replace(FEW, out=tmp_path / "cut" / "first"))
    run = replace(FEW, out=tmp_path / "cut", resume=True)
    rest = rectified_flow(pairs=20, ends=3, width=4, run=run)
    torch.testing.assert_close(rest.state_dict(), whole.state_dict())
    again = rectified_flow(pairs=20, ends=3, width=4, run=run)
    torch.testing.assert_close(again.state_dict(), whole.state_dict())


def test_consistency_from_data_alone():
    model = consistency("ring", distilled=False, width=8, decay=0.0, bound=0.1, run=FEW)
    assert model.teacher is None
    assert (model.decay, model.bound) == (0.0, 0.1)


def test_noise_below_a_quarter_of_a_bin_is_left_out():
    noise = finest(Pixels((1, 8, 8), 17))
    assert noise == 2 / 16 / 4
    assert finest(Reals((2,))) < noise
    for path in (VP(), Cosine(), Straight(), LinearVE()):
        t = torch.tensor(reached(path, noise), dtype=torch.float64)
        torch.testing.assert_close((path.sigma(t) / path.alpha(t)).item(), noise)
