"""Captions of scenes, and what a caption says.

    a large striped blue box on sand
    a small red ball is left of a striped blue box and behind a cone on wood at night

The first object stands in a relation to each of the others. What is of medium size, matte, or by day is
not said to be.
"""

from typing import NamedTuple

from ...core import Refused
from ..worlds.parameters import Parameters
from .relations import RELATIONS, chosen
from .settings import COLOURS, GROUNDS, MATERIALS, MOST, SHAPES, SIZES

PLACES = (*GROUNDS[:-1], "plain ground")  # as captions say the grounds
LENGTH = 37  # words of the longest caption
_PHRASES = (*RELATIONS, *PLACES, "at night", "a an is and on")
WORDS = tuple(
    dict.fromkeys(
        word
        for phrase in (*_PHRASES, *SIZES, *MATERIALS, *COLOURS, *SHAPES)
        for word in phrase.split()
        if word not in ("medium", "matte")
    )
)


class Said(NamedTuple):
    """What a caption says.

    Args:
        wishes: values of parameters in words, by name, as options of the data: objects, ground, time,
            shape1, colour1, ...
        relations: relation of the first object to the second, third, ...
    """

    wishes: dict[str, str]
    relations: tuple[str, ...]


def captions(parameters: Parameters) -> list[str]:
    """A caption for each row."""
    said = chosen(parameters).tolist()
    columns = {name: value.tolist() for name, value in parameters.items() if _named(name)}
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return [_sentence(row, given) for row, given in zip(rows, said, strict=True)]


def _named(name: str) -> bool:
    return name in ("objects", "ground", "time") or name[:-1] in (
        "shape", "colour", "size", "material",
    )  # fmt: skip


def _sentence(row: dict[str, int], given: list[int]) -> str:
    words = [_thing(row, 1)]
    for number in range(2, row["objects"] + 2):
        words.append("is" if number == 2 else "and")
        words += [RELATIONS[given[number - 2]], _thing(row, number)]
    words += ["on", PLACES[row["ground"]], "at night" if row["time"] else ""]
    return " ".join(filter(None, words))


def _thing(row: dict[str, int], number: int) -> str:
    size, material = SIZES[row[f"size{number}"]], MATERIALS[row[f"material{number}"]]
    words = [
        "" if size == "medium" else size,
        "" if material == "matte" else material,
        COLOURS[row[f"colour{number}"]],
        SHAPES[row[f"shape{number}"]],
    ]
    phrase = " ".join(filter(None, words))
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def parse(caption: str) -> Said:
    """What a caption says.

    Args:
        caption: sentence of the grammar.

    Raises:
        Refused: it is no sentence of the grammar.
    """
    words = _Words(caption)
    wishes: dict[str, str] = {}
    said: list[str] = []
    words.thing(wishes, 1)
    while len(said) < MOST - 1 and words.found("and" if said else "is"):
        said.append(words.one_of("a relation", RELATIONS))
        words.thing(wishes, len(said) + 1)
    if not words.found("on"):
        words.refuse("'on' and a ground")
    wishes["ground"] = GROUNDS[PLACES.index(words.one_of("a ground", PLACES))]
    wishes["time"] = "night" if words.found("at night") else "day"
    wishes["objects"] = str(len(said) + 1)
    if words.left:
        words.refuse("its end")
    return Said(wishes, tuple(said))


class _Words:
    """Words of a caption that are read from left to right."""

    def __init__(self, caption: str):
        self.caption, self.left = caption, caption.split()

    def found(self, phrase: str) -> bool:
        """Whether a phrase comes next; then it is read."""
        words = phrase.split()
        there = self.left[: len(words)] == words
        self.left = self.left[len(words) * there :]
        return there

    def one_of(self, what: str, phrases: tuple[str, ...], usual: str = "") -> str:
        for phrase in phrases:
            if self.found(phrase):
                return phrase
        return usual or self.refuse(what, phrases)

    def thing(self, wishes: dict[str, str], number: int) -> None:
        if not (self.found("a") or self.found("an")):
            self.refuse("an object, such as 'a red ball',")
        wishes[f"size{number}"] = self.one_of("", SIZES, "medium")
        wishes[f"material{number}"] = self.one_of("", MATERIALS, "matte")
        wishes[f"colour{number}"] = self.one_of("a colour", COLOURS)
        wishes[f"shape{number}"] = self.one_of("a shape", SHAPES)

    def refuse(self, wanted: str, phrases: tuple[str, ...] = ()) -> str:
        came = f"'{self.left[0]}' came" if self.left else "it ends"
        known = f": {', '.join(phrases)}" if phrases else ""
        raise Refused(
            f"scenes: in the caption '{self.caption}' {came} where {wanted} is wanted{known}"
        )
