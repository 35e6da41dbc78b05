"""genus sample, of models that draw value by value: temperature, what is left out, prompts, texts."""

import numpy as np
import pytest
import torch
from PIL import Image

import genus
from genus.cli.main import main
from genus.core.seeds import mix
from genus.media import read_note


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    at = tmp_path_factory.mktemp("runs") / "made"
    assert main(["fit", "made", "--rounds", "20", "--masks", "1", "--out", str(at)]) == 0
    return at


def rows(said, run, tmp_path, *words) -> np.ndarray:
    path = tmp_path / "x.npy"
    assert said(f"sample {run} -n 40 --out {path}", *words)[0] == 0
    return np.load(path, allow_pickle=False).reshape(40, -1)


def test_at_temperature_0_there_is_one_row(said, run, tmp_path):
    drawn = rows(said, run, tmp_path)
    assert len(np.unique(drawn, axis=0)) == 40
    best = rows(said, run, tmp_path, "--temperature", 0)
    assert len(np.unique(best, axis=0)) == 1
    assert np.array_equal(best, rows(said, run, tmp_path, "--top-k", 1))
    assert np.array_equal(best, rows(said, run, tmp_path, "--top-p", 1e-6, "--seed", 3))


def test_a_low_temperature_stays_near_the_likeliest(said, run, tmp_path):
    cold, drawn = (rows(said, run, tmp_path, "--temperature", t).std(0).mean() for t in (0.1, 1))
    assert 0 < cold < 0.8 * drawn


def test_the_picture_says_how_values_were_chosen(said, run, tmp_path):
    path = tmp_path / "x.png"
    assert said(f"sample {run} -n 4 --top-k 3 --out {path}")[0] == 0
    assert read_note(path)["decoding"] == "Decoding(temperature=1.0, top_k=3, top_p=None)"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "--temperature -1 --out {out}/x.png",
            "Decoding: temperature is -1.0; 0 or more is wanted",
        ),
        ("--top-k 0 --out {out}/x.png", "Decoding: top_k is 0; at least 1 is wanted"),
        ("--prompt Once --out {out}/x.png", "sample: MADE makes no texts: leave --prompt out"),
        (
            "--length 9 --out {out}/x.npy",
            "sample: MADE makes samples of one size: leave --length out",
        ),
        ("--out {out}/x.wav", "sample: digits are no sounds; another file than .wav is wanted"),
        ("--context 3 --out {out}/x.png", "sample: MADE takes no context: leave --context out"),
        ("--out {out}/x.txt", "sample: digits are no texts; another file than .txt is wanted"),
    ],
)
def test_one_sentence(said, run, tmp_path, words, sentence):
    code, printed, err = said(f"sample {run} -n 2 {words.format(out=tmp_path / 'out')}")
    assert (code, printed, err) == (2, "", f"genus: {sentence}\n")
    assert not (tmp_path / "out").exists()


def test_handwriting_has_a_bias_and_a_context(said, tmp_path):
    at, out = tmp_path / "run", tmp_path / "x.npy"
    line = f"fit handwriting --width 8 --mixtures 2 --rounds 1 --batch 4 --out {at}"
    assert main(line.split()) == 0
    drawn = []
    for words in ("", "--bias 2", "--temperature 0.3", "--context TEA", "--context TEA"):
        assert said(f"sample {at} -n 3 {words} --out {out}")[0] == 0
        drawn.append(np.load(out, allow_pickle=False))
    assert not any(np.array_equal(drawn[0], other) for other in drawn[1:])
    assert np.array_equal(drawn[3], drawn[4])
    code, _, err = said(f"sample {at} --top-k 2 --out {out}")
    assert code == 2
    assert "HandwritingSynthesis does not know --top-k: leave --top-k out" in err


def test_models_that_do_not_draw_by_value_say_so(said, tmp_path):
    at, out = tmp_path / "vae", tmp_path / "x.png"
    assert main(["fit", "vae_mlp", "--rounds", "0", "--data", "digits", "--out", str(at)]) == 0
    code, _, err = said(f"sample {at} --bias 0.5 --top-k 2 --out {out}")
    assert code == 2
    assert "VAE does not know --top-k and --bias: leave --top-k and --bias out" in err
    assert not out.exists()


def test_a_latent_shows_its_means(said, tmp_path):
    at = tmp_path / "vae"
    assert main(["fit", "vae_mlp", "--rounds", "2", "--data", "digits", "--out", str(at)]) == 0
    found = {}
    for words in ("", "--mean", "--temperature 0"):
        assert said(f"sample {at} -n 5 {words} --out {tmp_path}/x.npy")[0] == 0
        found[words] = np.load(tmp_path / "x.npy", allow_pickle=False)
    model = genus.load(at)
    torch.manual_seed(mix(0, 0))
    with torch.no_grad():
        means = model.decode(torch.randn(64, model.latent))[:5]
    assert np.array_equal(found["--mean"], means)
    assert np.abs(found["--temperature 0"] - found["--mean"]).mean() < 0.1
    assert np.abs(found[""] - found["--mean"]).mean() > 0.1
    (path,) = (at / "samples").glob("*.png")
    with Image.open(path) as image:
        lines = np.asarray(image)[2:].reshape(8, 66, -1)[:, :64].astype(float)
    roughness = np.abs(np.diff(lines[:, ::8], axis=2)).mean((1, 2))  # a digit's pixel is 8 wide
    assert (roughness[::2] < roughness[1::2]).all()  # a line of means above each of draws


def test_texts_of_any_length(said, tmp_path):
    book, at, out = tmp_path / "book.txt", tmp_path / "run", tmp_path / "x.txt"
    book.write_text("the cat sat on the mat. " * 60)
    line = f"fit char_rnn --data {book}?window=8 --width 8 --rounds 1 --batch 4 --out {at}"
    assert main(line.split()) == 0
    assert said(f"sample {at} -n 3 --prompt the --temperature 0.5 --out {out}")[0] == 0
    texts = out.read_text().splitlines()
    assert [len(text) for text in texts] == [8, 8, 8]
    assert all(text.startswith("the") for text in texts)
    line = f"sample {at} -n 2 --prompt thesaton --length 30 --seed 2 --out {out}"
    assert said(line)[0] == 0
    texts = out.read_text().splitlines()
    assert [len(text) for text in texts] == [38, 38]
    assert all(text.startswith("thesaton") for text in texts)
    assert said(line)[0] == 0
    assert out.read_text().splitlines() == texts
    code, _, err = said(f"sample {at} -n 2 --prompt {'t' * 9} --out {out}")
    assert code == 2
    assert "the prompt has 9 tokens; CharRNN makes 8" in err


def test_latents_are_truncated(said, tmp_path):
    at, out = tmp_path / "big", tmp_path / "x.npy"
    words = "--rounds 0 --width 2 --critic-width 2 --shared 2 --latent 4"
    assert main(["fit", "biggan", *words.split(), "--data", "digits", "--out", str(at)]) == 0
    found = {}
    for words in ("", "--threshold 0.01", "--threshold 50"):
        assert said(f"sample {at} -n 8 --context 3 {words} --out {out}")[0] == 0
        found[words] = np.load(out, allow_pickle=False)
    assert np.array_equal(found[""], found["--threshold 50"])
    assert found["--threshold 0.01"].std(0).mean() < found[""].std(0).mean()
    code, _, err = said(f"sample {at} --context 3 --threshold 0 --out {tmp_path}/y.npy")
    assert code == 2
    assert "threshold is 0.0; it must be above 0" in err
    assert not (tmp_path / "y.npy").exists()
