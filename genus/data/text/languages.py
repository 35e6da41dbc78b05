"""An invented pair of languages that put their words in different orders.

A row is (x, context): the translation, and the sentence that is translated. Each word has one
translation, and which word stands for which is known. But in the target language adjectives follow
their noun, the verb ends its clause, determiners and adjectives agree with the noun in gender and
number, and the verb with its subject in number. The source shows no gender, and the number of nouns
alone.

    my old dogs  saw    anna  near the tree   and  ben ...
    my    dogs  old     anna  near the tree   saw  and  ben ...
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from ...core import Refused, Tokens
from ..sets import Data
from ..sources import Source
from ..splits import Rows

END = ""  # the word that is after the last; its number is 0


@dataclass(frozen=True)
class Words:
    """The words of a language, or its characters, and their numbers.

    Args:
        words: words, whose places are their numbers; the first is `END` where lengths differ.
    """

    words: tuple[str, ...]

    @cached_property
    def numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    @property
    def end(self) -> int | None:
        """The number of the end, if there is one."""
        return 0 if self.words[0] == END else None

    def space(self, length: int) -> Tokens:
        """Sentences of at most so many words."""
        return Tokens(len(self.words), length, self.end)

    def encode(self, sentences: Iterable[Sequence[str]], length: int) -> Tensor:
        """(n, length) int64, ends after the last word of each sentence."""
        rows = []
        for sentence in sentences:
            if len(sentence) > length:
                raise Refused(f"Words: a sentence has {len(sentence)} words; at most {length}")
            numbers = [self.numbers.get(word, -1) for word in sentence]
            if -1 in numbers:
                raise Refused(f"Words: {sentence[numbers.index(-1)]!r} is not one of the words")
            rows.append(numbers + [0] * (length - len(numbers)))
        return torch.tensor(rows, dtype=torch.int64).reshape(-1, length)

    def decode(self, row: Tensor) -> list[str]:
        """The words of one row, (length,), up to its end."""
        words = [self.words[number] for number in row.tolist()]
        return words[: words.index(END)] if END in words else words


def several(text: str) -> list[str]:
    """Words that stand in one text."""
    return text.split()


class Languages(NamedTuple):
    """A data set of translations, and the words of both sides."""

    data: Data
    source: Words
    target: Words


# --- a pair of languages that puts words in another order -------------------------------------

NAMES = several("anna ben cara dan emma finn gina hugo iris jan")
NOUNS = {
    **{
        noun: noun + "s"
        for noun in several(
            "dog cat horse bird tree house river boat king teacher doctor stone road garden lamp"
        )
    },
    "child": "children",
}
DETERMINERS = several("the my your our")
ADJECTIVES = several("red old small quick green cold tall kind")
VERBS = several("saw heard found took liked lost met drew held left sold kept")
PREPOSITIONS = several("near behind with above")
AND = "and"
SHORTEST, MOST = 3, 40  # words of a sentence
CLAUSE, PHRASE = 13, 6  # words, at most


def _stems() -> dict[str, str]:
    """An invented stem for each word that has a form of its own; forms add an ending."""
    syllables = [c + v for c, v in product("kmrstplbn", "aiu")]
    kinds = (NAMES, NOUNS, DETERMINERS, ADJECTIVES, VERBS, PREPOSITIONS, [AND])
    words = [word for kind in kinds for word in kind]
    return {w: syllables[i % 27] + syllables[(7 * i + 3) % 26][0] for i, w in enumerate(words)}


STEMS = _stems()
SINGULAR = {several: one for one, several in NOUNS.items()}
GENDER = {noun: "eo"[i % 2] for i, noun in enumerate(NOUNS)}


def _form(word: str, gender: str = "", several: bool = False) -> str:
    return STEMS[word] + gender + ("n" if several else "")


def _every_form() -> list[str]:
    """All words of the target language."""
    forms = [_form(word) for word in (*NAMES, *PREPOSITIONS, AND)]
    forms += [_form(noun, GENDER[noun], several) for noun in NOUNS for several in (False, True)]
    forms += [_form(verb, "et", several) for verb in VERBS for several in (False, True)]
    agreeing = product((*DETERMINERS, *ADJECTIVES), "eo", (False, True))
    return forms + [_form(*parts) for parts in agreeing]


SOURCE = Words(
    (END, *NAMES, *NOUNS, *SINGULAR, *DETERMINERS, *ADJECTIVES, *VERBS, *PREPOSITIONS, AND)
)
TARGET = Words((END, *_every_form()))


def translate(words: Sequence[str]) -> tuple[list[str], list[int]]:
    """The translation of a sentence, and the place in the sentence of each word's origin.

    Raises Refused if a clause has not one verb, or a phrase is not [determiner adjective* noun] or
    a name.
    """
    found: list[tuple[str, int]] = []
    for first, last in _cut(words, {AND}, 0, len(words)):
        if first:
            found.append((_form(AND), first - 1))
        verbs = [i for i in range(first, last) if words[i] in VERBS]
        if len(verbs) != 1:
            raise Refused(f"translate: {len(verbs)} verbs in {' '.join(words[first:last])!r}")
        several = (
            words[_head(words, *_cut(words, set(PREPOSITIONS), first, verbs[0])[0])] in SINGULAR
        )
        for begin, end in ((first, verbs[0]), (verbs[0] + 1, last)):
            for at, until in _cut(words, set(PREPOSITIONS), begin, end):
                if at > begin:
                    found.append((_form(words[at - 1]), at - 1))
                found += _phrase(words, at, until)
        found.append((_form(words[verbs[0]], "et", several), verbs[0]))
    return [word for word, _ in found], [place for _, place in found]


def _cut(words: Sequence[str], at: set[str], first: int, last: int) -> list[tuple[int, int]]:
    """The stretches between words of a kind, as (first, last + 1)."""
    cuts = [i for i in range(first, last) if words[i] in at]
    return list(zip([first, *(i + 1 for i in cuts)], [*cuts, last], strict=True))


def _head(words: Sequence[str], first: int, last: int) -> int:
    """The place of the noun, or of the name, of a phrase."""
    if last <= first or (words[last - 1] not in STEMS and words[last - 1] not in SINGULAR):
        raise Refused(f"translate: {' '.join(words[first:last])!r} is no phrase")
    return last - 1


def _phrase(words: Sequence[str], first: int, last: int) -> list[tuple[str, int]]:
    """[determiner adjective* noun] as determiner, noun, adjectives; or a name."""
    head = _head(words, first, last)
    if words[head] in NAMES:
        return [(_form(words[head]), head)]
    several = words[head] in SINGULAR
    noun = SINGULAR.get(words[head], words[head])
    order = [first, head, *range(first + 1, head)]
    return [(_form(noun if i == head else words[i], GENDER[noun], several), i) for i in order]


def sentence(length: int, draw: random.Random) -> list[str]:
    """A sentence of so many words, 3 .. 40."""
    fewest, most = -(-(length + 1) // (CLAUSE + 1)), (length + 1) // (SHORTEST + 1)
    clauses = draw.randint(fewest, most)
    sizes = _parts(length + 1 - clauses, clauses, SHORTEST, CLAUSE, draw)
    words: list[str] = []
    for size in sizes:
        subject, object_ = _parts(size - 1, 2, 1, PHRASE, draw)
        words += [AND] if words else []
        words += [*_noun(subject, draw), draw.choice(VERBS), *_noun(object_, draw)]
    return words


def _parts(total: int, count: int, least: int, most: int, draw: random.Random) -> list[int]:
    """Sizes, each from `least` to `most`, that add up to `total`."""
    sizes = []
    for left in reversed(range(count)):
        low = max(least, total - most * left)
        high = min(most, total - least * left)
        sizes.append(draw.randint(low, high))
        total -= sizes[-1]
    return draw.sample(sizes, count)


def _noun(size: int, draw: random.Random) -> list[str]:
    """A phrase of so many words."""
    joined = size > 4 or (size > 2 and draw.random() < 0.4)
    if joined:
        first = draw.randint(1, min(size - 2, 3))
        return [*_noun(first, draw), draw.choice(PREPOSITIONS), *_noun(size - 1 - first, draw)]
    if size == 1:
        return [draw.choice(NAMES)]
    noun = draw.choice(list(NOUNS.items()))[draw.randrange(2)]
    return [draw.choice(DETERMINERS), *draw.choices(ADJECTIVES, k=size - 2), noun]


def reordering(rows: int = 800, held_out: int = 100, seed: int = 0) -> Languages:
    """Sentences of 3 to 40 words, as many of each length.

    Args:
        rows: number of training rows of each length.
        held_out: number of test rows of each length; a quarter of that is for validation.
        seed: random seed of the sentences.
    """
    draw = random.Random(seed)
    counts = {"test": held_out, "validation": -(-held_out // 4), "train": rows}
    found: dict[str, list[list[str]]] = {name: [] for name in counts}
    for length in range(SHORTEST, MOST + 1):
        distinct: dict[tuple[str, ...], None] = {}
        for _ in range(10 * sum(counts.values())):  # some short sentences are all there are
            distinct[tuple(sentence(length, draw))] = None
            if len(distinct) == sum(counts.values()):
                break
        each = [list(words) for words in distinct]
        for name, count in counts.items():
            found[name] += each[:count]
            each = each[count:]
    splits = {
        name: sentences(
            f"reordering {name}",
            texts,
            [translate(t)[0] for t in texts],
            SOURCE,
            MOST,
            TARGET,
            MOST,
        )
        for name, texts in found.items()
    }
    data = Data(
        "reordering",
        splits["train"],
        splits["validation"],
        splits["test"],
        symbols=TARGET.words,
        context_symbols=SOURCE.words,
        separator=" ",
    )
    return Languages(data, SOURCE, TARGET)


def alignment(source: Tensor) -> Tensor:
    """The place in its sentence of each word of a translation, (n, 40); -1 after the end."""
    places = [translate(SOURCE.decode(row))[1] for row in source]
    rows = [row + [-1] * (source.shape[1] - len(row)) for row in places]
    return torch.tensor(rows, dtype=torch.int64)


def sentences(
    name: str,
    sources: Sequence[Sequence[str]],
    targets: Sequence[Sequence[str]],
    source: Words,
    most: int,
    target: Words,
    length: int,
) -> Rows:
    """A split of translations, of at most `length` words, and their sources, of at most `most`."""
    return Rows(
        target.encode(targets, length),
        target.space(length),
        context=source.encode(sources, most),
        context_space=source.space(most),
        name=name,
    )


SETS = {"reordering": Source(cache(lambda: reordering().data))}  # seconds, and 20 MB
