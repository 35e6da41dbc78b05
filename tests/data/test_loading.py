"""load: names, paths, options, and the words of its refusals."""

import numpy as np
import pytest
import torch
from PIL import Image

from genus.data import load
from genus.data.loading import BUILT_IN
from genus.data.toys.toys import TOYS


@pytest.mark.parametrize("name", list(BUILT_IN))
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
        ("qqq", "there is no data set, file or folder 'qqq'; there are digits, digits_pairs"),
        ("./nowhere/photos", "there is no file or folder './nowhere/photos'$"),
        ("digits?size=4", "digits takes no option size"),
        ("moons?wat=4", "there is no option 'wat' of data; there are background"),
        ("digits?lable=4", "there is no option 'lable' of data; did you mean label?"),
        ("photos?size=big", r"size is 'big'; 64 or 48x64 \(height x width\) is wanted"),
        ("photos?workers=many", "workers is 'many'; a whole number is wanted"),
    ],
)
def test_refusals(source, words):
    with pytest.raises(ValueError, match=words):
        load(source)


def test_options_that_do_not_apply_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(9, 2)))
    (tmp_path / "a.csv").write_text("1,2\n3,4\n5,7\n")
    (tmp_path / "a.xyz").write_text("1")
    with pytest.raises(ValueError, match="is an array file, which takes no option label, size"):
        load(tmp_path / "a.npy", size=3, label="x")
    with pytest.raises(ValueError, match="is a table, which takes no option layout"):
        load(tmp_path / "a.csv", layout="first")
    with pytest.raises(ValueError, match="is a folder of images, which takes no option layout"):
        load(tmp_path, layout="first")
    with pytest.raises(ValueError, match=r"a\.xyz is a file of a kind that is not known"):
        load(tmp_path / "a.xyz")


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
    with pytest.raises(ValueError, match="there are no images in it"):
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
