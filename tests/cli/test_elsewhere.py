"""A run knows its data from wherever it is asked: paths are from the folder in which it was begun."""

import json

import numpy as np
import pytest

import genus
from genus.data.sources import there
from genus.media.origin import presentable


@pytest.fixture
def run(said, tmp_path, monkeypatch):
    """A run that was begun in a folder beside its data."""
    home = tmp_path / "home"
    home.mkdir()
    np.save(home / "x.npy", np.random.default_rng(0).normal(size=(200, 2)))
    monkeypatch.chdir(home)
    assert said("fit gaussian --data x.npy --out runs/m --progress false")[0] == 0
    return home / "runs/m"


def test_a_run_is_measured_and_resumed_from_another_folder(run, said, tmp_path, monkeypatch):
    code, before, _ = said(f"evaluate {run} --rows all --samples 50 --json")
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")
    np.save("x.npy", np.zeros((20, 5)))  # other data of that name
    found, now, _ = said(f"evaluate {run} --rows all --samples 50 --json")
    assert (code, found) == (0, 0)
    same = [f["value"] for f in json.loads(before) if f["name"] == "nll"]
    assert [f["value"] for f in json.loads(now) if f["name"] == "nll"] == same
    assert said(f"evaluate {run} --data.layout first")[0] == 2  # its data are looked at
    assert said(f"fit --resume --out {run} --progress false")[0] == 0
    assert said(f"sample {run} --out x.png")[0] == 0
    note = json.dumps(genus.media.read_note("x.png"))
    assert str(tmp_path) not in note
    assert "../" not in note
    monkeypatch.chdir(run.parent.parent)
    assert said(f"evaluate {run} --rows 20 --samples 50")[0] == 0


def test_a_folder_that_moved_with_its_data_still_finds_them(run, said, tmp_path, monkeypatch):
    (tmp_path / "home").rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    assert said("evaluate moved/runs/m --rows 20 --samples 50")[0] == 0
    (tmp_path / "moved/x.npy").rename(tmp_path / "moved/z.npy")
    code, _, err = said("evaluate moved/runs/m --rows 20 --samples 50")
    assert (code, "there is no file or folder 'x.npy'" in err) == (2, True)


def test_names_options_and_patterns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "far/digits").mkdir(parents=True)
    (tmp_path / "far/a.png").touch()
    assert there("digits", tmp_path / "far") == "digits"
    assert there("./digits?size=8", tmp_path / "far") == "far/digits?size=8"
    assert there("*.png", tmp_path / "far") == "far/*.png"
    assert there("*.gif", tmp_path / "far") == "*.gif"
    assert there("far/a.png", tmp_path) == "far/a.png"
    assert there(str(tmp_path / "far/a.png"), tmp_path) == str(tmp_path / "far/a.png")


def test_a_path_out_of_the_folder_is_told_by_its_name():
    assert presentable("../../home/me/run") == "run"
    assert presentable(["--out=../../me/x.png", "../d?size=8"]) == ["--out=x.png", "d?size=8"]
