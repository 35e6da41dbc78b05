"""Rows to measure are read block by block, and are the rows that they are at once."""

import pytest
import torch
from torch import nn

import genus
from genus.core import GenerativeModel, Pixels, Reals
from genus.data import Data, Rows, load
from genus.density import Gaussian
from genus.measure import evaluate, evaluation, rows
from genus.measure.rows import Chosen, shuffled
from genus.report.pictures import picture_of_data, pictures


@pytest.mark.parametrize("chunk", [1, 10_000, 2**30])
def test_blocks_do_not_depend_on_the_memory(chunk, monkeypatch):
    monkeypatch.setattr(rows, "CHUNK", chunk)
    split = load("digits").binarised().test
    whole = split.everything()[0]
    chosen = Chosen(split).shuffled(200)
    assert torch.equal(chosen.whole()[0], shuffled((whole,), 200)[0])
    blocks = [x for (x,) in chosen.blocks(70)]
    assert [len(x) for x in blocks] == [70, 70, 60]
    assert torch.equal(torch.cat(blocks), chosen.whole()[0])
    again = chosen.shuffled(250)  # more than there are
    assert torch.equal(again.whole()[0], shuffled(chosen.whole(), 250)[0])
    assert torch.equal(again.first(3)[0], again.whole()[0][:3])


def test_rows_are_as_the_model_has_them():
    model = Gaussian(Reals((2,))).double()
    assert Chosen(load("digits").test, model=model).first(2)[0].dtype == torch.float64


class Grey(GenerativeModel):
    """A uniform density."""

    def __init__(self, space):
        super().__init__()
        self.space = space
        self.level = nn.Parameter(torch.zeros(1))

    def log_prob(self, x):
        return x.flatten(1).sum(1) * self.level

    def sample(self, n=None, context=None):
        return self.noise(n, *self.space.shape).clamp(-1, 1)


class Watched:
    """Black pictures as a store that knows the most rows that were read at once."""

    def __init__(self, n):
        self.shape, self.fingerprint, self.most = (n, 1, 8, 8), "watched", 0

    def take(self, indices):
        self.most = max(self.most, len(indices))
        return (indices % 17).to(torch.uint8)[:, None, None, None].expand(-1, 1, 8, 8)


@pytest.fixture
def watched(monkeypatch):
    """A large set of pictures, of which few fit into memory at once."""
    monkeypatch.setattr(rows, "CHUNK", 1000)
    monkeypatch.setattr(evaluation, "BASE", 100)  # rows whose rates begin an annealing path
    parts = [Rows(Watched(2_000), Pixels((1, 8, 8), 17), name=name) for name in "abc"]
    return Data("digits", *parts)


def most(data):
    return max(split.rows.most for split in data.splits.values())


def test_a_large_split_is_never_read_at_once(watched, tmp_path):
    figures = evaluate(Grey(watched.space), watched, samples=100)
    assert figures[0].protocol["rows"] == 2_000
    assert most(watched) <= 500
    (tmp_path / "run").mkdir()
    judge = genus.measure.oracle("digits")
    pictures(tmp_path / "run", judge, watched, watched.test.first(8)[0], None)
    picture_of_data(watched, tmp_path)
    assert most(watched) <= 500
