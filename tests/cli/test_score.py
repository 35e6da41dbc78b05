"""genus score: a line for each row of a file, in its order, also when the training file is gone."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

import genus
from genus.cli.main import main
from genus.measure.anomalies import reference
from genus.train.note import kept_meaning

SHORT = "--batch 32 --progress false"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Runs of a table and of pictures, whose data are gone."""
    folder, noise = tmp_path_factory.mktemp("home"), np.random.default_rng(0)
    x = noise.normal(size=(600, 2)) @ [[1.0, 0.9], [0.0, 0.3]]
    np.savetxt(folder / "table.csv", x, delimiter=",", header="a,b", comments="")
    (folder / "photos").mkdir()
    for i in range(300):
        levels = noise.integers(100, 156, size=(8, 8), dtype=np.uint8)
        Image.fromarray(levels).save(folder / f"photos/{i:03}.png")
    runs = (
        f"gaussian --data {folder}/table.csv --out {folder}/table",
        f"vae --data {folder}/photos --rounds 20 --out {folder}/vae",
        f"gatedpixelcnn --data digits --classes true --width 8 --layers 2 --rounds 2 --out {folder}/classes",
        f"gan --data moons --rounds 2 --out {folder}/gan",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "SHORTEST", 60.0)  # a busy machine scores all validation rows, too
        for line in runs:
            assert main([*f"fit {line} {SHORT}".split()]) == 0
    (folder / "table.csv").unlink()
    (folder / "photos").rename(folder / "elsewhere")
    return folder


@pytest.fixture
def scored(said, tmp_path):
    """Scores rows; returns the lines of the file, and what was said."""

    def run(folder, data, *more):
        out = tmp_path / "scores.csv"
        code, printed, err = said("score", folder, "--data", data, "--out", out, *more)
        assert code == 0, err
        assert printed == f"{out}\n"
        with out.open(newline="") as file:
            return [*csv.DictReader(file)], err

    return run


def test_outliers_of_a_table_are_found_without_the_training_file(home, scored, tmp_path):
    x = np.random.default_rng(1).normal(size=(300, 2)) @ [[1.0, 0.9], [0.0, 0.3]]
    x[::100] = [[-2, 2], [2, -2], [0, 3]]
    np.savetxt(tmp_path / "new.csv", x, delimiter=",")
    rows, err = scored(home / "table", tmp_path / "new.csv")
    assert list(rows[0]) == ["row", "log_p", "quantile", "reason"]
    assert [row["row"] for row in rows] == [str(i) for i in range(300)]
    model = genus.load(home / "table")
    columns = kept_meaning(home / "table", model).columns
    mean, deviation = (
        np.array([getattr(column.scale, name) for column in columns.columns])
        for name in ("mean", "deviation")
    )
    z = (x - mean) / deviation  # the units of the file are those of x
    truth = model.score_samples(z.astype(np.float32)) - np.log(deviation).sum()
    assert np.allclose([float(row["log_p"]) for row in rows], truth, rtol=1e-4)
    order = sorted(rows, key=lambda row: float(row["log_p"]))
    assert {row["row"] for row in order[:3]} == {"0", "100", "200"}
    assert all(float(row["quantile"]) < 0.02 for row in order[:3])
    odder = np.array([float(row["quantile"]) for row in rows])
    assert abs(odder.mean() - 0.5) < 5 * (1 / 12 / 60 + 1 / 12 / 300) ** 0.5
    assert "log_p: log p, exact, in nats" in err
    assert "quantile: the share of 60 validation rows that are odder" in err


