"""genus sample: kinds of files, folders, notes, and ways to sample other than from nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import genus
from genus.cli.main import main
from genus.media import read_note


def trained(folder: Path, line: str) -> Path:
    at = folder / line.split()[0]
    assert main([*f"fit {line} --progress false --out".split(), str(at)]) == 0
    return at


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs by their line, each trained once."""
    folder, found = tmp_path_factory.mktemp("runs"), {}

    def run(line):
        if line not in found:
            found[line] = trained(folder / str(len(found)), line)
        return found[line]

    return run


MADE = "made --rounds 2 --masks 1"
MOONS = "gaussian --data moons"


# --- rows -------------------------------------------------------------------------------------


def test_the_first_rows_are_the_same_for_any_number(runs, said, tmp_path):
    def drawn(n):
        assert said(f"sample {runs(MADE)} -n {n} --out {tmp_path}/x.npy")[0] == 0
        return np.load(tmp_path / "x.npy", allow_pickle=False)

    x = drawn(100)
    assert np.array_equal(drawn(4), x[:4])
    assert np.array_equal(drawn(65), x[:65])
    assert np.array_equal(genus.sample(genus.load(runs(MADE)), 100).numpy(), x)


def test_no_rows_are_an_empty_array_and_no_picture(runs, said, tmp_path):
    for name in ("x.npy", "x.npz"):
        assert said(f"sample {runs(MADE)} -n 0 --out {tmp_path}/{name}")[0] == 0
    assert np.load(tmp_path / "x.npy").shape == (0, 1, 8, 8)
    assert np.load(tmp_path / "x.npz")["x"].shape == (0, 1, 8, 8)
    for name in ("x.png", "x/", "x.gif"):
        code, _, err = said(f"sample {runs(MADE)} -n 0 --out {tmp_path}/{name}")
        assert code == 2
        assert "-n is 0; at least 1 is wanted; .npy and .npz can hold none" in err


def test_arrays_are_data_again(runs, said, tmp_path):
    at = runs(MADE)
    assert said(f"sample {at} -n 30 --out {tmp_path}/x.npz")[0] == 0
    assert np.load(tmp_path / "x.npz")["x"].shape == (30, 1, 8, 8)
    assert genus.data.load(str(tmp_path / "x.npz")).space.shape == (1, 8, 8)
    first = (tmp_path / "x.npz").read_bytes()
    assert said(f"sample {at} -n 30 --out {tmp_path}/x.npz")[0] == 0
    assert (tmp_path / "x.npz").read_bytes() == first


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from Linux")
def test_memory_does_not_grow_with_the_number(runs, tmp_path):
    """A million rows of two numbers: 8 MB as an array, and far less than 300 MB in memory."""
    code = "import resource, sys; from genus.cli.main import main; main(sys.argv[1:]); " + (
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )

    def peak(n):
        words = ["sample", str(runs(MOONS)), "-n", str(n), "--out", str(tmp_path / "x.npy")]
        out = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        )
        return int(out.stdout.split()[-1]) / 1e3

    few = peak(1)
    assert peak(1_000_000) - few < 30
    assert np.load(tmp_path / "x.npy", mmap_mode="r").shape == (1_000_000, 2)


# --- pictures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "gif"])
def test_every_kind_of_picture_notes_its_origin(runs, said, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(runs(MADE).parent)
    path = tmp_path / f"x.{kind}"
    assert said(f"sample made -n 9 --seed 5 --out {path}")[0] == 0
    with Image.open(path) as image:
        assert image.size == (200, 200)
    note = read_note(path)
    assert note["run"] == note["name"] == "made"
    assert (note["seed"], note["n"], note["genus"]) == (5, 9, genus.__version__)
    assert note["command"] == f"genus sample made -n 9 --seed 5 --out x.{kind}"
    assert str(tmp_path) not in json.dumps(note)
    assert os.path.expanduser("~") not in json.dumps(note)


def test_previews_of_a_fit_note_their_origin(runs):
    (path,) = (runs(MADE) / "samples").glob("*.png")
    note = read_note(path)
    assert note["name"] == "made"
    assert {"seed", "command", "genus", "run"} <= {*note}
    assert not Path(note["run"]).is_absolute()


def test_a_single_picture_has_its_own_size_and_no_frame(runs, said, tmp_path):
    assert said(f"sample {runs(MADE)} -n 1 --out {tmp_path}/x.png")[0] == 0
    assert said(f"sample {runs(MADE)} -n 1 --out {tmp_path}/x.npy")[0] == 0
    with Image.open(tmp_path / "x.png") as image:
        levels = (np.load(tmp_path / "x.npy")[0, 0] + 1) * 127.5
        assert np.array_equal(np.asarray(image), levels.round().astype(np.uint8))


def test_a_folder_holds_a_picture_for_each_sample(runs, said, tmp_path):
    code, out, _ = said(f"sample {runs(MADE)} -n 70 --out {tmp_path}/faces/")
    assert (code, out) == (0, f"{tmp_path}/faces/\n")
    paths = sorted((tmp_path / "faces").iterdir())
    assert [path.name for path in paths][::69] == ["00000.png", "00069.png"]
    assert said(f"sample {runs(MADE)} -n 70 --out {tmp_path}/x.npy")[0] == 0
    for path, x in zip(paths, np.load(tmp_path / "x.npy"), strict=True):
        with Image.open(path) as image:
            assert np.array_equal(np.asarray(image), ((x[0] + 1) * 127.5).round())
    assert read_note(paths[0])["seed"] == 0
    code, _, err = said(f"sample {runs(MADE)} -n 3 --out {tmp_path}/faces/")
    assert code == 2
    assert "there is something in it; a new folder is wanted, or an empty one" in err
    assert len([*(tmp_path / "faces").iterdir()]) == 70
    (tmp_path / "empty").mkdir()
    assert said(f"sample {runs(MADE)} -n 3 --out {tmp_path}/empty")[0] == 0
    assert len([*(tmp_path / "empty").iterdir()]) == 3


def test_points_have_no_pictures_of_their_own(runs, said, tmp_path):
    code, _, err = said(f"sample {runs(MOONS)} --out {tmp_path}/x/")
    assert code == 2
    assert "is no picture, text or sound of its own; a .npy or .npz file is wanted" in err
    assert not (tmp_path / "x").exists()


# --- the hint after a fit ---------------------------------------------------------------------


def test_the_hint_names_the_kind_that_fits(said, tmp_path):
    book = tmp_path / "book.txt"
    book.write_text("the cat sat on the mat. " * 60)
    table = tmp_path / "table.csv"
    table.write_text("".join(f"{i % 7}.5,{i % 5}.25,{i % 3}.125\n" for i in range(90)))
    for line, kind in (
        ("gaussian --data moons", ".png"),
        ("gaussian --data digits", ".png"),
        (f"gaussian --data {table}", ".npy"),
        (f"char_rnn --data {book}?window=8 --width 8 --rounds 1 --batch 4", ".txt"),
        ("graphrnn --rounds 1 --batch 2", ".png"),
    ):
        out = said(f"fit {line} --progress false --out {tmp_path}/{len(line)}")[1]
        assert f"-n 64 --out samples{kind} shows" in out


# --- output that nobody reads -----------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="closes a pipe in the shell")
@pytest.mark.parametrize("rest", [">&-", "2>&-", "| head -1 >/dev/null"])
def test_closed_output_is_no_failure(rest):
    line = f'set -o pipefail; "{sys.executable}" -m genus list {rest}'
    assert subprocess.run(["bash", "-c", line], capture_output=True, check=False).returncode == 0
