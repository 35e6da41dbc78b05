"""Tokens that stand for characters or words, and back."""

import pytest
import torch

from genus.core import Attributes, Classes, Reals, Tokens
from genus.data.sets import Data
from genus.data.splits import Rows


def data(space: Tokens, symbols: tuple[str, ...], separator: str = "") -> Data:
    rows = Rows(torch.zeros(2, space.length, dtype=torch.int64), space)
    return Data("fables", rows, rows, rows, symbols=symbols, separator=separator)


def test_characters():
    fables = data(Tokens(3, 4), ("a", "b", "\n"))
    assert fables.text(torch.tensor([[0, 1, 2, 0], [1, 1, 1, 1]])) == ["ab\na", "bbbb"]
    assert fables.tokens("ba\n").tolist() == [1, 0, 2]
    with pytest.raises(ValueError, match="fables: the text has 'x', 'y', which never occurs"):
        fables.tokens("axby")


def test_words_end_where_the_sequence_ends():
    fables = data(Tokens(3, 4, end=0), (".", "the", "fox"), " ")
    assert fables.text(torch.tensor([[1, 2, 0, 0], [1, 2, 1, 2]])) == ["the fox", "the fox the fox"]
    assert fables.tokens("fox the").tolist() == [2, 1]


def test_what_a_context_says():
    labels = torch.tensor([0, 1])
    space = Tokens(3, 2)
    x = torch.zeros(2, 2, dtype=torch.int64)

    def asked(context, context_space, text, **more):
        rows = Rows(x, space, context=context, context_space=context_space)
        return Data("fables", rows, rows, rows, **more).parse_context(text)

    assert asked(labels, Classes(2), "1").item() == 1
    assert asked(labels, Classes(2), "fox", class_names=("hen", "fox")).item() == 1
    pairs = torch.tensor([[0, 2], [1, 1]])
    assert asked(pairs, Attributes((2, 3)), "1,2").tolist() == [1, 2]
    sentences = torch.tensor([[1, 2, 0], [1, 0, 0]])
    words = {"context_symbols": (".", "the", "fox"), "separator": " "}
    assert asked(sentences, Tokens(3, 3, end=0), "fox", **words).tolist() == [2, 0, 0]
    wrong = [
        (labels, Classes(2), "2", {}, "fables: '2' is no class; one of 0, 1 is"),
        (
            pairs,
            Attributes((2, 3)),
            "1,3",
            {},
            "the labels are '1,3'; wanted are numbers below 2, b",
        ),
        (pairs, Attributes((2, 3)), "a", {}, "the labels are 'a'"),
        (sentences, Tokens(3, 3, end=0), "the " * 3 + "fox", words, "has 4 tokens; at most 3"),
        (sentences, Tokens(3, 3, end=0), "dog", words, "the text has 'dog', which never occurs"),
        (pairs.float(), Reals((2,)), "1,2", {}, "which cannot be given as a text"),
    ]
    for context, context_space, text, more, sentence in wrong:
        with pytest.raises(ValueError, match=sentence):
            asked(context, context_space, text, **more)


FACES = {"smile": ("no", "yes"), "glasses": ("none", "round", "sun"), "hair": ("short", "round")}


def labels_of(text: str) -> list[int]:
    rows = Rows(
        torch.zeros(2, 2, dtype=torch.int64),
        Tokens(3, 2),
        context=torch.zeros(2, 3, dtype=torch.int64),
        context_space=Attributes((2, 3, 2)),
    )
    return Data("faces", rows, rows, rows, attributes=FACES).parse_context(text).tolist()


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("smile,glasses", [1, 1, 0]),
        ("smile", [1, 0, 0]),
        ("sun, smile", [1, 2, 0]),
        ("short", [0, 0, 0]),
        ("glasses=sun,hair=round", [0, 2, 1]),
        ("smile=no,sun", [0, 2, 0]),
        ("1,2,0", [1, 2, 0]),
    ],
)
def test_labels_are_asked_for_by_name(text, want):
    assert labels_of(text) == want


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "hut",
            r"'hut' is no attribute, and no value of one; there are smile \(no, yes\), glasses",
        ),
        ("round", "'round' is a value of several attributes; write glasses=round or hair=round"),
        ("hair", "'hair' is an attribute without a value; write hair=short or hair=round"),
        ("glasses=big", "glasses is 'big'; one of none, round, sun is wanted"),
        ("hut=1", "there is no attribute 'hut'"),
        ("1,2", "the labels are '1,2'"),
    ],
)
def test_labels_that_there_are_not_are_named(text, words):
    with pytest.raises(ValueError, match=words):
        labels_of(text)


def test_each_combination_of_labels_is_a_class():
    labels = torch.tensor([[0, 0, 0], [1, 2, 1], [0, 1, 1]])
    context_space = Attributes((2, 3, 2))
    rows = Rows(torch.zeros(3, 2), Reals((2,)), context=labels, context_space=context_space)
    faces = Data("faces", rows, rows, rows, attributes=FACES).crossed()
    assert faces.context_space == Classes(12)
    assert faces.class_names[0] == "no, none, short"
    assert faces.class_names[11] == "yes, sun, round"
    numbers = faces.train.everything()[1]
    assert numbers.tolist() == [0, 11, 3]
    for text, number in (("smile,sun,hair=round", 11), ("yes, none, round", 7), ("0,1,1", 3)):
        assert faces.parse_context(text).item() == number
    for text, words in (("hut", "'hut' is no attribute"), ("1,2", "wanted are numbers below 2, b")):
        with pytest.raises(ValueError, match=words):
            faces.parse_context(text)
    with pytest.raises(ValueError, match=r"gives Classes.*several labels are wanted"):
        faces.crossed()


def test_combinations_are_counted_before_they_are_named():
    """Of the many labels that a world has, most are not given, and their combinations have no end."""
    many = {f"label {k}": tuple(map(str, range(40))) for k in range(12)}
    labels = torch.zeros(3, 12, dtype=torch.int64)
    x, space = torch.zeros(3, 2), Reals((2,))
    plain = Rows(x, space)
    with pytest.raises(ValueError, match="gives nothing with each x; several labels are wanted"):
        Data("faces", plain, plain, plain, attributes=many).crossed()
    rows = Rows(x, space, context=labels, context_space=Attributes((40,) * 12))
    with pytest.raises(ValueError, match="combinations; at most 10,000 are wanted: ask for fewer"):
        Data("faces", rows, rows, rows, attributes=many).crossed()
