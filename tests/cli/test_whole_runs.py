"""A run is whole: it is used when its data are gone, it says where they have changed, and names no home."""

import json

import numpy as np
import pytest
from PIL import Image

import genus
from genus.cli.main import main
from genus.data import load
from genus.data.meaning import Meaning
from genus.train import artifact
from genus.train.note import recipes_of

SHORT = "--rounds 1 --batch 8 --progress false"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Runs of a text and of pictures in two classes, whose data are gone."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "book.txt").write_text("once upon a time there was a cat\n" * 60)
    noise = np.random.default_rng(0)
    for kind in ("cat", "dog"):
        (folder / "photos" / kind).mkdir(parents=True)
        for i in range(12):
            levels = noise.integers(256, size=(8, 8), dtype=np.uint8)
            Image.fromarray(levels).save(folder / "photos" / kind / f"{i}.png")
    for line in (
        f"char_rnn --data {folder}/book.txt --data.window 16 --width 8 --out {folder}/runs/book",
        f"guided --data {folder}/photos --width 8 --out {folder}/runs/photos",
    ):
        assert main([*f"fit {line} {SHORT}".split()]) == 0
    (folder / "book.txt").rename(folder / "gone.txt")
    (folder / "photos").rename(folder / "elsewhere")
    return folder


def test_texts_are_written_and_continued_without_the_training_file(home, said, tmp_path):
    run = home / "runs/book"
    assert said(f"sample {run} -n 3 --out {tmp_path}/x.txt")[0] == 0
    assert {*(tmp_path / "x.txt").read_text()} <= {*"once upon a time there was a cat-\n"}
    for out in ("folder/", "y.txt"):
        code, _, err = said(f"sample {run} -n 2 --prompt once --length 5 --out {tmp_path}/{out}")
        assert code == 0, err
    texts = (tmp_path / "y.txt").read_text().splitlines()
    assert texts[0].startswith("once")
    code, _, err = said(f"sample {run} --prompt Zebra --out {tmp_path}/z.txt")
    assert (code, "'Z', 'b', which never occurs in these data" in err) == (2, True)


def test_classes_keep_their_names(home, said, tmp_path):
    run = home / "runs/photos"
    code, _, err = said(f"sample {run} -n 2 --context dog --out {tmp_path}/x.npz")
    assert code == 0, err
    assert np.load(tmp_path / "x.npz")["y"].tolist() == [1, 1]
    code, _, err = said(f"sample {run} -n 2 --context bird --out {tmp_path}/x.npz")
    assert (code, "'bird' is no class; one of cat, dog is" in err) == (2, True)


def test_where_rows_are_wanted_the_mend_is_said(home, said, tmp_path):
    run = home / "runs/photos"
    for command in ("evaluate {}", "sample {} -n 2 --complete half --out {}/x.png"):
        code, _, err = said(command.format(run, tmp_path))
        assert code == 2
        assert err.endswith("if the data lie elsewhere now, name them with --data\n")
        assert len(err.splitlines()) == 1
    more = f"--data {home}/elsewhere --samples 20 --rows 2"
    assert said(f"evaluate {run} {more}")[0] == 0


def test_data_that_have_changed_are_told(said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(60, 2))
    np.save("x.npy", x)
    assert said(f"fit gaussian --data x.npy --out m {SHORT}")[0] == 0
    assert "has changed" not in said("evaluate m --samples 20")[2]
    np.save("x.npy", x[::-1])
    code, _, err = said("evaluate m --samples 20")
    assert code == 0
    assert "genus: x.npy has changed since m learnt from it\n" in err


def test_only_the_state_knows_the_path(said, tmp_path, monkeypatch):
    (tmp_path / "secret").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    np.save(tmp_path / "secret/x.npy", np.random.default_rng(0).normal(size=(60, 2)))
    line = f"fit gaussian --data {tmp_path}/secret/x.npy --evaluate-every 1 --out {tmp_path}/here/m"
    assert said(f"{line} {SHORT}")[0] == 0
    for name in ("config.json", "README.md", "best/config.json"):
        text = (tmp_path / "here/m" / name).read_text()
        assert str(tmp_path) not in text
        assert "secret" not in text
    config = artifact.read_config(tmp_path / "here/m")
    assert (config["recipe"]["options"]["data"], config["data"]["name"]) == ("x.npy", "x")
    np.save("x.npy", np.zeros((9, 5)))  # other data of that name
    for folder in ("m", "m/best"):
        assert said(f"evaluate {folder} --samples 20")[0] == 0
    assert said("fit --resume --out m --rounds 2 --progress false")[0] == 0
    assert "secret" not in (tmp_path / "here/m/config.json").read_text()
    assert recipes_of(tmp_path / "here/m")[0]["options"]["data"] == f"{tmp_path}/secret/x.npy"
    (tmp_path / "here/m/state.pt").unlink()  # as a run that was passed on
    assert said("evaluate m --samples 20")[0] == 2


def test_a_run_that_kept_nothing_works_by_its_data(home, said, tmp_path):
    old = tmp_path / "old"
    old.mkdir()
    for name in ("config.json", "model.safetensors"):
        (old / name).write_bytes((home / "runs/book" / name).read_bytes())
    config = json.loads((old / "config.json").read_text())
    config["data"] = {"fingerprint": "x", "name": "book"}
    (old / "config.json").write_text(json.dumps(config))
    line = f"sample {old} -n 2 --raw --out {tmp_path}/x.txt"
    assert said(line)[0] == 2
    assert said(f"{line} --data {home}/gone.txt --data.window 16")[0] == 0


def test_a_run_of_fit_keeps_what_it_is_told(said, tmp_path):
    text = "abcd" * 100
    (tmp_path / "x.txt").write_text(text)
    data = load(tmp_path / "x.txt", window=8)
    note = {"data": data.recorded().to_json()}
    run = genus.Run(rounds=1, batch=4, out=tmp_path / "run", note=note)
    genus.fit(genus.autoregressive.CharRNN(data.space, width=8), data.train, run)
    (tmp_path / "x.txt").unlink()
    code, _, err = said(f"sample {tmp_path}/run -n 2 --out {tmp_path}/y.txt")
    assert code == 0, err
    assert {*(tmp_path / "y.txt").read_text()} <= {*"abcd\n"}
    (tmp_path / "z.txt").write_text("abcdabcdxbcdabcd")
    code, _, err = said(f"score {tmp_path}/run --data {tmp_path}/z.txt --out {tmp_path}/z.csv")
    assert code == 0, err
    assert "'x', which never occurs" in (tmp_path / "z.csv").read_text()


@pytest.mark.parametrize("name", ["digits", "portraits?size=16", "dates", "grammar", "bars"])
def test_a_meaning_comes_back_from_json(name):
    data = load(name)
    kept = data.recorded()
    found = Meaning.from_json(
        json.loads(json.dumps(kept.to_json())), kept.space, kept.context_space
    )
    assert found == kept
    for view in (data.labelled, data.binarised):
        try:
            seen = view()
        except ValueError:
            continue
        assert seen.recorded().content == kept.content
