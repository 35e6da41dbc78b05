"""Models of a part of each row, given the rest: their runs are sampled, scored and measured as whole rows."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

import genus
from genus.cli.main import main
from genus.data import load

DATA = "portraits?size=16&rows=300"
FIT = {
    "colouriser": f"--data {DATA} --width 2 --hidden 4 --latent 2 --rounds 2 --batch 8",
    "conditional_vae": "--data digits --known upper --width 8 --latent 2 --rounds 2 --batch 8",
}


@pytest.fixture(params=FIT)
def run(request, tmp_path):
    """A run of a recipe, and its whole test rows."""
    at = tmp_path / "run"
    assert main(["fit", request.param, *FIT[request.param].split(), "--out", str(at)]) == 0
    model = genus.load(at)
    data = load(DATA if request.param == "colouriser" else "digits")
    return at, model, data.view_of(model.parting.space, None, "the test")


def test_samples_are_whole_and_keep_what_is_known(run, tmp_path):
    at, model, data = run
    out = tmp_path / "x.npy"
    assert main(["sample", str(at), "-n", "70", "--mean", "--out", str(out)]) == 0
    found = torch.from_numpy(np.load(out, allow_pickle=False))[:30]
    assert found.shape[1:] == model.parting.space.shape
    x = data.test.first(30)[0]
    known, kept = model.parting.apart(x)[1], model.parting.apart(found[: len(x)])[1]
    if kept.dim() == 4:  # lightness, but where a colour that no screen can show was cut off
        shown = found[: len(x)].abs().amax(1, keepdim=True) < 1
        assert shown.double().mean() > 0.5
        known, kept = known[shown], kept[shown]
    assert torch.allclose(kept, known, atol=1e-4)


def test_pictures_are_of_whole_rows(run, tmp_path):
    at, model, _ = run
    assert main(["sample", str(at), "-n", "1", "--out", str(tmp_path / "x.png")]) == 0
    with Image.open(tmp_path / "x.png") as image:
        assert image.size == model.parting.space.shape[1:][::-1]
    assert main(["sample", str(at), "-n", "3", "--out", f"{tmp_path}/some/"]) == 0
    assert len([*(tmp_path / "some").glob("*.png")]) == 3


def test_rows_are_scored_and_measured(run, tmp_path, capsys):
    at, _, data = run
    out = tmp_path / "scores.csv"
    source = DATA if data.space.shape[0] == 3 else "digits"
    assert main(["score", str(at), "--data", source, "--out", str(out)]) == 0
    with out.open() as file:
        rows = [*csv.DictReader(file)]
    assert len(rows) == len(data.test)
    assert all(np.isfinite(float(row["elbo"])) for row in rows)
    assert main(["evaluate", str(at), "--samples", "30", "--rows", "30"]) == 0
    assert "nll" in capsys.readouterr().out


def test_data_of_another_shape_are_refused(run, tmp_path, capsys):
    at, model, _ = run
    other = "portraits?size=32&rows=300"
    words = ["sample", str(at), "--data", other, "--out", str(tmp_path / "x.npy")]
    assert main(words) == 2
    assert f"{type(model).__name__} was made for" in capsys.readouterr().err
