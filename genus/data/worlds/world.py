"""A world: what can differ from picture to picture, and the function that draws."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ...core import Tokens
from .parameters import Choice, Number, Parameter, Parameters


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

    @property
    def labels(self) -> tuple[Choice, ...]:
        """The parameters that are labels: in a variant of a world, those that are not fixed."""
        choices = [one for one in self.parameters if isinstance(one, Choice) and one.label]
        return tuple(one for one in choices if one.name not in self.fixed)

    @property
    def sentences(self) -> Tokens:
        """The space of captions; their end is the token after all words."""
        return Tokens(len(self.words) + 1, self.length, len(self.words))

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
