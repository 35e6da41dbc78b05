"""load: names, paths, options, and the words of its refusals."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from genus.data import load
from genus.data.sources import CATALOGUE, Source, catalogue, collected, source_of_name, with_options
from genus.data.toys.toys import TOYS
from genus.errors import Refused

BUILT_IN = [name for name in catalogue()["names"] if not source_of_name(name).folders]


@pytest.mark.parametrize("name", BUILT_IN)
def test_names(name):
    data = load(name)
    assert data.name == name
    batch = data.train.batch(0, 4, 0)
    data.space.check(batch[0], name)
    if data.context_space is not None:
        data.context_space.check(batch[1], name)
    for split in data.splits.values():
        assert split.name.startswith(name.split("_")[0])
        assert split.space == data.space


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("digit", "there is no data set, file or folder 'digit'; did you mean digits?"),
        ("mnist.npz", "there is no file or folder 'mnist.npz'$"),
        ("qqq", "there is no data set, file or folder 'qqq'; there are accidents, analogies"),
        ("nowhere/photos", "there is no file or folder 'nowhere/photos'$"),
        ("./nowhere/photos", "there is no file or folder './nowhere/photos'$"),
        ("digits?size=4", "digits takes no option size"),
        ("moons?qqq=4", "there is no option 'qqq' of data; there are background"),
        ("digits?lable=4", "there is no option 'lable' of data; did you mean label?"),
    ],
)
def test_refusals(source, words):
    with pytest.raises(ValueError, match=words):
        load(source)


def test_options_that_do_not_apply_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(9, 2)))
    (tmp_path / "a.csv").write_text("1,2\n3,4\n5,7\n")
    (tmp_path / "a.abc").write_text("1")
    (tmp_path / "a.mid").write_text("1")
    with pytest.raises(ValueError, match="is an array file, which takes no option label, size"):
        load(tmp_path / "a.npy", size=3, label="x")
    with pytest.raises(ValueError, match="is a table, which takes no option layout"):
        load(tmp_path / "a.csv", layout="first")
    with pytest.raises(ValueError, match="is a folder of pictures, which takes no option layout"):
        load(tmp_path, layout="first")
    with pytest.raises(
        ValueError, match=r"size is 'big'; 64 or 48x64 \(height x width\) is wanted"
    ):
        load(f"{tmp_path}?size=big")
    with pytest.raises(ValueError, match="workers is 'many'; a whole number is wanted"):
        load(f"{tmp_path}?workers=many")
    with pytest.raises(ValueError, match=r"a\.abc is of an unknown kind; known are"):
        load(tmp_path / "a.abc")
    with pytest.raises(ValueError, match=r"a\.mid is one of the MIDI files, which cannot be read"):
        load(tmp_path / "a.mid")


def test_a_question_mark_in_a_real_name(tmp_path):
    folder = tmp_path / "what?size=3"
    folder.mkdir()
    for i in range(3):
        Image.new("L", (5, 4), i).save(folder / f"{i}.png")
    assert load(folder).space.shape == (1, 4, 5)


def test_names_come_before_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert len(load("digits").train) == 1297
    with pytest.raises(ValueError, match="there are no pictures in it"):
        load("./digits")


def test_paths_are_also_looked_for_beside_the_named_sets(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(9, 2)))
    monkeypatch.setenv("GENUS_DATA", str(tmp_path))
    assert load("a.npy").name == "a"


def test_data_do_not_depend_on_the_global_state():
    torch.manual_seed(1)
    one = load("digits").binarised().train.batch(7, 32, 0)[0]
    toys = {name: load(name).train.batch(7, 32, 0)[0] for name in TOYS}
    torch.manual_seed(2)
    torch.set_default_dtype(torch.float64)
    assert torch.equal(load("digits").binarised().train.batch(7, 32, 0)[0], one)
    for name, toy in toys.items():
        assert torch.equal(load(name).train.batch(7, 32, 0)[0], toy)


def test_the_catalogue_is_fresh():
    written = json.loads(CATALOGUE.read_text())
    assert written == collected(), "run `make catalogue`"
    assert [*written["names"]] == sorted(written["names"])


def test_a_name_imports_one_file_of_data():
    line = "import sys; from genus.data import load; load('moons'); print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    rooms = [m for m in ran.stdout.split() if m.startswith("genus.data.") and m.count(".") == 3]
    assert rooms == ["genus.data.toys.curves", "genus.data.toys.toys"]


def test_options_are_declared_by_the_set():
    def read(path, *, size: int | tuple[int, int] | None = None, fold: int = 0, word: str = ""):
        return path, size, fold, word

    source = Source(read)
    assert source.checked({"size": "48x64", "fold": "3", "word": "3"}, "it") == {
        "size": (48, 64),
        "fold": 3,
        "word": "3",
    }
    assert source.checked({"size": "64", "fold": 3}, "it") == {"size": 64, "fold": 3}
    with pytest.raises(ValueError, match="it takes no option label"):
        source.checked({"label": "x"}, "it")


def test_options_become_part_of_the_name(tmp_path):
    assert with_options("digits", {}) == "digits"
    assert with_options("photos", {"size": "64"}) == "photos?size=64"
    assert with_options("photos?size=32&colour=L", {"size": "64"}) == "photos?size=64&colour=L"
    assert with_options("table.csv", {"label": "a & b?"}) == "table.csv?label=a%20%26%20b%3F"
    odd = tmp_path / "what?size=3"
    odd.mkdir()
    for i in range(3):
        Image.new("L", (5, 4), i).save(odd / f"{i}.png")
    assert load(with_options(str(odd), {"size": "2"})).space.shape == (1, 2, 2)


FILES = {
    "sheep": "sketch_rnn/aaron_sheep.npz",
    "red_wine": "uci_small/winequality-red.csv",
    "spoken8": "fsdd/fsdd_recordings.tar.xz",
    "ego_small": "graphs/citeseer_edges.txt.gz",
}


@pytest.mark.parametrize("content", [b"", b"\x93junk,,\n" * 50, b"1,2\n3\nfour,5\n"])
@pytest.mark.parametrize("name", FILES)
def test_damaged_files_of_a_set_are_named(name, content, tmp_path, monkeypatch):
    monkeypatch.setenv("GENUS_DATA", str(tmp_path))
    path = tmp_path / FILES[name]
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(Refused, match=path.name):
        load(name)


def test_an_empty_name_and_a_home_of_nobody_are_refused():
    with pytest.raises(Refused, match="the name of the data is empty"):
        load("")
    with pytest.raises(Refused, match="there is no file or folder '~nobody_of_this_name/x'"):
        load("~nobody_of_this_name/x")
