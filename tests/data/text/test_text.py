"""Texts: windows from anywhere, the held-out tenth, and back to characters."""

import pytest
import torch

from genus.data import load
from genus.data.text.text import characters, text

CONTENT = "".join(f"{i} bottles of beer;\n" for i in range(100, 0, -1))


def test_a_text_comes_back_from_its_tokens():
    data = characters(CONTENT, "bottles", window=32)
    both = torch.cat([data.train.text, data.validation.text])
    assert "".join(data.text(both[None])) == CONTENT
    assert len(data.train.text) == 9 * len(CONTENT) // 10
    assert data.space.vocabulary == len(set(CONTENT))
    assert torch.equal(data.tokens("beer"), data.tokens("beer\n")[:-1])


def test_batches_are_windows_from_anywhere_and_follow_number_and_seed():
    split = characters(CONTENT, "bottles", window=32).train
    (x,) = split.batch(3, 500, 0)
    assert x.shape == (500, 32)
    split.space.check(x, "test")
    windows = {tuple(row) for row in split.text.unfold(0, 32, 1).tolist()}
    assert {tuple(row) for row in x.tolist()} <= windows
    assert len(x.unique(dim=0)) > 300
    assert torch.equal(x, split.batch(3, 500, 0)[0])
    assert not torch.equal(x, split.batch(4, 500, 0)[0])
    assert not torch.equal(x, split.batch(3, 500, 1)[0])


def test_the_last_window_can_come():
    held = len(CONTENT) - 9 * len(CONTENT) // 10
    split = characters(CONTENT, "bottles", window=held).validation
    assert len(split) == 1
    assert torch.equal(split.batch(0, 2, 0)[0], split.text.expand(2, -1))


def test_everything_is_the_text_in_order():
    split = characters(CONTENT, "bottles", window=32).train
    (x,) = split.everything()
    assert len(x) == len(split)
    assert torch.equal(x.flatten(), split.text[: x.numel()])
    assert len(split.text) - x.numel() < 32


def test_a_file_and_a_folder_are_read(tmp_path):
    path = tmp_path / "bottles.txt"
    path.write_text(CONTENT, encoding="utf-8")
    one, other = text(path, window=16), text(tmp_path, "beer", window=20)
    assert (one.name, other.name) == ("bottles", "beer")
    assert one.symbols == other.symbols
    assert one.train.fingerprint == characters(CONTENT, "x", window=16).train.fingerprint
    assert one.train.fingerprint != other.train.fingerprint  # another window


def test_a_text_is_loaded_by_its_path(tmp_path, monkeypatch):
    path = tmp_path / "tinyshakespeare" / "input.txt"
    path.parent.mkdir()
    path.write_text(CONTENT, encoding="utf-8")
    assert load(f"{path}?window=16").space == load(path, window=16).space
    monkeypatch.setenv("GENUS_DATA", str(tmp_path))
    named = load("tinyshakespeare?window=16")
    assert (named.name, named.space.length) == ("tinyshakespeare", 16)
    with pytest.raises(ValueError, match="takes no option size"):
        load(path, size=8)


def test_what_cannot_be_is_said(tmp_path):
    with pytest.raises(ValueError, match="smaller window"):
        characters("too short", "x", window=32)
    with pytest.raises(ValueError, match="at least 1"):
        characters(CONTENT, "x", window=0)
    with pytest.raises(ValueError, match="0 files"):
        text(tmp_path)
    (tmp_path / "x.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ValueError, match="UTF-8"):
        text(tmp_path)
    with pytest.raises(ValueError, match="no labels"):
        characters(CONTENT, "x", window=8).labelled()
