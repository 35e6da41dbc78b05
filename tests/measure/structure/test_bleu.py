"""BLEU by hand, and what a run looks at while it learns to translate."""

import math

import pytest
import torch

from genus.autoregressive import Seq2Seq
from genus.core import Reals, Tokens
from genus.data.splits import Rows
from genus.data.text.languages import several
from genus.density import Gaussian
from genus.functional.sequences.choices import Decoding
from genus.measure.structure.bleu import bleu, words_of
from genus.measure.structure.translating import Translations


def test_by_hand():
    made, true = [several("the the the the")], [several("the cat is here")]
    assert bleu(made, true, most=1) == 0.25  # a word counts as often as it is there
    made, true = [several("the cat is on the mat")], [several("the cat sat on the mat")]
    p = [5 / 6, 3 / 5, 1 / 4]
    assert bleu(made, true, most=3) == pytest.approx(math.prod(p) ** (1 / 3))
    assert bleu(made, true) == 0  # no four words in a row


def test_what_is_too_short_pays():
    true = [several("a b c d e f g h")]
    assert bleu(true, true) == 1
    assert bleu([several("a b c d")], true) == pytest.approx(math.exp(1 - 8 / 4))
    long = bleu([several("a b c d e f g h i")], true)
    assert long == pytest.approx((8 / 9 * 7 / 8 * 6 / 7 * 5 / 6) ** 0.25)


def test_counts_are_of_the_corpus():
    """Shares are of all n-grams together, not means over sentences."""
    made = [several("a b"), several("a b c d e f")]
    true = [several("x y"), several("a b c d e f")]
    p = [6 / 8, 5 / 6, 4 / 4, 3 / 3]
    assert bleu(made, true) == pytest.approx(math.prod(p) ** 0.25)
    assert bleu([[]], [several("a")]) == 0


def test_what_is_refused():
    with pytest.raises(ValueError, match="2 translations and 1 references"):
        bleu(["a", "b"], ["a"])


def test_words_stop_at_the_end():
    assert words_of(torch.tensor([[1, 0, 2], [1, 2, 3]]), 0) == [[1], [1, 2, 3]]
    assert words_of(torch.tensor([[1, 0, 2]]), None) == [[1, 0, 2]]


def test_translations_are_right_throughout_or_wrong():
    torch.manual_seed(0)
    space = Tokens(3, 2)
    model = Seq2Seq(space, space, 4, 4).eval()
    context = torch.randint(3, (40, 2))
    greedy = model.sample(context=context, decoding=Decoding(temperature=0))
    x = greedy.clone()
    x[:10, 1] = (x[:10, 1] + 1) % 3
    figures = Translations(Rows(x, space, context=context, context_space=space))(model)
    assert list(figures) == ["wrong", "nats"]
    assert figures["wrong"] == pytest.approx(0.25)
    assert figures["nats"] == pytest.approx(-model.log_prob(x, context).mean().item(), rel=1e-4)
    with pytest.raises(ValueError, match="Gaussian does not translate"):
        Translations(Rows(torch.zeros(4, 2), Reals((2,)), context=torch.zeros(4)))(
            Gaussian(Reals((2,)))
        )
