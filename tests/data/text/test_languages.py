"""Translations: what is planted in them is there, and no split knows of another."""

import random
from datetime import date

import pytest
import torch

from genus.data.text.dates import CHARACTERS, IN_NUMBERS, IN_WORDS, ISO, Format, dates, ordinal
from genus.data.text.languages import (
    SOURCE,
    TARGET,
    Words,
    alignment,
    reordering,
    sentence,
    several,
    translate,
)


@pytest.fixture(scope="module")
def pair():
    return reordering(rows=20, held_out=8)


@pytest.fixture(scope="module")
def written():
    return dates(rows=2000, held_out=400)


def test_words_and_numbers_undo_each_other():
    words = Words(("", "a", "b"))
    x = words.encode([["a", "b"], [], ["b", "b", "a"]], 3)
    assert x.tolist() == [[1, 2, 0], [0, 0, 0], [2, 2, 1]]
    assert [words.decode(row) for row in x] == [["a", "b"], [], ["b", "b", "a"]]
    assert words.end == 0
    assert ISO.end is None
    with pytest.raises(ValueError, match="'c' is not one of the words"):
        words.encode([["c"]], 3)
    with pytest.raises(ValueError, match="4 words; at most 3"):
        words.encode([["a"] * 4], 3)


def test_no_word_means_two_things():
    for words in (SOURCE, TARGET, CHARACTERS, ISO):
        assert len(set(words.words)) == len(words.words)


def test_a_sentence_is_translated_by_its_rules():
    """By hand: adjectives after nouns, the verb last, and agreement."""
    text = "my old dogs near the tree saw anna and ben met the small cold dog"
    made, places = translate(text.split())
    source = text.split()
    said = [source[place] for place in places]
    assert said == (several("my dogs old near the tree anna saw and ben the dog small cold met"))
    stems = {
        w: translate(["anna", "saw", *w.split()])[0] for w in ("the dog", "the dogs", "the cat")
    }
    assert stems["the dog"][1] != stems["the dogs"][1]  # a determiner agrees in number
    assert stems["the dog"][1] != stems["the cat"][1]  # and in gender
    one, many = (translate([*w.split(), "saw", "anna"])[0][-1] for w in ("the dog", "the dogs"))
    assert one + "n" == many  # the verb agrees with its subject
    assert translate(several("the dogs near anna saw ben"))[0][-1] == many  # not with its neighbour
    assert len(made) == len(source)


def test_a_sentence_that_is_none_is_refused():
    for text, why in (
        ("anna ben", "0 verbs"),
        ("anna saw", "no phrase"),
        ("a saw saw b", "2 verbs"),
    ):
        with pytest.raises(ValueError, match=why):
            translate(text.split())


def test_sentences_are_as_long_as_asked_for():
    draw = random.Random(0)
    for length in range(3, 41):
        for _ in range(5):
            words = sentence(length, draw)
            assert len(words) == length
            assert sorted(translate(words)[1]) == list(
                range(length)
            )  # each word is translated once


def test_all_lengths_are_there_and_splits_have_nothing_in_common(pair):
    found = []
    for split in pair.data.splits.values():
        x, context = split.everything()
        split.space.check(x, "x")
        lengths = (context != 0).sum(1).bincount()
        assert (lengths[3:] == lengths[3]).all()
        assert len(lengths) == 41
        found += [tuple(row) for row in context.tolist()]
    assert len(set(found)) == len(found)


def test_rows_are_translations(pair):
    x, context = pair.data.test.batch(0, 20, 0)
    for row, of in zip(x, context, strict=True):
        assert pair.target.decode(row) == translate(pair.source.decode(of))[0]
    assert pair.data.text(x[:1])[0].split() == pair.target.decode(x[0])
    places = alignment(context)
    assert ((places >= 0) == (x != 0)).all()
    moved = places - torch.arange(40)
    assert moved[places >= 0].abs().max() > 3  # verbs go far


def test_the_same_seed_gives_the_same_pairs():
    one, same, other = (reordering(3, 1, seed) for seed in (0, 0, 1))
    assert one.data.fingerprint == same.data.fingerprint != other.data.fingerprint
    assert dates(50, 20).data.fingerprint == dates(50, 20).data.fingerprint


@pytest.mark.parametrize(
    ("format", "text"),
    [
        (Format("dmy", 3, "3rd", "May", "'98", "CAPITAL"), "TUE 3RD NOVEMBER '98"),
        (Format("mdy", 9, "03", "Sep", "1998", "as it is"), "Tuesday Nov 03, 1998"),
        (Format("ymd", 0, "3", "May", "1998", "small"), "1998 november 3"),
        (Format("dmy", 0, "03", "05", "1998", "as it is"), "03.11.1998"),
        (Format("mdy", 0, "3", "05", "'98", "as it is"), "11/3/'98"),
        (Format("ymd", 0, "03", "05", "1998", "as it is"), "1998-11-03"),
    ],
)
def test_formats(format, text):
    assert format.write(date(1998, 11, 3)) == text


def test_ordinals():
    days = (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 30)
    assert "".join(ordinal(d)[-2:] for d in days) == "stndrdththththstndrdth"


def test_no_two_dates_are_written_alike():
    """In all formats: what is written says which day is meant."""
    draw = random.Random(0)
    days = [
        date(1950 + draw.randrange(100), draw.randint(1, 12), draw.randint(1, 28))
        for _ in range(80)
    ]
    meant: dict[str, date] = {}
    for when in days:
        for format in (*IN_WORDS, *IN_NUMBERS):
            assert meant.setdefault(format.write(when), when) == when


def test_days_and_formats_are_held_out(written):
    train, validation, test = (
        {name: split.everything() for name, split in written.data.splits.items()}[name]
        for name in ("train", "validation", "test")
    )
    days = [{tuple(row) for row in x.tolist()} for x, _ in (train, validation, test)]
    assert not days[0] & (days[1] | days[2])

    def shapes(context):
        """Formats, as far as letters tell: how many letters and figures in what order."""
        texts = ["".join(CHARACTERS.decode(row)) for row in context]
        return {" ".join(_shape(word) for word in text.split()) for text in texts}

    assert len(shapes(test[1]) - shapes(train[1])) > 5
    with_points = [t for t in ("".join(CHARACTERS.decode(r)) for r in test[1]) if "." in t]
    assert not with_points  # numbers alone are learnt in all their formats


def _shape(word):
    kind = "A" if word.isupper() else "a" if word.islower() else "Aa" if word.isalpha() else "9"
    return (
        kind
        + ("," if word.endswith(",") else "")
        + (word[-3:-1] if "," in word else word[-2:]) * (kind == "9" and not word[-1:].isdigit())
    )
