"""The same command with --resume goes on after any end: before the first file, and in the first of two stages."""

import pytest
import torch

from genus.cli.main import main
from genus.train import artifact
from genus.train.keeping.state import STATE

SHORT = "--rounds 3 --batch 16 --progress false --device cpu"


def run(words, out):
    return main([*f"fit {words} {SHORT} --out {out} --resume".split()])


def test_a_new_folder_begins_and_says_so(said, tmp_path):
    code, _, err = said(f"fit vae --latent 2 {SHORT} --out {tmp_path}/new/x --resume")
    assert code == 0
    assert f"there is no run in {tmp_path}/new/x yet: it begins" in err
    code, _out, err = said(f"fit --resume --out {tmp_path}/none")
    assert (code, f"there is no run in {tmp_path}/none yet; name a recipe" in err) == (2, True)
    assert not (tmp_path / "none").exists()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("named", [True, False])
def test_a_run_killed_before_its_artifact_goes_on(tmp_path, named):
    assert run("vae --latent 2", tmp_path / "whole") == 0
    assert run("vae --latent 2", tmp_path / "cut") == 0
    for path in (tmp_path / "cut").iterdir():
        if path.name != STATE and path.is_file():
            path.unlink()
    words = "fit vae" if named else "fit"
    assert main(f"{words} --resume --progress false --out {tmp_path}/cut".split()) == 0
    assert artifact.weights_hash(tmp_path / "cut") == artifact.weights_hash(tmp_path / "whole")


@pytest.mark.filterwarnings("ignore")
def test_a_run_killed_in_its_first_stage_goes_on(tmp_path, monkeypatch):
    words = "consistency --data ring --width 8"
    assert run(words, tmp_path / "whole") == 0

    class Killed(BaseException):
        pass

    def kill(*args, **options):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("genus.recipes.diffusion.consistency.fitted", kill)
        with pytest.raises(Killed):
            run(words, tmp_path / "cut")
    assert not (tmp_path / "cut" / STATE).exists()
    assert (tmp_path / "cut" / "teacher" / STATE).exists()
    assert main(f"fit --resume --progress false --out {tmp_path}/cut".split()) == 0
    assert artifact.weights_hash(tmp_path / "cut") == artifact.weights_hash(tmp_path / "whole")
    assert torch.is_grad_enabled()


def test_another_setting_is_refused_or_accepted(said, tmp_path):
    assert run("vae --latent 2", tmp_path / "x") == 0
    code, _, err = said(
        f"fit vae --lr 0.003 --rounds 6 --out {tmp_path}/x --resume --progress false"
    )
    assert code == 2
    assert "had another lr, rounds" in err
    assert "--accept-change goes on" in err
    code, _, err = said(
        f"fit vae --lr 0.003 --rounds 6 --out {tmp_path}/x --resume --accept-change --progress false"
    )
    assert code == 0, err
    assert "goes on where other things have changed: lr was" in err
    code, _, err = said(f"fit vae --seed 9 --rounds 8 --out {tmp_path}/x --resume --progress false")
    assert (code, "had another seed" in err) == (2, True)  # what was accepted once is asked again
