"""genus sample: kinds of files, folders, notes, and ways to sample other than from nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genus
from genus.cli.main import main
from genus.data import Rows
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


MADE = "made --rounds 2 --masks 1 --shuffled false"
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


@pytest.mark.parametrize("kind", ["jpg", ".JPG", "webp", "png"])
def test_the_files_of_a_folder_are_of_the_kind_that_is_named(kind, runs, said, tmp_path):
    line = f"sample {runs(MADE)} -n 3 --seed 4 --out {tmp_path}/x/ --format {kind}"
    assert said(line)[0] == 0
    suffix = kind.lower().removeprefix(".")
    paths = sorted((tmp_path / "x").iterdir())
    assert [path.name for path in paths] == [f"{i:05}.{suffix}" for i in range(3)]
    assert read_note(paths[2])["seed"] == 4
    assert said(f"sample {runs(MADE)} -n 3 --seed 4 --out {tmp_path}/x.npy")[0] == 0
    for path, x in zip(paths, np.load(tmp_path / "x.npy"), strict=True):
        with Image.open(path) as image:
            seen = np.asarray(image.convert("L")).astype(float)
        assert abs(seen - ((x[0] + 1) * 127.5).round()).max() <= (8 if suffix == "jpg" else 0)


@pytest.mark.parametrize("line", [MADE, MOONS])
def test_a_folder_holds_an_array_for_each_sample(line, runs, said, tmp_path):
    assert said(f"sample {runs(line)} -n 3 --out {tmp_path}/x/ --format npy")[0] == 0
    assert said(f"sample {runs(line)} -n 3 --out {tmp_path}/x.npy")[0] == 0
    paths = sorted((tmp_path / "x").iterdir())
    for path, x in zip(paths, np.load(tmp_path / "x.npy"), strict=True):
        assert np.array_equal(np.load(path), x)


def test_frames_in_a_folder_may_be_of_another_kind(runs, said, tmp_path):
    line = f"sample {runs(MADE)} -n 2 --frames 4 --out {tmp_path}"
    assert said(f"{line}/a/ --format npy")[0] == said(f"{line}/b/ --format jpg")[0] == 0
    paths = sorted((tmp_path / "a").iterdir())
    assert np.array_equal(np.load(paths[-1]), array(said, runs(MADE), tmp_path, "", 2))
    assert [path.name for path in sorted((tmp_path / "b").iterdir())][-1] == "00003.jpg"


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
    assert "is no picture, text or sound of its own; --format npy is wanted, or a .npy or" in err
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
        (f"gaussian --data {table}", ".csv"),
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


# --- other ways to sample ---------------------------------------------------------------------

DDPM = "ddpm --rounds 2 --width 4 --steps 8 --batch 8"


def array(said, run, tmp_path, words, n=6):
    assert said(f"sample {run} -n {n} {words} --out {tmp_path}/x.npy")[0] == 0
    return np.load(tmp_path / "x.npy", allow_pickle=False)


def test_frames_end_in_the_samples(runs, said, tmp_path):
    for line in (DDPM, MADE, "rbm --rounds 2 --hidden 8", "realnvp --data moons --rounds 2"):
        run = runs(line)
        path = tmp_path / f"{len(line)}.gif"
        assert said(f"sample {run} -n 5 --frames 7 --out {path}")[0] == 0
        with Image.open(path) as image:
            assert 4 < image.n_frames <= 7
            assert image.info["loop"] == 0
    assert said(f"sample {runs(MADE)} -n 1 --frames 7 --out {tmp_path}/frames/")[0] == 0
    paths = sorted((tmp_path / "frames").iterdir())
    assert [path.name for path in paths] == [f"{i:05}.png" for i in range(7)]
    levels = (array(said, runs(MADE), tmp_path, "", 1)[0, 0] + 1) * 127.5
    with Image.open(paths[-1]) as last, Image.open(paths[3]) as middle:
        assert np.array_equal(np.asarray(last), levels.round())
        assert np.array_equal(np.asarray(middle)[:3], levels.round()[:3])
        assert (np.asarray(middle)[6:] == 128).all()


def test_half_is_kept_and_the_rest_drawn(runs, said, tmp_path):
    test = genus.data.load("digits").test.everything()[0].numpy()
    for line in (MADE, DDPM):
        x = array(said, runs(line), tmp_path, "--complete half", 70)
        assert np.array_equal(x[:, :, :4], test[:70, :, :4])
        assert not np.array_equal(x[:, :, 4:], test[:70, :, 4:])
        assert np.array_equal(array(said, runs(line), tmp_path, "--complete half", 3), x[:3])
    assert said(f"sample {runs(MADE)} -n 4 --complete half --out {tmp_path}/x.png")[0] == 0
    with Image.open(tmp_path / "x.png") as image:  # each beside what was kept of it
        assert image.size == (2 + 2 * 66, 2 + 2 * 34)
        assert np.asarray(image)[2 + 20, 10] == 128


def test_the_white_part_of_a_mask_is_drawn(runs, said, tmp_path):
    mask = np.zeros((8, 8), np.uint8)
    mask[2:6, 3:7] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    test = genus.data.load("digits").test.everything()[0].numpy()
    x = array(said, runs(DDPM), tmp_path, f"--inpaint {tmp_path}/mask.png")
    same = (x == test[:6]).all((0, 1))
    assert same[mask == 0].all()
    assert not same[mask == 255].any()
    for kind, sentence in (
        (np.zeros((8, 9), np.uint8), "of 9 x 8 pixels; 8 x 8 are wanted, as the images have"),
        (np.zeros((8, 8), np.uint8), "which is all black; white where x is to be drawn"),
    ):
        Image.fromarray(kind).save(tmp_path / "mask.png")
        code, _, err = said(
            f"sample {runs(DDPM)} --inpaint {tmp_path}/mask.png --out {tmp_path}/y.png"
        )
        assert (code, sentence in err) == (2, True)
    assert not (tmp_path / "y.png").exists()


def test_from_one_code_to_another(runs, said, tmp_path):
    vae = runs("vae_mlp --rounds 2")
    model = genus.load(vae)
    rows = genus.data.load("digits").test.everything()[0]
    x = array(said, vae, tmp_path, "--interpolate 5", 3)
    assert x.shape == (3, 5, 1, 8, 8)
    with torch.no_grad():
        ends = model.space.quantise(model.decode(model.encode(rows[:6]))).numpy()
    np.testing.assert_allclose(x[:, 0], ends[::2], atol=0.13)  # a level
    np.testing.assert_allclose(x[:, -1], ends[1::2], atol=0.13)
    draws = array(said, vae, tmp_path, "--interpolate 5 --between draws", 3)
    assert not np.array_equal(draws, x)
    gan = runs("dcgan --rounds 2 --width 4 --batch 8")
    assert array(said, gan, tmp_path, "--interpolate 4", 2).shape == (2, 4, 1, 8, 8)
    assert said(f"sample {vae} --interpolate 5 --out {tmp_path}/x.png")[0] == 0
    with Image.open(tmp_path / "x.png") as image:
        assert image.size == (2 + 5 * 66, 2 + 8 * 66)
    assert said(f"sample {vae} -n 2 --interpolate 5 --out {tmp_path}/x.gif")[0] == 0
    with Image.open(tmp_path / "x.gif") as image:
        assert 1 < image.n_frames <= 5  # equal frames are one
    assert said(f"sample {vae} -n 2 --interpolate 5 --out {tmp_path}/walk/")[0] == 0
    assert len([*(tmp_path / "walk").iterdir()]) == 10


@pytest.mark.parametrize(
    ("line", "words", "rows"),
    [
        (MADE, "--complete half", 3),
        ("vae_mlp --rounds 2", "--interpolate 4", 6),
        ("pix2pix --rounds 1", "", 3),
    ],
)
def test_of_a_split_only_the_rows_that_are_used_are_read(
    line, words, rows, runs, said, tmp_path, monkeypatch
):
    at, most, take = runs(line), [], Rows.take
    monkeypatch.setattr(
        Rows, "take", lambda self, these: most.append(len(these)) or take(self, these)
    )
    assert said(f"sample {at} -n 3 {words} --out {tmp_path}/x.npy")[0] == 0
    assert max(most) == rows


@pytest.mark.parametrize(
    ("line", "words", "sentence"),
    [
        ("vae_mlp --rounds 2", "--frames --out x.gif", "VAE draws in one step: leave --frames out"),
        (MADE, "--interpolate 3 --out x.png", "MADE has no latent codes: leave --interpolate out"),
        (
            "dcgan --rounds 2 --width 4 --batch 8",
            "--interpolate 3 --between rows --out x.png",
            "DCGAN has no codes of rows; --between draws is wanted",
        ),
        ("vae_mlp --rounds 2", "--complete half --out x.png", "VAE cannot keep a part of x"),
        (
            MADE,
            "--inpaint {right} --out x.png",
            "MADE can keep only what comes first in its own order",
        ),
        (MADE, "--frames --out x.png", "--frames with --out x.png; a .gif or .webp file is wanted"),
        (MADE, "--frames 1 --out x.gif", "--frames is 1; at least 2 is wanted"),
        (MADE, "--frames --interpolate 3 --out x.gif", "--frames and --interpolate came; one"),
        (MADE, "--out x.png --format jpg", "came with the file x.png, whose name says its kind"),
        (MADE, "--out new/ --format bmp", "--format is bmp; png, jpg, jpeg, webp, npy, txt or wav"),
        (MADE, "--out new/ --format txt", "digits are no texts"),
        (MADE, "--frames --out new/ --format wav", "--format is wav, and --frames are pictures"),
        (MOONS, "--out new/ --format png", "is no picture, text or sound of its own"),
        (MADE, "--between rows --out x.png", "--between came without --interpolate"),
        (DDPM, "--mean --out x.png", "DDPM does not know --mean: leave --mean out"),
        (MOONS, "--complete half --inpaint {right} --out x.png", "--complete and --inpaint came"),
    ],
)
def test_what_cannot_be_done_is_refused(runs, said, tmp_path, monkeypatch, line, words, sentence):
    run = runs(line)
    mask = np.zeros((8, 8), np.uint8)
    mask[:, :4] = 255
    Image.fromarray(mask).save(tmp_path / "right.png")
    (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path / "new")
    code, _, err = said(f"sample {run} {words.format(right=tmp_path / 'right.png')}")
    assert code == 2
    assert sentence in err
    assert not [*(tmp_path / "new").iterdir()]