def test_each_row_keeps_its_place_and_has_its_reason(home, scored, tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n0,0\n1,?\n1e99,0\n0,0\n")
    rows, err = scored(home / "table", tmp_path / "x.csv")
    assert [row["log_p"] == "" for row in rows] == [False, True, True, False]
    assert rows[0] | {"row": "3"} == rows[3]
    assert [row["reason"] for row in rows[1:3]] == [
        "b is missing, as it is in no row of the training table",
        "has values that are not finite",
    ]
    assert "2 of 4 rows could not be read; the column reason says why" in err


def test_pictures_have_errors_and_belong_to_themselves(home, scored, tmp_path):
    rows, err = scored(home / "vae", home / "elsewhere")
    assert list(rows[0]) == ["file", "elbo", "standard_error", "quantile", "reason"]
    assert [row["file"] for row in rows] == [f"{i:03}.png" for i in range(300)]
    assert "importance-weighted bound of log p, in nats; 16 draws for each row" in err
    alone, _ = scored(home / "vae", home / "elsewhere/017.png")
    assert alone == [rows[17]]
    Image.new("L", (9, 8)).save(tmp_path / "odd.png")
    odd, _ = scored(home / "vae", tmp_path / "*.png")
    assert (odd[0]["reason"], odd[0]["elbo"]) == ("is 9x8; 8x8 is wanted", "")
    raw, err = scored(home / "vae", home / "elsewhere", "--raw")
    assert raw[0]["elbo"] != rows[0]["elbo"]
    assert raw[0]["quantile"] == ""
    assert "the column quantile stays empty" in err


def test_what_is_too_simple_is_told_and_mended(home, scored, tmp_path):
    Image.new("L", (8, 8), 128).save(tmp_path / "plain.png")
    rows, err = scored(home / "vae", tmp_path / "*.png")
    assert float(rows[0]["quantile"]) == 1
    assert "1 of 1 rows are likelier than 99% of the validation rows: a likelihood ranks" in err
    (row,), _ = scored(home / "vae", tmp_path / "*.png", "--by", "typicality")
    assert float(row["typicality"]) > 3
    assert float(row["quantile"]) == 0
    (row,), err = scored(home / "vae", tmp_path / "*.png", "--by", "complexity")
    assert float(row["quantile"]) < 0.5
    assert float(row["ratio"]) == float(row["elbo"]) + float(row["complexity"])
    assert "are likelier" not in err


def test_classes_are_mixed_unless_labels_are_given(home, scored):
    rows, err = scored(home / "classes", "digits")
    assert "mixed over the classes by their training shares" in err
    assert "digits: the 300 rows of its test split" in err
    model, data = genus.load(home / "classes"), genus.data.load("digits")
    x, labels = data.test.everything()[0][:4], data.test.labels
    each = np.stack([model.score_samples(x, np.full(4, c)) for c in range(10)])
    shares = np.array(data.labelled().recorded().shares)
    mixed = np.log((np.exp(each - each.max()) * shares[:, None]).sum(0)) + each.max()
    assert np.allclose([float(row["log_p"]) for row in rows[:4]], mixed)
    told, err = scored(home / "classes", "digits", "--labels", "--split", "test")
    assert "given the labels" in err
    assert np.allclose([float(row["log_p"]) for row in told[:4]], each[labels[:4], range(4)])


def test_a_reference_is_found_once_where_the_data_are_there(home, scored):
    scored(home / "classes", "digits", "--labels")
    kept = json.loads((home / "classes/quantiles.json").read_text())
    assert {key.split(maxsplit=1)[1] for key in kept} == {"exact", "exact, labelled"}
    assert {one["rows"] for one in kept.values()} == {200}


def test_a_saved_model_scores_arrays(home, scored, tmp_path):
    genus.save(genus.load(home / "table"), tmp_path / "saved")
    np.save(tmp_path / "x.npy", np.zeros((2, 2)))
    rows, err = scored(tmp_path / "saved", tmp_path / "x.npy")
    truth = genus.load(home / "table").score_samples(np.zeros((2, 2)))
    assert [float(row["log_p"]) for row in rows] == truth.tolist()
    assert {row["quantile"] for row in rows} == {""}
    assert "keeps nothing of its data: rows are read as Reals(shape=(2,))" in err


def test_what_cannot_be_scored_is_refused(home, said, tmp_path):
    out = f"--out {tmp_path}/x.csv"
    for line, sentence in {
        f"{home}/gan --data moons {out}": "GAN cannot say how likely a row is; a model with log_prob",
        f"{home}/table --data gone.csv {out}": "there is no file or folder 'gone.csv'",
        f"{home}/table --data {home}/elsewhere {out}": "holds pictures; rows of Reals",
        f"{home}/table --data moons --out {tmp_path}/x.txt": "a .csv file is wanted",
        f"{home}/table --data moons --labels {out}": "Gaussian takes no labels; leave them out",
        f"{home}/table --data moons --draws 0 {out}": "--draws is 0; at least 1 is wanted",
        f"{home}/table --data moons --by complexity {out}": "--by complexity is for pictures",
        f"{home}/table --data moons --split all {out}": "split is 'all'",
        f"{home}/table {out}": "--data",
    }.items():
        code, _, err = said(f"score {line}")
        assert (code, len(err.splitlines())) == (2, 1), err
        assert sentence in err
    assert [*tmp_path.iterdir()] == []
