"""Recipes of texts, a few rounds of each, on a text that is made here."""

import inspect
from dataclasses import replace

import pytest
import torch

from genus.recipes.autoregressive.char_rnn import char_rnn
from genus.recipes.autoregressive.transformer import transformer
from genus.train.run import Run

CONTENT = "".join(f"{i} bottles of beer;\n" for i in range(300, 0, -1))


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "bottles.txt"
    file.write_text(CONTENT, encoding="utf-8")
    return f"{file}?window=16"


def figures(folder):
    return (folder / "metrics.jsonl").read_text().splitlines()[-1]


@pytest.mark.parametrize("recipe", [char_rnn, transformer])
def test_a_text_is_learnt_and_read(recipe, path, tmp_path):
    run = Run(rounds=80, batch=16, lr=1e-2, out=tmp_path / "run", evaluate_every=80)
    model = recipe(path, width=32, layers=1, run=run)
    line = figures(tmp_path / "run")
    assert '"nats_per_symbol"' in line
    nats = float(line.split('"nats_per_symbol": ')[1].split(",")[0])
    assert nats < 1.0  # that of the frequencies alone is 2.7
    assert model.sample(2).shape == (2, 16)


def test_only_matrices_decay(path):
    """With a large decay, and hardly a gradient, just matrices shrink."""
    still = replace(inspect.signature(transformer).parameters["run"].default, rounds=2, batch=4)
    before = transformer(path, width=16, layers=1, heads=2, run=replace(still, rounds=0))
    gentle = replace(still, lr=1e-4, clip=1e-9, ema=None)
    after = transformer(path, width=16, layers=1, heads=2, decay=1000.0, run=gentle)
    for (name, was), now in zip(before.named_parameters(), after.parameters(), strict=True):
        if was.dim() < 2:
            torch.testing.assert_close(now, was, rtol=0, atol=3e-4)
        elif was.abs().max() > 0:
            assert now.norm() < 0.99 * was.norm(), name


def test_what_is_no_text_is_refused():
    for recipe in (char_rnn, transformer):
        with pytest.raises(ValueError, match="Tokens are wanted"):
            recipe("digits", run=Run(rounds=0))
