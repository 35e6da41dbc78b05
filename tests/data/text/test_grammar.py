"""The grammar: every sequence is counted."""

import math
from itertools import pairwise, product

import pytest
import torch

from genus.core import Tokens
from genus.data import load
from genus.data.splits import stream
from genus.data.text.grammar import Grammar

SMALL = Grammar(vocabulary=5, length=4, leap=0.3, turn=0.2)


def every(toy):
    return torch.tensor(list(product(range(toy.vocabulary), repeat=toy.length)))


def by_hand(toy, x):
    """p(x), walked token by token as the docstring says it."""
    p, before = 1 / toy.vocabulary, None
    for a, b in pairwise(x):
        moves = {s: (a + s) % toy.vocabulary for s in (1, 2, -1, -2)}
        step = next((s for s, end in moves.items() if end == b), None)
        if step is None:
            return 0.0
        way = step > 0
        p *= 0.5 if before is None else (toy.turn if way != before else 1 - toy.turn)
        p *= toy.leap if abs(step) == 2 else 1 - toy.leap
        before = way
    return p


def test_probabilities_entropy_and_bigrams_by_counting():
    rows = every(SMALL)
    log_p = SMALL.log_prob(rows)
    p = log_p.exp()
    truth = torch.tensor([by_hand(SMALL, row) for row in rows.tolist()], dtype=torch.float64)
    torch.testing.assert_close(p, truth)
    assert p.sum().item() == pytest.approx(1.0)
    assert SMALL.entropy == pytest.approx(-(p[p > 0] * log_p[p > 0]).sum().item())
    for place in range(SMALL.length - 1):
        law = torch.zeros(5, 5, dtype=torch.float64)
        law.index_put_((rows[:, place], rows[:, place + 1]), p, accumulate=True)
        torch.testing.assert_close(law, SMALL.bigrams())


def test_draws_have_their_probability():
    x, begins = SMALL.sample(40_000, stream("grammar"))
    number = (x * 5 ** torch.arange(4)).sum(1)
    rows = every(SMALL)
    found = torch.bincount(number, minlength=5**4)[(rows * 5 ** torch.arange(4)).sum(1)] / 40_000
    p = SMALL.log_prob(rows).exp()
    assert ((found - p).abs() <= 5 * (p * (1 - p) / 40_000).sqrt()).all()
    assert torch.equal(begins == 0, (x[:, 1] - x[:, 0]) % 5 <= 2)


def test_a_reading_tells_right_from_wrong():
    toy = Grammar()
    x, _ = toy.sample(4000, stream("read"))
    right = toy.read(x)
    assert right.legal == 1.0
    assert right.turns == pytest.approx(toy.turn, abs=5 * math.sqrt(0.09 / (4000 * 30)))
    assert 0 <= right.bigram_kl < 32 / (4000 * 31)  # (bigrams - 1) / 2n, twice
    wrong = toy.read(torch.randint(8, (4000, 32)))
    assert wrong.legal == pytest.approx(0.5, abs=0.01)
    assert wrong.turns == pytest.approx(0.5, abs=0.02)
    assert wrong.bigram_kl == pytest.approx(0.5 * math.log(1 / 0.75), abs=0.01)
    shuffled = toy.read(x[:, torch.randperm(32)])
    assert shuffled.legal < 0.7
    assert toy.read(torch.zeros(3, 32, dtype=torch.int64)).bigram_kl == math.inf


def test_it_is_a_data_set_of_tokens():
    data = load("grammar")
    assert data.space == Tokens(8, 32)
    (x,) = data.train.batch(3, 50, 0)
    data.space.check(x, "batch")
    assert data.entropy == pytest.approx(29.9578, abs=1e-3)
    log_p = data.log_prob(data.test.everything()[0])
    assert -log_p.mean().item() == pytest.approx(data.entropy, abs=5 * log_p.std().item() / 100)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"vocabulary": 4}, "Grammar: vocabulary is 4 and length 32; at least 5 and 3"),
        ({"length": 2}, "Grammar: vocabulary is 8 and length 2; at least 5 and 3"),
        ({"turn": 0.0}, r"Grammar: leap is 0.25 and turn 0.0; both must be in \(0, 1\)"),
        ({"leap": 1.0}, "Grammar: leap is 1.0"),
    ],
)
def test_what_is_no_grammar_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        Grammar(**arguments)
