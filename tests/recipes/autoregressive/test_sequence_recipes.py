"""Recipes of sentences, words, drawings and graphs: a short run, looked at on the way."""

import json
from dataclasses import replace

import pytest

from genus.core import Graphs
from genus.data import Data, load
from genus.data.splits import Rows
from genus.measure import evaluate
from genus.recipes import find
from genus.train.run import Run

pytestmark = pytest.mark.usefixtures("few_sentences")
SIZES = {
    "seq2seq": {"width": 8, "embedding": 4},
    "translation_transformer": {"width": 12},
    "skipgram": {"width": 4},
    "handwriting": {"width": 8, "mixtures": 2},
    "graphrnn": {},
    "graphrnn_s": {},
    "dgmg": {},
}


DATA = {
    "seq2seq": "reordering",
    "skipgram": "word_pairs",
    "handwriting": "glyphs",
    "graphrnn_s": "community_small",
}


def few(data: Data) -> Data:
    """The same with 20 test rows, where there are more."""
    x = data.test.batch(0, 20, 0)
    rows = Rows(
        x[0],
        data.space,
        context=x[1] if len(x) > 1 else None,
        context_space=data.context_space,
    )
    return data if isinstance(data.space, Graphs) else replace(data, test=rows)


@pytest.mark.parametrize("name", SIZES)
def test_a_run_can_be_looked_at(name, tmp_path):
    run = Run(rounds=2, batch=4, evaluate_every=1, device="cpu", out=tmp_path)
    model = find(name)(run=run, **SIZES[name])
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    looks = [line for line in lines if any(key in line for key in ("nats", "wrong"))]
    assert len(looks) >= 2
    if not (model.context_space is not None):
        assert model.sample(2).shape == (2, *model.space.shape)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("seq2seq", {"nll", "bits_per_dim", "right"}),
        ("skipgram", {"nll", "bits_per_dim"}),
        ("handwriting", {"nll"}),
        ("graphrnn_s", {"nll", "degree_mmd", "clustering_mmd", "orbit_mmd"}),
    ],
)
def test_what_was_learnt_can_be_evaluated(name, wanted):
    model = find(name)(run=Run(rounds=0, device="cpu"), **SIZES[name])
    data = few(load(DATA[name])).view_for(model)
    figures = {figure.name: figure.value for figure in evaluate(model, data, samples=6)}
    assert figures.keys() == wanted | {"parameters", "samples_per_second"}
    if "right" in figures:
        assert 0 <= figures["right"] < 1
