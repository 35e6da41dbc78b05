"""A run on vectors of a user's file: it learns standard numbers, and every door speaks the file's units."""

import csv
import json
import math

import numpy as np
import pytest

from genus.data import load

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


def test_a_run_on_numbers_as_they_are_reads_others_so(rows, tmp_path, said):
    out, other = tmp_path / "run", tmp_path / "y.npy"
    said(f"fit gaussian --data {rows} --data.standardise false --out {out}")
    np.save(other, np.load(rows)[::-1])
    for command in (f"evaluate {out} --json", f"evaluate {out} --data {other} --json"):
        code, told, err = said(command)
        assert (code, err) == (0, "")
        figures = {one["name"]: one["value"] for one in json.loads(told)}
        assert figures["nll"] == pytest.approx(nats(np.load(rows)), abs=0.5)
    np.savetxt(tmp_path / "y.csv", np.load(rows), delimiter=",")
    code, _, err = said(f"evaluate {out} --data {tmp_path}/y.csv")
    assert code == 2
    assert "has learnt numbers as they are, and those of a table are put on scales" in err


def test_the_scales_of_the_run_hold_whatever_the_address_says(rows, tmp_path, said):
    out = tmp_path / "run"
    said(f"fit gaussian --data {rows} --out {out}")
    _, told, _ = said(f"evaluate {out} --data {rows}?standardise=false --json")
    figures = {one["name"]: one["value"] for one in json.loads(told)}
    assert figures["nll"] == pytest.approx(nats(np.load(rows)), abs=0.5)


def test_a_table_with_a_header_is_read_by_the_places_of_its_columns(rows, tmp_path, said):
    out, table = tmp_path / "run", tmp_path / "y.csv"
    said(f"fit gaussian --data {rows} --out {out}")
    np.savetxt(table, np.load(rows), delimiter=",", header="a,b,c", comments="")
    scores = tmp_path / "scores.csv"
    assert said(f"score {out} --data {table} --out {scores}")[0] == 0
    found = [float(line["log_p"]) for line in csv.DictReader(scores.open())]
    assert -np.mean(found) == pytest.approx(nats(np.load(rows)), abs=0.2)


def test_a_table_whose_header_is_numbers_is_a_table(tmp_path, said):
    x = np.random.default_rng(0).normal(size=(90, 2))
    np.savetxt(tmp_path / "y.csv", x, delimiter=",", header="0,1", comments="")
    data = load(tmp_path / "y.csv")
    assert not data.columns.of_array
    assert "standard" not in repr(data)


def test_drawn_numbers_are_in_units_beside_given_ones(rows, tmp_path, said):
    table, out = tmp_path / "t.csv", tmp_path / "run"
    x = np.load(rows)
    np.savetxt(table, x, delimiter=",", header="a,b,c", comments="", fmt="%.17g")
    code, _, err = said(f"fit maf --data {table} --data.given c --rounds 3 --batch 32 --out {out}")
    assert (code, "failure" in err) == (0, False)
    drawn = tmp_path / "drawn.npy"
    assert said(f"sample {out} -n 50 --out {drawn}")[0] == 0
    assert np.abs(np.load(drawn).mean(0) - MEAN[:2]) / DEVIATION[:2] == pytest.approx(0, abs=3)
