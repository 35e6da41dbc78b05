"""The command line as a user types it."""

import errno
import json
import os
import resource
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from standins import stand_in

from genus import recipes
from genus.cli.main import main
from genus.media import read_note
from genus.media.origin import presentable
from genus.train import artifact


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def typed(*words, how="-mgenus", stdout=subprocess.PIPE):
    """A command in a process of its own."""
    line = [sys.executable, how, *words]
    return subprocess.run(line, check=False, stdout=stdout, stderr=subprocess.PIPE, text=True)


# --- help and catalogue -----------------------------------------------------------------------


def test_help_and_catalogue_come_without_torch():
    code = (
        "import sys; from genus.cli.main import main\n"
        "for line in ('--help', '--version', 'fit --help', 'list', 'list --json', 'compare --help',"
        " 'sample --help', 'evaluate --help'):\n"
        "    assert main(line.split()) == 0, line\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    done = typed(code, how="-c")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command_as_it_is_installed():
    done = typed("lst")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "genus: there is no command lst; did you mean list?\n"


def test_an_output_without_the_characters_is_no_failure(monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = typed("list")  # has a plus-minus
    assert (done.returncode, done.stderr) == (0, "")
    assert " ? " in done.stdout


def test_a_reader_who_has_seen_enough_is_no_failure():
    end, begin = os.pipe()
    os.close(end)
    done = typed("list", "--json", stdout=begin)
    os.close(begin)
    assert (done.returncode, done.stderr) == (0, "")


def test_list(standins, said):
    code, out, _ = said("list")
    assert code == 0
    assert "tiny  Two Gaussians on digits: better than one." in out
    assert "can: sample, elbo, log_weight, fit" in out
    assert [entry["name"] for entry in json.loads(said("list --json")[1])] == recipes_by_family()


def recipes_by_family():
    return [entry.name for entry in recipes.catalogue()]


def test_help_of_a_recipe(standins, said):
    code, out, err = said("fit tiny --help")
    assert (code, err) == (0, "")
    assert "how many there are. (type: int, default: 2)" in out


# --- fit --------------------------------------------------------------------------------------


def test_fit_and_go_on(standins, said, tmp_path):
    run = tmp_path / "run"
    code, out, _ = said("fit shy --hidden 5 --rounds 4 --out", run)
    assert code == 0
    assert f"kept in {run}" in out
    assert "RBM: 389 parameters, 4 rounds" in out
    recipe = artifact.read_config(run)["recipe"]
    assert recipe["name"] == "shy"
    assert recipe["options"]["hidden"] == 5
    # all it was told is still known: the name of the recipe too
    assert said("fit --resume --rounds 8 --out", run)[0] == 0
    assert artifact.read_config(run)["training"]["rounds"] == 8
    assert artifact.load(run).hidden == 5
    # and it ended as if it had never stopped
    assert said("fit shy --hidden 5 --rounds 8 --out", tmp_path / "other")[0] == 0
    ends = [artifact.load(tmp_path / name).state_dict() for name in ("run", "other")]
    assert artifact.digest(ends[0]) == artifact.digest(ends[1])


def test_print_config_and_config(standins, said, tmp_path):
    code, out, _ = said("fit tiny --components 3 --minutes 0.5 --print-config")
    assert code == 0
    assert "components: 3\n" in out
    assert "rounds: null\n" in out
    path = tmp_path / "options.yaml"
    path.write_text(out)
    assert said("fit tiny --print-config --config", path)[1] == out


def test_a_run_goes_to_runs_if_not_told(standins, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said("fit tiny")[0] == 0
    assert "config.json" in files(tmp_path / "runs" / "tiny")
    code, _, err = said("fit tiny")
    assert code == 2
    assert err == "genus: fit: runs/tiny holds a run already; resume it, or name another\n"


def test_ctrl_c_is_told_how_to_go_on(standins, said, tmp_path, monkeypatch):
    def stop(*batch):
        raise KeyboardInterrupt

    monkeypatch.setattr("genus.energy.RBM.loss", stop)
    code, _, err = said("fit shy --out", tmp_path)
    assert code == 130
    assert err == f"genus: stopped; genus fit shy --out {tmp_path} --resume continues it\n"
    monkeypatch.undo()


# --- sample and evaluate ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A trained model, with an average."""
    at = tmp_path_factory.mktemp("runs") / "shy"
    with pytest.MonkeyPatch.context() as patch:
        stand_in(patch)
        assert main(["fit", "shy", "--rounds", "10", "--lr", "0.1", "--out", str(at)]) == 0
    return at


def test_sample_a_picture_that_knows_its_origin(run, said, tmp_path):
    path = tmp_path / "new" / "samples.png"
    code, out, _ = said(f"sample {run} -n 9 --seed 5 --out", path)
    assert (code, out) == (0, f"{path}\n")
    with Image.open(path) as image:
        assert image.width == image.height == 3 * 66 + 2
    note = read_note(path)
    assert (note["n"], note["seed"], note["weights"]) == (9, 5, "average")
    assert note["config"] == presentable(artifact.read_config(run))


def test_sample_an_array(run, said, tmp_path):
    def sample(*more):
        path = tmp_path / "x.npy"
        assert said(f"sample {run} -n 700 --out {path}", *more)[0] == 0
        return np.load(path, allow_pickle=False)

    x = sample()
    assert x.shape == (700, 1, 8, 8)
    assert np.array_equal(x, sample())
    assert not np.array_equal(x, sample("--seed", 1))
    assert not np.array_equal(x, sample("--raw"))
    assert files(tmp_path) == ["x.npy"]


def test_evaluate(run, said, monkeypatch):
    quick(monkeypatch)
    code, out, err = said(f"evaluate {run}")
    assert (code, err) == (0, "")
    assert "nll" in out
    assert "protocol: data digits" in out
    figures = json.loads(said(f"evaluate {run} --json")[1])
    assert {"nll", "frechet"} <= {figure["name"] for figure in figures}


def test_evaluate_so_many_rows_in_so_much_time(run, said, monkeypatch):
    """Two minutes if nothing is said; as long as it takes with --minutes 0 or --rows all."""
    from genus import measure

    asked = []
    monkeypatch.setattr(measure, "evaluate", lambda *given, **how: asked.append(how) or [])
    for options in ("", "--rows 50", "--rows all", "--minutes 0", "--rows all --minutes 3"):
        assert said(f"evaluate {run} --json {options}")[0] == 0
    found = [(how["rows"], how["minutes"], how["samples"]) for how in asked]
    assert found == [
        (None, 2, None),
        (50, 2, None),
        (300, 0, None),
        (None, 0, None),
        (300, 3, None),
    ]


def quick(monkeypatch):
    """Estimates with less effort."""
    from functools import partial

    from genus import measure

    effort = measure.Effort(draws=1, importance=1, betas=50, chains=10)
    monkeypatch.setattr(measure, "evaluate", partial(measure.evaluate, effort=effort, samples=50))


# --- mistakes: one sentence, exit code 2, nothing half-written --------------------------------

SENTENCES = {
    "fit tiyn": "there is no recipe tiyn; did you mean tiny?",
    "fit xylophone": "there is no recipe xylophone; genus list shows them all",
    "fit": "fit: which recipe? genus list shows them; or --resume --out DIR continues a run",
    "fit tiny --componets 3": "fit tiny: there is no option --componets; did you mean --components?",
    "fit tiny --components 3.5": "fit tiny: --components is 3.5; wanted is int, such as 2",
    "fit tiny --components 0": "GaussianMixture: components is 0; at least 1 is wanted",
    "fit tiny --batch 0": "Run: batch is 0; at least 1 is wanted",
    "fit tiny --device tpu": "device 'tpu': ",
    "fit --resume --out {out}/none": "fit: there is no run in {out}/none yet; name a recipe, and it begins",
    "sample nowhere --out {out}/x.png": "nowhere: there is no such folder",
    "sample nowhere --out {out}/x.bmp": "sample: --out is {out}/x.bmp; a .png, .jpg, .gif, .webp, .npy, .npz, .csv, .tsv, .jsonl, .parquet, .xlsx, .txt or .wav file is wanted",
    "sample nowhere -n 0 --out {out}/x.png": "sample: -n is 0; at least 1 is wanted",
    "sample nowhere -n many --out {out}/x.png": "sample: argument -n: invalid int value: 'many'",
    "sample nowhere": "sample: the following arguments are required: --out",
    "sample nowhere --sed 3 --out x.png": "sample: there is no option --sed; did you mean --seed?",
    "evaluate nowhere": "nowhere: there is no such folder",
    "evaluate nowhere --rows none": "evaluate: argument --rows: 'none' is neither 1 to 10,000,000 nor all",
    "evaluate nowhere --minutes -1": "evaluate: argument --minutes: '-1' is not a number of minutes",
    "evaluate nowhere --samples 0": "evaluate: --samples is 0; 1 to 10,000,000 are wanted",
    "compare tiny tiny --out {out}": "compare: tiny is named twice",
    "compare tiny tiyn --out {out}": "there is no recipe tiyn; did you mean tiny?",
    "compare tiny --minutes 0 --out {out}": "compare: --minutes is 0.0; more than 0 is wanted",
    "compare": "compare: the following arguments are required: RECIPE",
    "smaple": "there is no command smaple; did you mean sample?",
    "--versoin": "there is no option --versoin; did you mean --version?",
}


@pytest.mark.parametrize("line", SENTENCES)
def test_one_sentence(standins, said, tmp_path, line):
    out = tmp_path / "out"
    words = line.format(out=out)
    if line.startswith("fit t"):
        words += f" --out {out}"
    code, printed, err = said(words)
    sentence = SENTENCES[line].format(out=out)
    assert code == 2
    assert printed == ""
    assert err.count("\n") == 1
    assert "Traceback" not in err
    assert err.removeprefix("genus").lstrip(": ").startswith(sentence)
    assert not out.exists()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("dgits", "digits"),
        ("{here}/missing", "{here}/missing"),
        ("{here}/empty", "{here}/empty"),
        ("{here}/disguised", "text.png"),
        ("{here}/mixed", "rows to learn from: 2"),
        ("{here}/holes.npy", "finite"),
        ("moons", "Dequantised: space is Reals(shape=(2,)); Pixels are wanted"),
    ],
)
def test_bad_data(standins, said, tmp_path, data, sentence):
    bad_data(tmp_path)
    out = tmp_path / "out"
    code, printed, err = said("fit tiny --out", out, "--data", data.format(here=tmp_path))
    assert (code, printed) == (2, "")
    assert err.count("\n") == 1
    assert sentence.format(here=tmp_path) in err
    assert not out.exists()


def bad_data(folder):
    for name in ("empty", "disguised", "mixed"):
        (folder / name).mkdir()
    (folder / "disguised" / "text.png").write_text("I am no picture")
    for side in (8, 9):
        Image.new("L", (side, side)).save(folder / "mixed" / f"{side}.png")
    np.save(folder / "holes.npy", np.full((4, 1, 2, 2), np.nan, np.float32))


def test_labels_are_missing(said, tmp_path):
    out = tmp_path / "out"
    np.save(tmp_path / "bare.npy", np.zeros((40, 1, 8, 8), np.uint8))
    code, _, err = said(f"fit oracle --rounds 1 --data {tmp_path}/bare.npy --out", out)
    assert code == 2
    assert "labels" in err
    assert err.count("\n") == 1
    assert not out.exists()


def test_another_space_than_the_model_was_made_for(run, said):
    code, _, err = said(f"evaluate {run} --data moons")
    assert code == 2
    assert err == ("genus: moons: is Reals(shape=(2,)); RBM was made for Bits(shape=(1, 8, 8))\n")


def test_damaged_files(standins, said, tmp_path):
    out = tmp_path / "out"
    assert said("fit shy --rounds 2 --out", out)[0] == 0
    for name in ("state.pt", "ema.safetensors"):
        whole = (out / name).read_bytes()
        (out / name).write_bytes(whole[: len(whole) // 2])
    code, _, err = said("fit shy --resume --rounds 3 --out", out)
    assert code == 2
    assert err.startswith(f"genus: fit: {out}/state.pt is damaged")
    assert err.count("\n") == 1
    code, _, err = said(f"sample {out} --out", tmp_path / "x.png")
    assert code == 2
    assert err.startswith(f"genus: {out}/ema.safetensors: truncated")
    assert not (tmp_path / "x.png").exists()
    (out / "config.json").write_text("{")
    assert said(f"evaluate {out}")[0] == 2


def test_another_recipe_cannot_go_on(standins, said, tmp_path):
    assert said("fit tiny --out", tmp_path / "run")[0] == 0
    code, _, err = said("fit shy --resume --out", tmp_path / "run")
    assert code == 2
    assert err == f"genus: fit: the run in {tmp_path}/run is of the recipe tiny, not of shy\n"


def test_a_folder_that_cannot_be_written(standins, said, tmp_path):
    code, _, err = said("fit tiny --out /proc/genus")
    assert code == 2
    assert err.startswith("genus: /proc/genus")
    assert err.count("\n") == 1
    (tmp_path / "file").write_text("")
    code, _, err = said("fit tiny --out", tmp_path / "file")
    assert (code, err) == (2, f"genus: fit: {tmp_path}/file is a file; out must be a folder\n")


@pytest.mark.parametrize("line", ["fit shy --out", "compare shy --out"])
def test_a_full_disk(standins, said, tmp_path, line):
    """No file may grow beyond a few bytes: what a full disk looks like from inside."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        code, _, err = said(line, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2
    assert err.count("\n") == 1
    assert str(tmp_path / "out") in err
    assert files(tmp_path / "out") == []


def test_the_disk_fills_up_while_sampling(run, said, tmp_path, monkeypatch):
    def full(fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    code, _, err = said(f"sample {run} --out", tmp_path / "x.npy")
    assert code == 2
    assert err == f"genus: {tmp_path}/x.npy: No space left on device\n"
    assert files(tmp_path) == []


# --- failures: exit code 1 --------------------------------------------------------------------


def test_a_failure_of_ours(standins, said, tmp_path, monkeypatch):
    monkeypatch.setattr("genus.energy.RBM._gibbs", lambda *given: None)  # so that its loss fails
    code, _, err = said("fit shy --out", tmp_path / "out")
    assert code == 1
    assert err.startswith("genus: a failure of genus, not of yours: TypeError: ")
    assert err.endswith("; --traceback shows where\n")
    assert err.count("\n") == 1
    code, _, err = said("fit shy --traceback --out", tmp_path / "other")
    assert code == 1
    assert "Traceback (most recent call last)" in err


def test_a_loss_that_is_not_finite_is_told_without_fuss(standins, said, tmp_path, monkeypatch):
    monkeypatch.setattr("genus.energy.RBM.loss", lambda model, x: {"w": model.W.sum() * torch.nan})
    code, _, err = said("fit shy --out", tmp_path / "out")
    assert code == 1
    assert err.startswith("genus: fit: in round 0 the term 'w' of the player 'model' is nan; ")


def test_options_of_data_are_flags(run, said, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(12):
        Image.new("L", (12, 12), 20 * i).save(folder / f"{i}.png")
    code, _, err = said(
        f"fit vae_mlp --data {folder} --data.size 8 --rounds 1 --out", tmp_path / "r"
    )
    assert code == 0, err
    stored = artifact.read_config(tmp_path / "r")["recipe"]["options"]["data"]
    assert stored.startswith("photos?size=8x8&resize=crop&background=white")
    for name in ("config.json", "README.md"):  # they may be passed on
        assert str(tmp_path) not in (tmp_path / "r" / name).read_text()
    code, _, err = said(f"evaluate {tmp_path / 'r'} --data.size 9")
    assert code == 2
    assert "made for Pixels(shape=(1, 8, 8)" in err
    code, _, err = said(f"evaluate {run} --data.size 9")
    assert (code, err) == (2, "genus: load: digits takes no option size\n")
    code, _, err = said(f"diagnose {run} --data.size 9")
    assert (code, err) == (2, "genus diagnose: there is no option --data.size\n")
