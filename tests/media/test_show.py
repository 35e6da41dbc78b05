"""show: what a notebook displays of samples, data sets and models, and what a file keeps."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import genus
from genus.core import Pixels, Reals, Tokens
from genus.data import load
from genus.density import Gaussian
from genus.media import Showing, read_note, show, shown
from genus.vae import VAE

LETTERS = replace(
    load("grammar"), name="<letters>", symbols=tuple("abcdefg<"), attributes={}, class_names=()
)
SOUNDS = replace(LETTERS, symbols=(), rate=8000)


def size(showing):
    return Image.open(io.BytesIO(showing._repr_png_())).size


def test_it_is_there_as_a_function():
    assert genus.show is show


def test_samples_are_a_picture_of_their_space():
    x = torch.rand(6, 1, 8, 8) * 2 - 1
    found = genus.show(x, Reals((1, 8, 8)))
    assert size(found) == found.picture.shape[1::-1]
    assert found._repr_html_() is None
    assert "6 rows" in repr(found)
    assert "picture" in repr(found)


def test_one_sample_and_arrays_are_shown_too():
    one = genus.show(np.zeros((1, 8, 8), np.float32), Pixels((1, 8, 8)))
    assert "1 row of" in repr(one)
    assert size(one) == (68, 68)


def test_images_stand_in_as_many_columns_as_are_wanted():
    x = torch.zeros(6, 1, 8, 8)
    assert size(show(x, Reals((1, 8, 8)), columns=6)) == (6 * 66 + 2, 68)
    assert size(show(load("digits"), n=6, columns=1)) == (68, 6 * 66 + 2)
    means = show(VAE(Pixels((1, 8, 8)), latent=2), n=8, columns=4)
    assert size(means) == (4 * 66 + 2, 2 * 66 + 2)  # a line of means above a line of draws
    assert not torch.equal(means.x[:4], means.x[4:])
    with pytest.raises(ValueError, match="columns is 0"):
        show(x, Reals((1, 8, 8)), columns=0)


def test_a_model_samples_and_labels_come_in_turn():
    model = Gaussian(Reals((2,)))
    assert len(show(model).x) == 2000
    assert torch.equal(show(model, n=3, seed=1).x, genus.sample(model, 3, 1))


def test_a_data_set_and_a_split_show_some_rows():
    digits = load("digits")
    assert torch.equal(show(digits).x, digits.train.batch(0, 16, 0)[0])
    assert len(show(digits.test, n=5).x) == 5
    assert show(show(digits)).x.shape == (16, 1, 8, 8)


def test_contexts_that_are_images_stand_at_the_left():
    pairs = load("digits_pairs")
    wide, high = size(show(pairs, n=1))
    assert wide > 1.8 * high


@pytest.mark.parametrize(("channels", "across"), [(1, 2), (2, 3), (3, 2)])
def test_grey_contexts_stand_at_the_left_of_any_channels(channels, across):
    """Two channels are two pictures, and three are colours."""
    x, context = torch.full((1, channels, 8, 8), 1.0), torch.full((1, 1, 8, 8), -1.0)
    found = shown(x, Pixels((channels, 8, 8)), context, Pixels((1, 8, 8)))
    side = (found.shape[0] - 4) // 8 * 8
    assert found.shape[1] == across * side + 4
    assert (found[2 : 2 + side, 2 : 2 + side] == 0).all()
    assert (found[2 : 2 + side, 2 + side : -2] == 255).all()


def test_texts_are_texts_and_cannot_be_markup():
    found = show(torch.tensor([[0, 7] * 16]), data=LETTERS)
    assert found._repr_png_() is None
    assert "a&lt;a&lt;" in found._repr_html_()
    assert "<letters>" not in LETTERS._repr_html_()
    assert "&lt;letters&gt;" in LETTERS._repr_html_()


def test_sounds_have_a_player_each():
    assert show(SOUNDS, n=3)._repr_html_().count("<audio controls src=") == 3


@pytest.mark.parametrize("name", ["a/x.png", "x.gif", "x.npy"])
def test_it_is_saved(tmp_path, name):
    found = show(load("digits"), n=4)
    path = found.save(tmp_path / name, note={"n": 4} if name.endswith("png") else None)
    assert path.stat().st_size > 0
    if path.suffix == ".npy":
        assert np.array_equal(np.load(path), found.x.numpy())
    if path.suffix == ".png":
        assert read_note(path) == {"n": 4}


def test_texts_and_sounds_are_saved(tmp_path):
    text = show(LETTERS, n=2).save(tmp_path / "x.txt").read_text("utf-8")
    assert len(text.splitlines()) == 2
    assert show(SOUNDS, n=2).save(tmp_path / "x.wav").read_bytes().startswith(b"RIFF")
    with pytest.raises(ValueError, match="need show"):
        show(torch.zeros(1, 4, dtype=torch.int64), Tokens(2, 4)).save(tmp_path / "x.txt")
    with pytest.raises(ValueError, match=r"must end in one of \.png"):
        show(LETTERS).save(tmp_path / "x.pdf")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((torch.zeros(2, 3),), "its space, or data"),
        ((torch.zeros(2, 3), Reals((4,))), r"shape \(2, 3\); it must be"),
        ((torch.zeros(0, 3), Reals((3,))), "n > 0"),
    ],
)
def test_what_it_refuses(arguments, named):
    with pytest.raises(ValueError, match=named):
        show(*arguments)


def test_it_refuses_what_has_no_samples():
    with pytest.raises(TypeError, match="x is str"):
        show("digits")
    assert isinstance(show(load("moons")), Showing)
