"""A corpus with planted analogies, and the pairs that skip-gram learns from."""

import pytest
import torch

from genus.core import Bits, Tokens
from genus.data.splits import Rows
from genus.data.text.analogies import ANYWHERE, ROLES, corpus, counted, neighbouring


@pytest.fixture(scope="module")
def planted():
    return corpus(rows=3000)


def test_words_are_words(planted):
    assert len(set(planted.words.words)) == len(planted.words.words)
    for split in planted.data.splits.values():
        split.space.check(split.everything()[0], "x")


def test_half_of_the_pairs_never_meet(planted):
    every = [pair for each in planted.pairs.values() for pair in each]
    assert len(planted.apart) == len(every) // 2
    texts = [set(text.split()) for text in planted.data.text(planted.data.train.everything()[0])]
    met = {pair for pair in every if any(set(pair) <= text for text in texts)}
    assert not met & planted.apart
    assert len(met) > len(every) // 3


def test_both_of_a_pair_keep_the_same_company_but_for_their_roles(planted):
    x = planted.data.train.everything()[0]
    split = neighbouring(planted.data.train, window=9)
    counts = counted(split.everything(), len(planted.words.words)).double()
    number = planted.words.numbers
    roles = [number[w] for words in ROLES.values() for w in words]
    anywhere = [number[w] for w in ANYWHERE]
    left = [i for i in range(len(counts)) if i not in roles and i not in anywhere]
    for one, other in (("france", "paris"), ("king", "queen"), ("cats", "cat")):
        own = counts[number[one], left].argmax(), counts[number[other], left].topk(4).indices
        assert own[0] in own[1]
    country, capital = (
        sum(counts[number[w], number[r]] for r in ROLES["country"]) for w in ("peru", "lima")
    )
    assert country > 3 * capital
    assert x.shape[1] == 10


def test_questions_are_pairs_of_pairs(planted):
    questions, apart = planted.questions("capital")
    assert len(questions) == 16 * 15
    words = [[planted.words.words[i] for i in row] for row in questions.tolist()]
    assert ["france", "paris", "italy", "rome"] in words
    for row, held in zip(words, apart.tolist(), strict=True):
        assert (tuple(row[2:]) in planted.apart) == held
        assert len(set(row)) == 4


def test_neighbours_are_within_their_window():
    space = Tokens(7, 6, 0)
    x = torch.tensor([[1, 2, 3, 4, 5, 6]]).repeat(2000, 1)
    neighbour, word = neighbouring(Rows(x, space), window=3).everything()
    gap = (neighbour - word).abs()
    assert gap.min() == 1
    assert gap.max() == 3
    share = gap.bincount()[1:].double() / torch.tensor([10.0, 8.0, 6.0]) / 2000
    torch.testing.assert_close(share, torch.tensor([3, 2, 1]).double() / 3, atol=0.03, rtol=0)


def test_ends_have_no_neighbours_and_sentences_do_not_meet():
    space = Tokens(5, 4, 0)
    x = torch.tensor([[1, 2, 0, 0], [3, 4, 0, 0], [1, 0, 0, 0]])
    neighbour, word = neighbouring(Rows(x, space), window=2).everything()
    assert sorted(zip(word.tolist(), neighbour.tolist(), strict=True)) == [
        (1, 2),
        (2, 1),
        (3, 4),
        (4, 3),
    ]


def test_frequent_words_are_left_out_and_the_others_close_up():
    """A share f is kept with probability sqrt(t / f); what it stood between are then neighbours."""
    space = Tokens(4, 3, 0)
    x = torch.tensor([[2, 1, 3]]).repeat(20_000, 1)
    neighbour, word = neighbouring(Rows(x, space), window=1, threshold=1 / 12).everything()
    p = 0.5  # of each word, whose share is a third
    counts = counted((neighbour, word), 4).double() / 20_000
    torch.testing.assert_close(
        counts[2, 3], torch.tensor(p**2 * (1 - p)).double(), atol=0.01, rtol=0
    )
    torch.testing.assert_close(counts[2, 1], torch.tensor(p**2).double(), atol=0.015, rtol=0)


def test_what_is_refused(planted):
    with pytest.raises(ValueError, match="Tokens that have an end"):
        neighbouring(Rows(torch.zeros(2, 3), Bits((3,))))
    with pytest.raises(ValueError, match="window is 0"):
        neighbouring(planted.data.train, window=0)
