"""Captions of portraits by a grammar, and what a caption says, as wishes.

    a smiling old person with tan skin and long grey hair , a goatee , round glasses , a beanie ,
    open mouth , closed eyes , in a navy suit , turned left , at night , on teal dots , in ink

What is not there is not named, nor what cannot be seen.
"""

from collections.abc import Sequence

import torch

from ...core import Refused
from ..worlds.parameters import Choice, Parameters, near
from .people import AGES, PARAMETERS

FRONT = 15.0  # degrees of yaw within which a face is turned to neither side
KINDS = {one.name: one for one in PARAMETERS if isinstance(one, Choice)}
TURNS = {"turned left": (-60.0, -FRONT), "turned right": (FRONT, 60.0)}
ALONE = {  # what is said of a value, and is left out otherwise
    ("beard", "stubble"): "stubble",
    ("beard", "moustache"): "a moustache",
    ("beard", "goatee"): "a goatee",
    ("beard", "full"): "a full beard",
    ("glasses", "round"): "round glasses",
    ("glasses", "square"): "square glasses",
    ("glasses", "sun"): "sun glasses",
    ("hat", "cap"): "a cap",
    ("hat", "beanie"): "a beanie",
    ("hat", "brim"): "a hat",
    ("mouth", "open"): "open mouth",
    ("eyes", "half"): "half closed eyes",
    ("eyes", "closed"): "closed eyes",
    ("light", "night"): "at night",
}
BALD = "no hair"
GREY = "grey"


def captions(rows: Parameters) -> list[str]:
    """A sentence for each row."""
    words = {name: [one.values[k] for k in rows[name].tolist()] for name, one in KINDS.items()}
    hair = KINDS["hair_colour"].labels(rows).tolist()
    found = []
    for row, yaw in enumerate(rows["yaw"].tolist()):
        said = {name: values[row] for name, values in words.items()}
        shows = hair[row] < len(KINDS["hair_colour"].values)
        found.append(_sentence(said, shows, yaw))
    return found


def _sentence(said: dict[str, str], shows: bool, yaw: float) -> str:
    smile = "smiling " if said["smile"] == "yes" else ""
    colour = f"{said['hair_colour']} " if shows else f"{GREY} " if said["age"] == AGES[-1] else ""
    hair = BALD if said["hair"] == "bald" else f"{said['hair']} {colour}hair"
    parts = [f"a {smile}{said['age']} person with {said['skin']} skin and {hair}"]
    names = ("beard", "glasses", "hat", "mouth", "eyes")
    parts += [ALONE[name, said[name]] for name in names if (name, said[name]) in ALONE]
    parts.append(f"in a {said['cloth']} {said['clothes']}")
    parts += [words for words, (low, high) in TURNS.items() if low <= yaw <= high]
    parts += [ALONE["light", "night"]] if said["light"] == "night" else []
    parts += [f"on {said['ground']} {said['backdrop']}", f"in {said['style']}"]
    return " , ".join(parts)


def understood(caption: str) -> dict[str, str]:
    """What a caption says, as wishes: people who are drawn by them fit the caption.

    Raises:
        Refused: a part of it is not of the grammar.
    """
    found = {"smile": "no", "beard": "none", "glasses": "none", "hat": "none"}
    found |= {"mouth": "closed", "eyes": "open", "light": "day", "yaw": f"{-FRONT:g}..{FRONT:g}"}
    first, *parts = caption.split(" , ")
    _person(first.split(), found)
    alone = {said: pair for pair, said in ALONE.items()}
    for part in parts:
        words = part.split()
        if part in alone:
            name, value = alone[part]
            found[name] = value
        elif part in TURNS:
            found["yaw"] = "{:g}..{:g}".format(*TURNS[part])
        elif words[:2] == ["in", "a"] and len(words) == 4:
            found |= {"cloth": _known("cloth", words[2]), "clothes": _known("clothes", words[3])}
        elif words[:1] == ["on"] and len(words) == 3:
            found |= {
                "ground": _known("ground", words[1]),
                "backdrop": _known("backdrop", words[2]),
            }
        elif words[:1] == ["in"] and len(words) == 2:
            found["style"] = _known("style", words[1])
        else:
            raise Refused(f"captions: '{part}' is not said of portraits; {near(part, [*alone])}")
    return found


def _person(words: list[str], found: dict[str, str]) -> None:
    """What the first part of a caption says."""
    if words[1:2] == ["smiling"]:
        found["smile"] = "yes"
        words = [words[0], *words[2:]]
    fixed = {0: "a", 2: "person", 3: "with", 5: "skin", 6: "and", len(words) - 1: "hair"}
    if not 9 <= len(words) <= 10 or any(words[place] != word for place, word in fixed.items()):
        raise Refused(
            f"captions: '{' '.join(words)}' is no person; 'a young person with tan skin and short "
            f"black hair' would be one"
        )
    found |= {"age": _known("age", words[1]), "skin": _known("skin", words[4])}
    if words[7:] == BALD.split():
        found["hair"] = "bald"
        return
    found["hair"] = _known("hair", words[7])
    if len(words) == 10 and words[8] != GREY:
        found["hair_colour"] = _known("hair_colour", words[8])


def _known(name: str, word: str) -> str:
    return KINDS[name].values[KINDS[name].number(word, "captions")]


def vocabulary() -> tuple[str, ...]:
    """All words of captions."""
    said: Sequence[str] = [
        *ALONE.values(),
        *TURNS,
        BALD,
        GREY,
        "a smiling person with skin and hair",
    ]
    names = (
        "age",
        "skin",
        "hair_colour",
        "hair",
        "cloth",
        "clothes",
        "ground",
        "backdrop",
        "style",
    )
    kinds = [value for name in names for value in KINDS[name].values if value != "bald"]
    return tuple(sorted({",", "in", "on", *" ".join([*said, *kinds]).split()}))


LENGTH = 48  # words of the longest caption


def fits(rows: Parameters, said: dict[str, str]) -> torch.Tensor:
    """Which rows are as wishes of `understood` say, (n,) bool."""
    found = torch.ones(len(rows["yaw"]), dtype=torch.bool)
    for name, word in said.items():
        if name in KINDS:
            found &= rows[name] == KINDS[name].number(word, "captions")
        else:
            low, _, high = word.partition("..")
            found &= (rows[name] >= float(low)) & (rows[name] <= float(high))
    return found
