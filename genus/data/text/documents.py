"""Documents: texts as lists of words, some with planted topics, and what speakers say in plays.

documents    each has a few of ten themes, and each word is of one of these: their words, and how likely
             they are, are known. Some words are of two themes: a bank has money, or a river.
speeches     the speeches of each speaker in tinyshakespeare, in pieces, without the commonest words
"""

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ...core import Refused, at_least
from ..sets import Data
from ..sources import Source
from ..splits import Rows
from .languages import END, Words, several
from .text import text_files

THEMES = {  # the likeliest words first
    "sea": (
        "ship sail wave fish harbour tide captain storm island net shore deck crew salt anchor gull"
    ),
    "kitchen": (
        "bread pan oven salt butter soup knife plate cook fish recipe flour pepper onion egg spoon"
    ),
    "music": (
        "song piano note organ violin choir string concert pitch "
        "melody drum rhythm stage tune voice opera"
    ),
    "money": (
        "bank price market note share loan interest charge tax "
        "trade profit wage coin debt account stock"
    ),
    "river": (
        "water bank stream bridge current mill flood fish valley "
        "mud ferry reed boat ford rapids willow"
    ),
    "law": (
        "court judge case trial witness sentence jury charge crime "
        "verdict appeal lawyer prison oath clerk guilt"
    ),
    "language": (
        "word sentence letter verb book noun case page chapter "
        "vowel accent script clause tongue poem speech"
    ),
    "garden": (
        "flower seed bulb leaf soil root bed hedge rose plant spade weed stem branch shade stock"
    ),
    "electricity": (
        "current wire switch bulb battery plug charge fuse lamp "
        "volt motor socket circuit coil cable meter"
    ),
    "sport": (
        "match ball team goal pitch player score trial coach "
        "net race league referee crowd whistle stage"
    ),
}
COMMON = several("the of and a to in that was it for with as on at by from")
SHARE = 0.3  # of words that are common ones, in each topic
CONCENTRATION = 0.1  # alpha of each theme
SHORTEST, LONGEST = 20, 60  # words of a document
PIECE = 200  # words that a speaker says
RARE, FREQUENT = 5, 0.1  # documents that a word is in at least, and share of them at most


class Planted(NamedTuple):
    """Documents whose topics are known."""

    data: Data
    words: Words
    topics: Tensor  # the probability of each word in each topic, (themes, words) float64
    shares: dict[str, Tensor]  # of the topics in the documents of each split, (n, themes) float64


def planted(rows: int = 2000, held_out: int = 500, seed: int = 0) -> Planted:
    """Documents of 20 to 60 words, in shares of ten themes that are drawn from a Dirichlet distribution.

    Args:
        rows: number of training documents.
        held_out: number of test documents, and of those for validation.
        seed: random seed of the documents.
    """
    at_least(1, "documents", rows=rows, held_out=held_out)
    draw = random.Random(seed)
    own = [several(theme) for theme in THEMES.values()]
    words = Words((END, *dict.fromkeys(word for theme in (*own, COMMON) for word in theme)))
    topics = torch.zeros(len(own), len(words.words), dtype=torch.float64)
    for topic, theme in zip(topics, own, strict=True):
        for kind, share in ((theme, 1 - SHARE), (COMMON, SHARE)):
            weights = [1 / (rank + 3) for rank in range(len(kind))]
            for word, weight in zip(kind, weights, strict=True):
                topic[words.numbers[word]] += share * weight / sum(weights)
    chances = topics.tolist()

    def document() -> tuple[list[str], list[float]]:
        drawn = [draw.gammavariate(CONCENTRATION, 1) for _ in own]
        length = draw.randint(SHORTEST, LONGEST)
        counts = Counter(draw.choices(range(len(own)), drawn, k=length))
        found = [w for k, n in counts.items() for w in draw.choices(words.words, chances[k], k=n)]
        draw.shuffle(found)
        return found, [share / sum(drawn) for share in drawn]

    splits, shares = dict[str, Rows](), dict[str, Tensor]()
    for name, count in (("train", rows), ("validation", held_out), ("test", held_out)):
        texts, own_shares = zip(*(document() for _ in range(count)), strict=True)
        x = words.encode(texts, LONGEST)
        splits[name] = Rows(x, words.space(LONGEST), name=f"documents {name}")
        shares[name] = torch.tensor(own_shares, dtype=torch.float64)
    return Planted(_data("documents", splits, words), words, topics, shares)


def speeches(
    path: str | Path, name: str = "speeches", *, piece: int = PIECE, seed: int = 0
) -> Data:
    """The speeches of each speaker of plays as documents: an eighth for validation and for the test.

    Words are written small. Those in fewer than 5 training documents, or in more than a tenth of them, are
    left out, and what is left over at the end of what a speaker says, less than half of a piece, as well.

    Args:
        path: folder with one .txt file: speeches with a line between them, each begun by its speaker's name
            and a colon.
        name: name of the data set.
        piece: number of words that a speaker says in a document.
        seed: random seed, which chooses the documents of the splits.
    """
    at_least(2, name, piece=piece)
    files = text_files(Path(path))
    if len(files) != 1:
        raise Refused(f"{name}: {path} holds {len(files)} files .txt; just one is wanted")
    texts = pieces(files[0].read_text(encoding="utf-8"), piece)
    if len(texts) < 8:
        raise Refused(f"{name}: {files[0]} has {len(texts)} pieces of speeches; 8 are wanted")
    random.Random(seed).shuffle(texts)
    held = len(texts) // 8
    parts = {"train": texts[2 * held :], "validation": texts[held : 2 * held], "test": texts[:held]}
    seen = Counter(word for text in parts["train"] for word in set(text))
    most = FREQUENT * len(parts["train"])
    kept = sorted(word for word, count in seen.items() if RARE <= count <= most)
    if not kept:
        raise Refused(
            f"{name}: {files[0]} has no word in 5 documents and in a tenth of them at most"
        )
    words = Words((END, *kept))
    found = {k: [[w for w in text if w in words.numbers] for text in v] for k, v in parts.items()}
    length = max(len(text) for texts in found.values() for text in texts)
    splits = {
        k: Rows(words.encode(texts, length), words.space(length), name=f"{name} {k}")
        for k, texts in found.items()
    }
    return _data(name, splits, words)


def pieces(plays: str, piece: int) -> list[list[str]]:
    """What each speaker says, in words, cut into pieces of so many."""
    said: dict[str, list[str]] = {}
    for speech in plays.split("\n\n"):
        speaker, colon, text = speech.strip().partition(":\n")
        if colon:
            said.setdefault(speaker, []).extend(re.findall(r"[a-z]+(?:'[a-z]+)*", text.lower()))
    cut: list[Sequence[str]] = [
        words[first : first + piece]
        for words in said.values()
        for first in range(0, len(words), piece)
    ]
    return [list(words) for words in cut if 2 * len(words) >= piece]


def _data(name: str, splits: Mapping[str, Rows], words: Words) -> Data:
    train, validation, test = splits["train"], splits["validation"], splits["test"]
    return Data(name, train, validation, test, symbols=words.words, separator=" ")


SETS = {
    "documents": Source(lambda: planted().data),
    "speeches": Source(speeches, ("tinyshakespeare",), text_files),
}
