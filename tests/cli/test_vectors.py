"""A run on vectors of a user's file: it learns standard numbers, and every door speaks the file's units."""

import csv
import json
import math

import numpy as np
import pytest
import torch

MEAN, DEVIATION = np.array([1000.0, -5.0, 0.0]), np.array([300.0, 1e-3, 20.0])


@pytest.fixture
def rows(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(400, 3)) * DEVIATION + MEAN)
    return tmp_path / "x.npy"


def nats(x):
    """Mean -log density of rows under the normal that they come from."""
    z = (x - MEAN) / DEVIATION
    return (np.square(z).sum(1) / 2 + np.log(DEVIATION).sum() + 1.5 * math.log(2 * math.pi)).mean()


def test_every_door_speaks_the_units_of_the_file(rows, tmp_path, said):
    out = tmp_path / "run"
    assert said(f"fit gaussian --data {rows} --out {out}")[0] == 0
    drawn = tmp_path / "drawn.npy"
    assert said(f"sample {out} -n 2000 --out {drawn}")[0] == 0
    x = np.load(drawn)
    assert np.abs(x.mean(0) - MEAN) / DEVIATION == pytest.approx(0, abs=0.2)
    assert x.std(0) / DEVIATION == pytest.approx(1, abs=0.1)

    scores = tmp_path / "scores.csv"
    assert said(f"score {out} --data {drawn} --out {scores}")[0] == 0
    found = [float(line["log_p"]) for line in csv.DictReader(scores.open())]
    assert -np.mean(found) == pytest.approx(nats(x), abs=0.1)

    code, told, _ = said(f"evaluate {out} --json")
    assert code == 0
    figures = {one["name"]: one["value"] for one in json.loads(told)}
    assert figures["nll"] == pytest.approx(nats(x), abs=0.5)


def test_other_rows_are_on_the_scales_of_the_run(rows, tmp_path, said):
    """Rows that lie two deviations off are so: they are not standardised by themselves."""
    out = tmp_path / "run"
    said(f"fit gaussian --data {rows} --out {out}")
    x = np.load(rows)
    np.save(tmp_path / "far.npy", x + 2 * DEVIATION)
    _, told, _ = said(f"evaluate {out} --data {tmp_path}/far.npy --json")
    figures = {one["name"]: one["value"] for one in json.loads(told)}
    assert figures["nll"] == pytest.approx(nats(x + 2 * DEVIATION), abs=1.5)
    assert figures["nll"] > nats(x) + 4


@pytest.mark.parametrize("recipe", ["maf", "vae_mlp", "ddpm", "gan"])
def test_what_failed_on_raw_numbers_trains(recipe, rows, tmp_path, said):
    """Of numbers as they are, losses were endless, or 1e6, in the first rounds."""
    out = tmp_path / "run"
    line = f"fit {recipe} --rounds 20 --batch 64 --log-every 20 --data {rows} --out {out}"
    assert said(line)[0] == 0
    losses = json.loads((out / "metrics.jsonl").read_text().splitlines()[0])
    assert all(abs(v) < 100 for k, v in losses.items() if "/" in k)


def test_a_single_picture_is_in_units_too(rows, tmp_path, said, monkeypatch):
    """The scatter plot of vectors in the plane has the axes of the file."""
    two = tmp_path / "two.npy"
    np.save(two, np.load(rows)[:, :2])
    out = tmp_path / "run"
    said(f"fit gaussian --data {two} --out {out}")
    seen = []

    def scatter(x, *more):
        seen.append(x)
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr("genus.media.pictures.scatter", scatter)
    monkeypatch.setattr("genus.cli.work.sampling.scatter", scatter)
    assert said(f"sample {out} -n 50 --out {tmp_path}/x.png")[0] == 0
    assert torch.as_tensor(seen[0]).mean(0)[0].item() == pytest.approx(1000, rel=0.3)
