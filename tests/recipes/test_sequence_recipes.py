"""Recipes of sentences, words, drawings and graphs: a short run, looked at on the way."""

import json

import pytest

from genus.core import ConditionalModel
from genus.recipes import find
from genus.run import Run

SIZES = {
    "seq2seq": {"width": 8, "embedding": 4},
    "translation_transformer": {"width": 12},
    "skipgram": {"width": 4},
    "handwriting": {"width": 8, "mixtures": 2},
    "graphrnn": {},
    "graphrnn_s": {},
    "dgmg": {},
}


@pytest.mark.parametrize("name", SIZES)
def test_a_run_can_be_looked_at(name, tmp_path):
    run = Run(rounds=2, batch=4, evaluate_every=1, device="cpu", out=tmp_path)
    model = find(name)(run=run, **SIZES[name])
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    looks = [line for line in lines if any(key in line for key in ("nats", "wrong"))]
    assert len(looks) >= 2
    if not isinstance(model, ConditionalModel):
        assert model.sample(2).shape == (2, *model.space.shape)
