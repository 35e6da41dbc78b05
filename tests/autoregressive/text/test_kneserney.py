"""Kneser-Ney: against counts made one by one, and over all that may follow."""

from collections import Counter, defaultdict

import pytest
import torch
from laws import probability_sums_to_one

from genus.autoregressive import Decoding, KneserNey
from genus.core import Tokens
from genus.train import artifact

TEXT = "abracadabra, a barbarian brat; a bad crab, a rabid cab, abracadabra"


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)


def tokens(text=TEXT):
    symbols = sorted(set(TEXT))
    return torch.tensor([[symbols.index(symbol) for symbol in text]])


def fitted(grams, modified=True, text=TEXT):
    model = KneserNey(Tokens(len(set(TEXT)), 6), grams, modified)
    assert len(list(model.fit(tokens(text)))) == 1
    return model


def by_hand(text, history, order, modified, vocabulary):
    """p(. | history), from dictionaries of strings."""
    counts = {order: Counter(text[i : i + order] for i in range(len(text) - order + 1))}
    for k in range(1, order):
        before = defaultdict(set)
        for i in range(len(text) - k):
            before[text[i + 1 : i + 1 + k]].add(text[i])
        counts[k] = Counter({gram: len(left) for gram, left in before.items()})
    p = dict.fromkeys(vocabulary, 1 / len(vocabulary))
    for k in range(1, min(order, len(history) + 1) + 1):
        n = Counter(min(c, 5) for c in counts[k].values())
        n = {c: max(1, n[c]) for c in range(1, 5)}
        y = n[1] / (n[1] + 2 * n[2])
        taken = dict.fromkeys((1, 2, 3), y)
        if modified:
            taken = {c: c - (c + 1) * y * n[c + 1] / n[c] for c in (1, 2, 3)}
        taken = {c: min(max(d, 0.01), c) for c, d in taken.items()}
        context = history[len(history) - k + 1 :]
        after = {w: counts[k][context + w] for w in vocabulary}
        total = sum(after.values())
        if total:
            rest = sum(taken[min(c, 3)] for c in after.values() if c) / total
            p = {
                w: (c - taken[min(c, 3)] if c else 0) / total + rest * p[w]
                for w, c in after.items()
            }
    return p


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("modified", [True, False])
def test_it_agrees_with_counts_made_one_by_one(order, modified):
    model, vocabulary = fitted(order, modified), sorted(set(TEXT))
    held = "a crab; bad bat, br"
    found = model.along(tokens(held))[0].exp()
    for i, symbol in enumerate(held):
        p = by_hand(TEXT, held[:i], order, modified, vocabulary)
        assert abs(sum(p.values()) - 1) < 1e-12
        assert abs(found[i] - p[symbol]) < 1e-12


def test_logits_are_the_log_probabilities():
    model, x = fitted(3), tokens(TEXT[10:22]).view(2, 6)
    logits = model.logits(x)
    torch.testing.assert_close(logits.logsumexp(2), torch.zeros(2, 6))
    chosen = logits.gather(2, x[..., None])[..., 0]
    torch.testing.assert_close(chosen, model.log_probs(x), rtol=0, atol=1e-12)


def test_it_sees_grams_less_one_symbols_and_no_more():
    model = fitted(3)
    x = tokens("abraca").repeat(10, 1)
    before = model.logits(x)
    for place in range(6):
        other = x.clone()
        other[:, place] = torch.arange(10) % model.space.vocabulary
        moved = ((model.logits(other) - before).abs() > 1e-12).any(0).any(1)
        expected = [place < i <= place + 2 for i in range(6)]
        assert moved.tolist() == expected


def test_no_symbol_is_impossible_and_rows_do_not_run_into_each_other():
    model = KneserNey(Tokens(3, 2), 2)
    list(model.fit(torch.tensor([[0, 0], [1, 1]])))
    assert model.log_probs(torch.tensor([[0, 2], [2, 2], [0, 1]])).isfinite().all()
    row = KneserNey(Tokens(3, 2), 2)
    list(row.fit(torch.tensor([[0, 0, 1, 1]])))
    one, joined = (m.log_probs(torch.tensor([[0, 1]]))[0, 1] for m in (model, row))
    assert joined > one + 0.1


def test_an_end_ends_a_text():
    model = KneserNey(Tokens(3, 3, end=0), 2)
    list(model.fit(torch.tensor([[1, 2, 0], [2, 1, 1], [1, 0, 0]])))
    probability_sums_to_one(model, torch.tensor([[1, 0, 0]]))
    score = model.log_probs(torch.tensor([[1, 0, 0]]))[0]
    assert score[2] == 0
    assert score[1] < 0


def test_a_discount_that_is_not_given_on_would_be_seen(monkeypatch):
    """A liar: what is taken from counts goes nowhere."""
    model = KneserNey(Tokens(3, 3), 2)
    list(model.fit(torch.tensor([[1, 2, 0], [2, 1, 1], [1, 0, 0]])))
    model.rests2.zero_()
    with pytest.raises(AssertionError):
        probability_sums_to_one(model, torch.tensor([[1, 0, 0]]))


def test_tables_come_back_from_disk(tmp_path):
    model = fitted(3)
    artifact.save(model, tmp_path)
    twin = artifact.load(tmp_path)
    x = tokens("a crab")
    assert torch.equal(twin.log_prob(x), model.log_prob(x))
    assert not torch.equal(KneserNey(model.space, 3).log_prob(x), model.log_prob(x))


def test_it_goes_on_for_any_length():
    """At temperature 0 with the likeliest by hand, beyond the length of a row."""
    model, text = fitted(4), "abr"
    vocabulary = sorted(set(TEXT))
    followed = model.extend(tokens(text), 12, Decoding(temperature=0))
    for _ in range(12):
        p = by_hand(TEXT, text, 4, True, vocabulary)
        text += max(vocabulary, key=lambda symbol: p[symbol])
    assert torch.equal(followed, tokens(text)[:, 3:])


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="1 or more"):
        KneserNey(Tokens(3, 4), 0)
    with pytest.raises(ValueError, match="63 bits"):
        KneserNey(Tokens(256, 10), 8)


def test_a_text_that_ends_is_not_of_any_length():
    net, x = KneserNey(Tokens(3, 4, end=0), 2), torch.ones(2, 3).long()
    with pytest.raises(ValueError, match="ends at token 0"):
        net.along(x)
    with pytest.raises(ValueError, match="ends at token 0"):
        net.extend(x, 5)
