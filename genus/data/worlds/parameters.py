"""What can be different from picture to picture of a world, and the laws by which it is drawn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import torch
from torch import Tensor

from ...core import Refused

Parameters = dict[str, Tensor]  # by name: the values of each row, (n,), int64 or float32
Shares = tuple[float, ...]  # probability of each value
Interval = tuple[float, float] | tuple[Tensor, Tensor]  # its ends; of each row, (n,)
HIDDEN = "not visible"


@dataclass(frozen=True)
class Choice:
    """A parameter with a few values, such as the kind of glasses.

    Args:
        name: name of the parameter, which is an option of the data as well.
        values: names of its values, in their order if they have one. If the first is `none` or `no`,
            the parameter has an on and an off.
        meaning: what it is, for people.
        shares: probability of each value, by default equal; or a function of the parameters that are
            drawn before, which gives (n, values).
        ordered: whether the values have an order, so that intervals of them can be asked for.
        colours: red, green and blue of each value, such as #c68642, if it is a colour.
        needs: parameters on which a law that is a function depends.
        of: parameter that decides it: the value is the same in all rows in which that one is.
        visible: function of the parameters that says in which rows it can be seen, (n,) bool; by default
            in all.
        label: whether it is one of the labels of a picture.
    """

    name: str
    values: tuple[str, ...]
    meaning: str
    shares: Shares | Callable[[Parameters], Tensor] = ()
    ordered: bool = False
    colours: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    of: str = ""
    visible: Callable[[Parameters], Tensor] | None = None
    label: bool = True

    @property
    def switch(self) -> bool:
        """Whether its first value means that there is nothing."""
        return self.values[0] in ("none", "no")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its labels: those of its values, and `not visible` where that can be."""
        return (*self.values, HIDDEN) if self.visible else self.values

    def labels(self, parameters: Parameters) -> Tensor:
        """Its label in each row, (n,) int64, in 0 .. len(names) - 1."""
        found = parameters[self.name]
        if self.visible is None:
            return found
        return torch.where(self.visible(parameters), found, len(self.values))

    def number(self, word: str, who: str) -> int:
        """The number of a value.

        Raises:
            Refused: there is no such value.
        """
        if word in self.values:
            return self.values.index(word)
        raise Refused(f"{who}: there is no {self.name} '{word}'; {near(word, self.values)}")

    def drawn(self, chance: Tensor, shares: Shares | Tensor) -> Tensor:
        """Values, (n,) int64, from uniform numbers, (n,)."""
        law = torch.as_tensor(shares, dtype=torch.float64)
        steps = law.cumsum(-1)
        last = (law > 0).long().mul(torch.arange(law.shape[-1])).amax(-1)
        if law.ndim == 1:
            found = torch.searchsorted(steps, chance * steps[-1], right=True)
        else:
            found = (chance[:, None] * steps[:, -1:] >= steps).sum(1)
        return torch.minimum(found, last)

    def law(self, parameters: Parameters) -> Shares | Tensor:
        """Its own law, where no wish says otherwise."""
        if callable(self.shares):
            return self.shares(parameters)
        return self.shares or (1.0,) * len(self.values)

    def rgb(self, parameters: Parameters) -> Tensor:
        """The colour of each row, (n, 3) in 0 .. 1, for a parameter with colours."""
        table = torch.tensor(
            [[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in self.colours]
        )
        return table[parameters[self.name]]


@dataclass(frozen=True)
class Number:
    """A parameter with a number, such as an angle.

    Args:
        name: name of the parameter, which is an option of the data as well.
        low, high: its range.
        meaning: what it is, for people, with its unit.
        usual: interval from which it is drawn, by default the whole range; or a function of the
            parameters that are drawn before, which gives both ends, each (n,).
        gathered: whether values in the middle are more frequent than those at the ends.
        needs: parameters on which a law that is a function depends.
        of: parameter that decides it, as in `Choice`.
        visible: function of the parameters that says in which rows it can be seen, as in `Choice`.
    """

    name: str
    low: float
    high: float
    meaning: str
    usual: Interval | Callable[[Parameters], Interval] | None = None
    gathered: bool = False
    needs: tuple[str, ...] = ()
    of: str = ""
    visible: Callable[[Parameters], Tensor] | None = None

    def drawn(self, chance: Tensor, interval: Interval) -> Tensor:
        """Values, (n,) float32, from uniform numbers, (n,)."""
        low, high = interval
        if self.gathered:
            side = chance * 2 - 1
            chance = (side * (side.square() + 1) * 0.5 + 1) * 0.5
        return (low + (high - low) * chance).float()

    def law(self, parameters: Parameters) -> Interval:
        """Its own law, where no wish says otherwise."""
        if callable(self.usual):
            return self.usual(parameters)
        return self.usual or (self.low, self.high)


Parameter = Choice | Number


def near(word: str, known: tuple[str, ...] | list[str]) -> str:
    """What to say of an unknown word: the word that is near, or all there are."""
    found = get_close_matches(word, known, 1)
    if found:
        return f"did you mean {found[0]}?"
    some = ", ".join(known) if len(known) <= 24 else f"{known[0]} to {known[-1]}"
    return f"there are {some}"


def taken(parameters: Mapping[str, Tensor], rows: Tensor | slice) -> Parameters:
    """The parameters of some of the rows."""
    return {name: value[rows] for name, value in parameters.items()}


def checked(who: str, parameters: Mapping[str, Tensor], kinds: tuple[Parameter, ...]) -> None:
    """Raises Refused unless all parameters of a world are there, in their range."""
    for one in kinds:
        if one.name not in parameters:
            raise Refused(f"{who}: {one.name} is missing; {who}.parameters(n) gives all")
        value = parameters[one.name]
        low, high = (0, len(one.values) - 1) if isinstance(one, Choice) else (one.low, one.high)
        if len(value) and not (value.min() >= low and value.max() <= high):
            raise Refused(
                f"{who}: {one.name} has values in [{value.min():g}, {value.max():g}]; they must be in "
                f"{low:g} .. {high:g}"
            )
