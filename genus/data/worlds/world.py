"""A world: what can differ from picture to picture, and the function that draws."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ...core import Space, Tokens
from .parameters import Choice, Number, Parameter, Parameters


class Companion(NamedTuple):
    """Something that can be given with each picture.

    Args:
        space: its space.
        of: function of parameters that gives it, (n, *space.shape).
    """

    space: Space
    of: Callable[[Parameters], Tensor]


@dataclass(frozen=True)
class World:
    """A world.

    Args:
        name: name of the data set.
        parameters: what can differ, each after those on which its own law depends.
        draw: function of parameters and of a size in pixels that gives pictures, (n, 3, size, size)
            uint8. A row must not depend on the others.
        folders: folders of the code that draws.
        version: number that changes when the pictures do.
        captions: function of parameters that gives a sentence for each row, if there are captions.
        words: words of the captions, if there are any.
        length: number of words of the longest caption.
        fixed: wishes that are always there, for a variant of a world.
        contexts: what else can be given with each picture, by name.
        maps: functions like `draw`, by name, of other pictures of the same scene: the first side of pairs.
        groups: names for several parameters of the same kind, such as those of each object.
        shown: the condition under which each of a group's parameters can be seen, in words.
        moving: function of a number of frames that gives the world of clips, if there are any.
        frames: pictures of a clip, for a world of clips; 0 for one of single pictures.
    """

    name: str
    parameters: tuple[Parameter, ...]
    draw: Callable[[Parameters, int], Tensor]
    folders: tuple[Path, ...]
    version: int = 1
    captions: Callable[[Parameters], list[str]] | None = None
    words: tuple[str, ...] = ()
    length: int = 0
    fixed: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, Companion] = field(default_factory=dict)
    maps: Mapping[str, Callable[[Parameters, int], Tensor]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    moving: Callable[[int], "World"] | None = None
    frames: int = 0

    @property
    def labels(self) -> tuple[Choice, ...]:
        """The parameters that are labels: in a variant of a world, those that are not fixed."""
        choices = [one for one in self.parameters if isinstance(one, Choice) and one.label]
        return tuple(one for one in choices if one.name not in self.fixed)

    @property
    def sentences(self) -> Tokens:
        """The space of captions; their end is the token after all words."""
        return Tokens(len(self.words) + 1, self.length, len(self.words))

    def shape(self, size: int) -> tuple[int, ...]:
        """The shape of a picture, or of a clip."""
        return (self.frames, 3, size, size) if self.frames else (3, size, size)

    def spread(self, wishes: Mapping[str, str]) -> dict[str, str]:
        """Wishes in which the name of a group stands for each of its parameters."""
        found: dict[str, str] = {}
        for name, law in wishes.items():
            names = self._each(name) or [name]
            found |= dict.fromkeys(names, law)
        return found

    def spread_hold(self, hold: str) -> str:
        """Combinations that are held out, each of a group once for each of its parameters."""
        found = []
        for one in filter(None, hold.split(",")):
            several = self._each(one)
            shown = self.shown or ("",) * len(several)
            found += (
                ["+".join(filter(None, pair)) for pair in zip(several, shown, strict=True)]
                if several
                else [one]
            )
        return ",".join(found)

    def _each(self, words: str) -> list[str]:
        """Words with the first, the second, ... parameter in place of a group's name; none without."""
        pieces = re.split(r"([|:+])", words)
        sizes = {len(self.groups[piece]) for piece in pieces if piece in self.groups}
        return [
            "".join(self.groups[piece][k] if piece in self.groups else piece for piece in pieces)
            for k in range(max(sizes, default=0))
        ]

    def tokens(self, sentences: list[str]) -> Tensor:
        """Captions as tokens, (n, length) int64; the end is the last of the vocabulary."""
        numbers = {word: number for number, word in enumerate(self.words)}
        found = torch.full((len(sentences), self.length), len(self.words))
        for row, sentence in zip(found, sentences, strict=True):
            said = [numbers[word] for word in sentence.split()]
            row[: len(said)] = torch.tensor(said)
        return found


def meaning(one: Parameter) -> str:
    """A parameter in a line, for help."""
    if isinstance(one, Number):
        return f"{one.meaning}, {one.low:g} to {one.high:g}"
    many = len(one.values) > 12
    return f"{one.meaning}: {f'{one.values[0]} to {one.values[-1]}' if many else ', '.join(one.values)}"
