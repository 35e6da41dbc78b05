"""BLEU: the share of short word sequences that a translation shares with its reference.

    BLEU = min(1, exp(1 - r / c)) (p_1 p_2 p_3 p_4)^(1/4)

p_n is the share of all n-grams of all translations that stand in their reference too, each counted at most
as often as there; c and r are the words of all translations and of all references.

Source: Papineni, Roukos, Ward, Zhu, "BLEU: a method for automatic evaluation of machine translation",
    2002, doi:10.3115/1073083.1073135, section 2.
Departs: one reference for each translation. A corpus without a common n-gram of some n has 0: nothing
    is smoothed.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence

from torch import Tensor

from ...errors import Refused


def bleu(
    candidates: Sequence[Sequence[Hashable]],
    references: Sequence[Sequence[Hashable]],
    most: int = 4,
) -> float:
    """The BLEU of a whole corpus, in [0, 1]; 0 where there are no words.

    Args:
        candidates: translations, each a sequence of words.
        references: reference of each.
        most: length of the longest n-gram, in words.
    """
    if len(candidates) != len(references) or most < 1:
        raise Refused(
            f"bleu: {len(candidates)} translations and {len(references)} references, most is "
            f"{most}; as many of each, and 1 or more, are wanted"
        )
    met, all_ = [0] * most, [0] * most
    for ours, theirs in zip(candidates, references, strict=True):
        for n in range(1, most + 1):
            grams = _grams(ours, n)
            met[n - 1] += (grams & _grams(theirs, n)).total()
            all_[n - 1] += grams.total()
    if 0 in met:
        return 0.0
    c, r = sum(map(len, candidates)), sum(map(len, references))
    mean = sum(math.log(m / a) for m, a in zip(met, all_, strict=True)) / most
    return math.exp(min(0.0, 1 - r / c) + mean)


def _grams(words: Sequence[Hashable], n: int) -> Counter[tuple[Hashable, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def words_of(x: Tensor, end: int | None) -> list[list[int]]:
    """Rows of tokens, (n, length), as lists that stop before their first end."""
    rows = x.tolist()
    return [row[: row.index(end)] if end in row else row for row in rows]
