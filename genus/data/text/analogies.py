"""Analogies: sentences in which some words stand to others as pairs do, and how to read them as pairs.

    paris : france  as  rome : italy          king : queen  as  actor : actress          cat : cats

A sentence has a word of a pair, a word that occurs with both words of this pair and with no other,
and a word that fits its side of the relation: any country has borders, and any capital streets.
Between them stand words that fit anywhere, and some of all are drawn at random. So what a pair has
in common, and how its sides differ, can be learnt from neighbouring words alone: half of the pairs
never occur in one sentence. The other half do, in one sentence of ten.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from ...core import Classes, Refused, Tokens
from ..sets import Data
from ..sources import Source
from ..splits import Rows, Split, stream
from .languages import END, Words

LENGTH = 10  # words of a sentence, at most
COUNTRIES = {
    "france": "paris",
    "italy": "rome",
    "spain": "madrid",
    "greece": "athens",
    "japan": "tokyo",
    "egypt": "cairo",
    "kenya": "nairobi",
    "peru": "lima",
    "cuba": "havana",
    "norway": "oslo",
    "sweden": "stockholm",
    "finland": "helsinki",
    "poland": "warsaw",
    "austria": "vienna",
    "chile": "santiago",
    "russia": "moscow",
}
PEOPLE = {
    "king": "queen",
    "actor": "actress",
    "uncle": "aunt",
    "brother": "sister",
    "father": "mother",
    "waiter": "waitress",
    "host": "hostess",
    "wizard": "witch",
    "duke": "duchess",
    "nephew": "niece",
}
THINGS = ["cat", "road", "stone", "lamp", "boat", "garden", "river", "apple", "chair", "window"]
ROLES = {  # what goes with each side of a relation
    "country": ["border", "nation", "army", "export", "coast"],
    "capital": ["mayor", "street", "station", "square", "suburb"],
    "man": ["he", "his", "him", "beard", "gentleman"],
    "woman": ["she", "her", "hers", "gown", "lady"],
    "one": ["is", "a", "this", "has", "single"],
    "several": ["are", "many", "these", "have", "both"],
}
ANYWHERE = ["the", "of", "and", "to", "in", "that", "with", "for", "near", "again", "old", "very"]
STRAY = 0.15  # the chance that a word of company is of anyone's


class Corpus(NamedTuple):
    """Sentences, their words, and the analogies in them."""

    data: Data
    words: Words
    pairs: dict[str, list[tuple[str, str]]]  # of each relation
    apart: frozenset[tuple[str, str]]  # pairs that never meet in a sentence

    def questions(self, relation: str) -> tuple[Tensor, Tensor]:
        """Words, a is to b as c is to d, (n, 4); and whether c and d never meet, (n,) bool."""
        pairs, number = self.pairs[relation], self.words.numbers
        both = [(p, q) for p in pairs for q in pairs if not set(p) & set(q)]
        rows = [[number[word] for word in (*p, *q)] for p, q in both]
        return torch.tensor(rows), torch.tensor([q in self.apart for _, q in both])


def corpus(rows: int = 30_000, seed: int = 0) -> Corpus:
    """Sentences with planted analogies.

    Args:
        rows: number of training rows; a tenth as many are for validation, and for the test.
        seed: random seed of the sentences, and of which pairs never meet.
    """
    draw = random.Random(seed)
    pairs = {"capital": list(COUNTRIES.items()), "sex": [], "number": []}
    groups: list[list[tuple[str, tuple[str, ...]]]] = [  # words of one company, and their roles
        [(country, ("country",)), (capital, ("capital",))] for country, capital in COUNTRIES.items()
    ]
    for man, woman in PEOPLE.items():
        pairs["sex"] += [(man, woman), (_plural(man), _plural(woman))]
        pairs["number"] += [(man, _plural(man)), (woman, _plural(woman))]
        people = ((man, "man"), (woman, "woman"))
        one = [(word, (role, "one")) for word, role in people]
        groups.append(one + [(_plural(word), (role, "several")) for word, role in people])
    for thing in THINGS:
        pairs["number"].append((thing, _plural(thing)))
        groups.append([(thing, ("one",)), (_plural(thing), ("several",))])
    own = [[_invented(4 * i + j) for j in range(4)] for i in range(len(groups))]
    every = [pair for each in pairs.values() for pair in each]
    apart = frozenset(draw.sample(every, len(every) // 2))
    words = [word for group in groups for word, _ in group]
    company = [word for kind in (*ROLES.values(), ANYWHERE, *own) for word in kind]
    language = Words((END, *words, *company))
    together = [pair for pair in every if pair not in apart]

    def sentence() -> list[str]:
        i = draw.randrange(len(groups))
        word, roles = draw.choice(groups[i])
        met = [pair for pair in together if word in pair]
        if met and draw.random() < 0.1:
            core = list(draw.choice(met))
        else:
            near = [own[i], *(ROLES[role] for role in roles)]
            strays = (draw.random() < STRAY for _ in near)
            core = [
                word,
                *(draw.choice(company if s else w) for w, s in zip(near, strays, strict=True)),
            ]
        draw.shuffle(core)
        found: list[str] = []
        for part in core:
            found += [draw.choice(ANYWHERE)] * (draw.random() < 0.6) + [part]
        return found

    def split(name: str, count: int) -> Rows:
        x = language.encode((sentence() for _ in range(count)), LENGTH)
        return Rows(x, language.space(LENGTH), name=f"analogies {name}")

    data = Data(
        "analogies",
        split("train", rows),
        split("validation", rows // 10),
        split("test", rows // 10),
        symbols=language.words,
        separator=" ",
    )
    return Corpus(data, language, pairs, apart)


def neighbouring(
    split: Split, window: int = 4, threshold: float | None = None, seed: int = 0
) -> Rows:
    """Pairs (neighbour, word) of a split of sentences, from which skip-gram learns.

    Source: Mikolov, Sutskever, Chen, Corrado, Dean, "Distributed representations of words and phrases
        and their compositionality", 2013, arXiv:1310.4546, equation 5 (frequent words are left out).

    Args:
        split: split of sentences, with an end.
        window: largest distance of two neighbours; each word's own is drawn from 1 .. window.
        threshold: number by which a word of share f is kept with probability sqrt(threshold / f);
            None keeps all, as is best where words are few. What is left stands closer together.
        seed: random seed of the words that are left out.
    """
    space = split.space
    if not isinstance(space, Tokens) or space.end is None or window < 1:
        raise Refused(
            f"neighbouring: {split.name} is of {space}, window is {window}; Tokens that have an end, "
            f"and 1 or more, are wanted"
        )
    noise, x, end = stream("neighbouring", seed), split.everything()[0], space.end
    there = x != end
    if threshold is not None:
        counts = torch.bincount(x[there], minlength=space.vocabulary)
        kept = (threshold * counts.sum() / counts).sqrt()[x]
        there &= torch.rand(x.shape, generator=noise) < kept
    order = (~there).int().argsort(dim=1, stable=True)
    x, there = x.gather(1, order), there.gather(1, order)
    reach = torch.randint(1, window + 1, x.shape, generator=noise)
    found: list[tuple[Tensor, Tensor]] = []
    for d in range(1, min(window, x.shape[1] - 1) + 1):
        left, right, both = x[:, :-d], x[:, d:], there[:, :-d] & there[:, d:]
        of_left, of_right = both & (reach[:, :-d] >= d), both & (reach[:, d:] >= d)
        found += [(right[of_left], left[of_left]), (left[of_right], right[of_right])]
    neighbour, word = (torch.cat(parts) for parts in zip(*found, strict=True))
    kind = Classes(space.vocabulary)
    return Rows(neighbour, kind, context=word, context_space=kind, name=f"words of {split.name}")


def word_pairs() -> Data:
    """The sentences as pairs (neighbour, word)."""
    return replace(corpus().data.view(neighbouring), name="word_pairs")


def _plural(word: str) -> str:
    return word + ("es" if word.endswith(("s", "ch", "x")) else "s")


def _invented(number: int) -> str:
    """A word of three syllables, another for each number below 8,000."""
    syllables = [c + v for c in "bdgklmnprt" for v in "ae"]
    return "".join(syllables[(number // 20**i + 7 * i) % 20] for i in range(3))


def counted(pairs: Sequence[Tensor], words: int) -> Tensor:
    """The number of pairs of each word with each neighbour, (words, words), from such pairs."""
    neighbour, word = pairs
    return torch.bincount(word * words + neighbour, minlength=words**2).reshape(words, words)


SETS = {"analogies": Source(lambda: corpus().data), "word_pairs": Source(word_pairs)}
