"""Drawings from files, texts that a pen writes, and the rule that reads them."""

import os

import numpy as np
import pytest
import torch

from genus.core import Strokes
from genus.data import load
from genus.data.strokes.glyphs import (
    ALPHABET,
    END,
    GlyphReader,
    Hand,
    accuracy,
    edits,
    lines_of,
    spelled,
    tokens,
)
from genus.data.strokes.strokes import FILES, strokes


def write(folder, name="sheep"):
    draw = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 30), ("valid", 3), ("test", 4)):
        lengths = draw.integers(2, 7, count).astype(np.int32)
        steps = draw.integers(-20, 20, (lengths.sum(), 3)).astype(np.int16)
        steps[:, 2] = 0
        steps[np.cumsum(lengths) - 1, 2] = 1
        arrays |= {f"{part}_strokes": steps, f"{part}_lengths": lengths}
    np.savez(folder / FILES[name], **arrays)
    return arrays


def test_drawings_are_what_the_file_says_but_for_the_grid(tmp_path):
    file = write(tmp_path)
    data = strokes(tmp_path, "sheep")
    assert data.space == Strokes(1 + max(file[f"{p}_lengths"].max() for p in ("train", "valid")))
    scale = file["train_strokes"][:, :2].std()
    for split, part in (("train", "train"), ("validation", "valid"), ("test", "test")):
        (x,) = data.splits[split].everything()
        data.space.check(x, split)
        on = x[..., 2] != 2
        assert (on.sum(1).numpy() == file[f"{part}_lengths"]).all()
        back = x[on].numpy()
        assert (back[:, 2] == file[f"{part}_strokes"][:, 2]).all()
        assert np.abs(back[:, :2] * scale - file[f"{part}_strokes"][:, :2]).max() <= 0.5 + 1e-4
    assert torch.equal(strokes(tmp_path, "sheep").test.everything()[0], data.test.everything()[0])


def test_a_folder_without_them_is_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no short_kanji"):
        strokes(tmp_path, "kanji")


@pytest.mark.parametrize("name", ["sheep", "kanji"])
def test_real_drawings(name):
    if not os.environ.get("GENUS_DATA"):
        pytest.skip(f"{name} is in the folder that GENUS_DATA names")
    data = load(name)
    (x,) = data.train.batch(0, 100, 0)
    data.space.check(x, name)
    assert 0.7 < x[x[..., 2] != 2][:, :2].std() < 1.4


# glyphs


def test_batches_are_drawings_and_their_texts():
    data = load("glyphs")
    x, texts = data.train.batch(3, 50, 1)
    data.space.check(x, "glyphs")
    assert data.context_space is not None
    data.context_space.check(texts, "glyphs")
    again = data.train.batch(3, 50, 1)
    assert torch.equal(again[0], x)
    assert torch.equal(again[1], texts)
    assert not torch.equal(data.train.batch(4, 50, 1)[0], x)
    moves = x[x[..., 2] != 2][:, :2]
    assert 0.5 < moves.std() < 2
    assert data.train.fingerprint != data.test.fingerprint
    with pytest.raises(ValueError, match="no labels"):
        data.train.labelled()


def test_a_still_hand_writes_letters_as_they_are():
    hand = Hand(tremor=0, slant=0, size=0)
    x = hand.write(tokens(["TI"], 6), torch.Generator())[0]
    bar, stem, other = (line / 2.5 for line in lines_of(x))
    torch.testing.assert_close(bar, torch.tensor([[0, -1], [0.6, -1]]))
    torch.testing.assert_close(stem, torch.tensor([[0.3, -1], [0.3, -0.5], [0.3, 0]]))
    torch.testing.assert_close(other, torch.tensor([[0.95, -1], [0.95, -0.5], [0.95, 0]]))
    assert x[:9, 2].tolist() == [0, 1, 0, 0, 1, 0, 0, 1, 2]


def test_a_slanted_hand_moves_tops_to_the_right():
    hand, texts = Hand(tremor=0, size=0), tokens(["I"], 6).expand(200, -1)
    x = hand.write(texts, torch.Generator().manual_seed(0))
    lean = torch.tensor([float(line[0, 0] - line[-1, 0]) / 2.5 for (line,) in map(lines_of, x)])
    assert (lean.std() - 0.25).abs() < 5 * 0.25 / (2 * 200) ** 0.5
    read = [GlyphReader()(drawing) for drawing in x[:20]]
    torch.testing.assert_close(torch.tensor([r.slant for r in read]), lean[:20], rtol=0, atol=1e-3)


def test_texts_and_tokens():
    hand = Hand()
    texts = hand.texts(100, torch.Generator().manual_seed(0))
    hand.context_space.check(texts, "texts")
    words = spelled(texts)
    assert {len(word) for word in words} == {2, 3, 4, 5, 6}
    assert torch.equal(tokens(words, 6), texts)
    assert END not in range(1, len(ALPHABET) + 1)
    with pytest.raises(ValueError, match="'aB' is not a text"):
        tokens(["aB"], 6)


def test_the_reader_reads_every_letter_and_texts():
    reader = GlyphReader()
    still = Hand(characters=len(ALPHABET), tremor=0, slant=0, size=0)
    assert reader(still.write(tokens([ALPHABET], 16), torch.Generator())[0]).text == ALPHABET
    x, texts = load("glyphs").test.everything()
    words = spelled(texts[:40])
    assert accuracy([reader(one).text for one in x[:40]], words) > 0.95


def test_the_reader_does_not_read_what_is_not_there():
    reader = GlyphReader()
    x, _ = load("glyphs").test.everything()
    words = [reader(one).text for one in x[:10]]
    assert reader(x[0][:0]).text == ""
    lifted = x[0].clone()
    lifted[lifted[:, 2] == 0, 2] = 1  # only points are left
    assert reader(lifted).text == ""
    wild = torch.cat([3 * torch.randn(10, 55, 2), x[:10, :, 2:]], 2)
    assert accuracy([reader(one).text for one in wild], words) < 0.5


def test_edits():
    assert [edits(*pair) for pair in (("", ""), ("AB", ""), ("ACE", "ACE"), ("KILT", "ILT"))] == [
        *(0, 2, 0, 1)
    ]
    assert edits("TAIL", "TILL") == 2
    assert accuracy(["AC", ""], ["AC", "IO"]) == 0.5
