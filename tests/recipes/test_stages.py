"""Recipes of several stages: they share the minutes of a run, and resume where they were."""

import time

import pytest
from games import Blob
from laws import rows_for

from genus.adversarial.games.adagan import AdaGAN
from genus.adversarial.games.gogan import GoGAN
from genus.recipes._stages import after, in_two, settled
from genus.recipes.adversarial.adagan import adagan
from genus.recipes.adversarial.gogan import gogan
from genus.recipes.diffusion.latent_diffusion import latent_diffusion
from genus.recipes.diffusion.rectified_flow import rectified_flow
from genus.train import artifact
from genus.train.fit import fit
from genus.train.run import Run


def begun(folder):
    """A folder that holds a run."""
    fit(Blob(), rows_for(Blob()), Run(rounds=1, out=folder, device="cpu"))


@pytest.mark.parametrize("parts", [(1, 0.75), (0.75, 1.0), (3, 1)])
def test_stages_share_minutes(parts):
    first, second = in_two(Run(minutes=7.0, lr=0.3), "first", parts, 0.1)
    assert first.minutes + second.minutes == pytest.approx(7)
    assert first.minutes / second.minutes == pytest.approx(parts[0] / parts[1])
    assert (first.rounds, second.rounds, first.lr) == (None, None, 0.3)
    assert second.lr == pytest.approx(0.03)


def test_stages_of_rounds_have_their_own():
    def rounds(run, parts):
        return tuple(part.rounds for part in in_two(run, "first", parts))

    assert rounds(Run(rounds=100), (1, 0.75)) == (100, 75)
    assert rounds(Run(rounds=1), (1, 0.4)) == (1, 1)
    assert rounds(Run(rounds=8), (0.0, 1)) == (0, 8)
    assert rounds(Run(rounds=0), (1, 0.75)) == (0, 0)


def test_a_resumed_run_finds_its_stage(tmp_path):
    run = Run(rounds=8, out=tmp_path / "run")
    first, second = in_two(run, "first", (1, 1))
    assert (first.out, first.resume, first.rounds) == (tmp_path / "run" / "first", False, 8)
    assert (second.out, second.resume) == (tmp_path / "run", False)
    resumed = Run(rounds=8, out=tmp_path / "run", resume=True)
    first, second = in_two(resumed, "first", (1, 1))  # and `fit` will say that there is nothing
    assert (first.resume, second.resume) == (True, False)
    begun(tmp_path / "run" / "first")
    first, second = in_two(resumed, "first", (1, 1))
    assert (first.resume, first.rounds, second.resume) == (True, 8, False)
    begun(tmp_path / "run")
    first, second = in_two(resumed, "first", (1, 1))  # longer than before or not, the first is over
    assert (first.resume, first.rounds, second.resume) == (True, 0, True)


def test_what_prepares_a_stage_is_of_its_time():
    assert after(Run(rounds=3), 0.0).rounds == 3
    left = after(Run(minutes=1.0), time.perf_counter() - 15).minutes
    assert left == pytest.approx(0.75, abs=0.01)
    assert after(Run(minutes=1.0), time.perf_counter() - 100).minutes == 0


def test_a_number_of_the_clock_is_kept(tmp_path):
    number, run = settled(Run(rounds=1, out=tmp_path / "x", device="cpu"), "pairs", lambda: 12)
    assert number == 12
    fit(Blob(), rows_for(Blob()), run)
    resumed = Run(rounds=1, out=tmp_path / "x", resume=True)
    assert settled(resumed, "pairs", lambda: 13)[0] == 12


def test_the_gans_of_a_mixture_share_the_minutes():
    model = adagan(
        components=3, width=8, run=Run(minutes=0.025, clock="processor", device="cpu", batch=32)
    )
    assert isinstance(model, AdaGAN)
    assert int(model.stage) == 2
    assert 0.5 < int(model.played) / (3 * model.rounds) < 2.5


def test_the_stages_of_a_gang_share_the_minutes(tmp_path):
    limits = {"minutes": 0.025, "clock": "processor", "batch": 32, "device": "cpu"}
    run = Run(**limits, out=tmp_path / "x", note={"a": 1})
    model = gogan(stages=3, width=8, run=run)
    assert isinstance(model, GoGAN)
    assert 1 < int(model.rounds) / model.length < 6
    assert artifact.read_config(tmp_path / "x")["stage"] == model.length
    assert gogan(length=7, width=8, run=Run(minutes=0.001, device="cpu")).length == 7


@pytest.mark.parametrize("recipe", [latent_diffusion, rectified_flow])
def test_two_models_share_the_minutes(tmp_path, recipe):
    minutes = 0.03 if recipe is latent_diffusion else 0.08  # a first block of pairs takes a while
    limits = {"minutes": minutes, "clock": "processor", "batch": 32, "device": "cpu"}
    run = Run(**limits, out=tmp_path / "run")
    small = {"width": 4} if recipe is rectified_flow else {"width": 16, "blocks": 1}
    recipe(run=run, **small)
    name = "first" if recipe is rectified_flow else "autoencoder"
    configs = [artifact.read_config(tmp_path / "run" / x) for x in (name, ".")]
    seconds = [config["training"]["seconds"] for config in configs]
    assert sum(seconds) < 1.25 * 60 * minutes
    assert all(config["training"]["rounds"] > 3 for config in configs)
    for folder in (tmp_path / "run" / name, tmp_path / "run"):
        assert list((folder / "samples").iterdir())
    on = Run(**limits, out=tmp_path / "run", resume=True)
    recipe(run=on, **small)
    again = artifact.read_config(tmp_path / "run" / name)["training"]
    assert again["rounds"] == configs[0]["training"]["rounds"]
