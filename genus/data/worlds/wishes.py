"""Wishes: how the parameters of a world are drawn when one asks for it, in words.

    glasses=round               one value
    glasses=round+square        some values, in their own proportions
    glasses=none:0.8+round:0.2  values with their probabilities
    glasses=0.5                 anything but the first value (none) with this probability
    age=teenager..adult         an interval of values that have an order
    yaw=30                      a number
    yaw=-30..30                 an interval of numbers, evenly
    smile|glasses=0.9           a law where the condition holds: glasses other than none
    smile|hat:cap+beard:none=0.1    a condition with values
    hold=beard:full+mouth:smile,hat:cap+glasses:round    combinations that are kept for the test

The last of several conditions that hold decides. What is held out never occurs in training and
validation rows, which are drawn again; the test consists of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...core import Refused
from .chance import uniforms
from .parameters import Choice, Interval, Number, Parameter, Parameters, Shares, near

TIMES = 64  # that a row is drawn again before its wishes are called contrary
Law = Shares | tuple[float, float]
Condition = dict[str, tuple[int, ...]]  # the values that each parameter may have


@dataclass(frozen=True)
class Wish:
    """A law for a parameter, where a condition holds; the empty one always does."""

    name: str
    law: Law
    condition: Condition


@dataclass(frozen=True)
class Recipe:
    """How the rows of a world are drawn.

    Args:
        who: name of the world, for messages.
        parameters: the parameters, each after those on which its own law depends.
        wishes: laws that replace their own.
        hold: combinations of values that are held out.
        only: whether rows consist of what is held out, instead of never containing it.
    """

    who: str
    parameters: tuple[Parameter, ...]
    wishes: tuple[Wish, ...] = ()
    hold: tuple[Condition, ...] = ()
    only: bool = False

    def drawn(self, key: object, rows: Tensor) -> Parameters:
        """The parameters of these rows, each (n,): a pure function of the key and of their numbers.

        Args:
            key: anything with a `repr`: a seed and the name of a split.
            rows: numbers of the rows, (n,) int64.
        """
        forced = self._chosen(key, rows) if self.only else {}
        found = self._once(key, rows, forced)
        if not self.hold or self.only:
            return found
        for time in range(1, TIMES):
            again = self._held(found).nonzero().flatten()
            if not len(again):
                return found
            for name, value in self._once((key, time), rows[again], {}).items():
                found[name][again] = value
        raise Refused(
            f"{self.who}: what is held out occurs in nearly every row that the other wishes allow; "
            f"hold less, or wish for less"
        )

    def _once(self, key: object, rows: Tensor, forced: Mapping[str, Tensor]) -> Parameters:
        found: Parameters = {}
        for one in self.ordered():
            if one.of:
                chance = uniforms(f"of {one.of}", found[one.of], one.name)
            else:
                chance = uniforms(key, rows, one.name)
            value = _drawn(one, chance, one.law(found))
            for wish in self.wishes:
                if wish.name == one.name:
                    there = holds(wish.condition, found, len(rows))
                    value = torch.where(there, _drawn(one, chance, wish.law), value)
            if one.name in forced:
                value = torch.where(forced[one.name] >= 0, forced[one.name], value)
            found[one.name] = value
        return {one.name: found[one.name] for one in self.parameters}

    def ordered(self) -> list[Parameter]:
        """The parameters, each after those on which a wish for it depends."""
        left, done = list(self.parameters), dict[str, Parameter]()
        needs = {one.name: {one.of, *one.needs} - {""} for one in left}
        for wish in self.wishes:
            needs[wish.name] |= wish.condition.keys()
        while left:
            ready = next((one for one in left if needs[one.name] <= done.keys()), None)
            if ready is None:
                names = ", ".join(one.name for one in left if needs[one.name] - done.keys())
                raise Refused(
                    f"{self.who}: the wishes for {names} depend on each other in a circle"
                )
            left.remove(ready)
            done[ready.name] = ready
        return list(done.values())

    def _held(self, found: Parameters) -> Tensor:
        n = len(next(iter(found.values())))
        held = [holds(condition, found, n) for condition in self.hold]
        return torch.stack(held).any(0)

    def _chosen(self, key: object, rows: Tensor) -> dict[str, Tensor]:
        """Values that make each row one of the combinations that are held out; -1 leaves it open."""
        which = (uniforms(key, rows, "hold") * len(self.hold)).long()
        forced: dict[str, Tensor] = {}
        for number, condition in enumerate(self.hold):
            for name, values in condition.items():
                pick = (uniforms(key, rows, f"hold {name}") * len(values)).long()
                value = torch.tensor(values)[pick]
                open_ = forced.setdefault(name, torch.full_like(rows, -1))
                forced[name] = torch.where(which == number, value, open_)
        return forced

    def fixed(self, name: str, law: Law) -> "Recipe":
        """The same, with another law for one parameter, whatever else is wished of it."""
        others = tuple(wish for wish in self.wishes if wish.name != name)
        return replace(self, wishes=(*others, Wish(name, law, {})))


def _drawn(one: Parameter, chance: Tensor, law: Shares | Tensor | Interval) -> Tensor:
    return one.drawn(chance, law)  # pyright: ignore[reportArgumentType]


def holds(condition: Condition, found: Parameters, n: int) -> Tensor:
    """In which of n rows a condition holds, (n,) bool."""
    there = torch.ones(n, dtype=torch.bool)
    for name, values in condition.items():
        there &= torch.isin(found[name], torch.tensor(values))
    return there


# --- words ------------------------------------------------------------------------------------


def recipe(
    who: str, parameters: Sequence[Parameter], words: Mapping[str, str], hold: str = ""
) -> Recipe:
    """How rows are drawn, from wishes in words.

    Args:
        who: name of the world, for messages.
        parameters: its parameters.
        words: wishes: a name, or a name|condition, and its law.
        hold: combinations that are held out, with commas.

    Raises:
        Refused: a word is not known, or a number is outside its range.
    """
    wishes = []
    for left, right in words.items():
        name, bar, condition = left.partition("|")
        given = _condition(who, parameters, condition) if bar else {}
        wishes.append(Wish(name, law(who, find(who, parameters, name), right), given))
    wishes.sort(key=lambda wish: bool(wish.condition))  # those without a condition come first
    held = tuple(_condition(who, parameters, one) for one in hold.split(",") if one)
    found = Recipe(who, tuple(parameters), tuple(wishes), held)
    found.ordered()
    return found


def find(who: str, parameters: Sequence[Parameter], name: str) -> Parameter:
    """The parameter of a name.

    Raises:
        Refused: there is none.
    """
    names = {one.name: one for one in parameters}
    if name not in names:
        raise Refused(f"{who}: there is no parameter '{name}'; {near(name, [*names])}")
    return names[name]


def choice(who: str, parameters: Sequence[Parameter], name: str) -> Choice:
    """The parameter of a name, which must have values with names.

    Raises:
        Refused: there is none, or it is a number.
    """
    one = find(who, parameters, name)
    if isinstance(one, Choice):
        return one
    known = ", ".join(p.name for p in parameters if isinstance(p, Choice))
    raise Refused(f"{who}: {name} is a number; one of {known} is wanted")


def sides(who: str, parameters: Sequence[Parameter], words: str) -> tuple[str, tuple[Law, Law]]:
    """The parameter in which two sides differ, and its law on each: glasses, or style:flat..ink.

    Raises:
        Refused: there is no such parameter, or only one side is named.
    """
    name, colon, values = words.partition(":")
    one = find(who, parameters, name)
    low, dots, high = values.partition("..")
    if colon and dots:
        return name, (law(who, one, low), law(who, one, high))
    if colon:
        raise Refused(f"{who}: '{words}' names one side; {name}:FROM..TO is wanted")
    if isinstance(one, Number):
        usual = (one.low, one.high)
        if one.usual is not None and not callable(one.usual):
            usual = (float(one.usual[0]), float(one.usual[1]))
        return name, (usual, usual)
    own = _own(one)
    return name, (tuple(float(k == 0) for k in range(len(own))), (0.0, *own[1:]))


def law(who: str, one: Parameter, word: str) -> Law:
    """The law that a word says."""
    if isinstance(one, Number):
        return _interval(who, one, word)
    size = len(one.values)
    if one.switch and (share := _number(word)) is not None and word not in one.values:
        if not 0 <= share <= 1:
            raise Refused(f"{who}: {one.name} is {word}; a probability from 0 to 1 is wanted")
        rest = _own(one)[1:]
        return (1 - share, *(share * part / sum(rest) for part in rest))
    found = [0.0] * size
    for piece in word.split("+"):
        value, colon, share = piece.partition(":")
        low, dots, high = value.partition("..")
        if dots and one.ordered:
            first, last = one.number(low, who), one.number(high, who)
            numbers = range(first, last + 1)
        else:
            numbers = [one.number(value, who)]
        for number in numbers:
            amount = _number(share) if colon else _own(one)[number] or 1.0
            if amount is None or amount < 0:
                raise Refused(f"{who}: {one.name} is '{piece}'; a value:probability is wanted")
            found[number] = amount
    if not sum(found) > 0:
        raise Refused(f"{who}: {one.name} is '{word}', which allows no value; name at least one")
    return tuple(found)


def _own(one: Choice) -> Shares:
    """The probabilities of values, as far as they depend on nothing."""
    return (1.0,) * len(one.values) if callable(one.shares) or not one.shares else one.shares


def _interval(who: str, one: Number, word: str) -> tuple[float, float]:
    low, dots, high = word.partition("..")
    ends = (_number(low), _number(high if dots else low))
    if ends[0] is None or ends[1] is None or not one.low <= ends[0] <= ends[1] <= one.high:
        raise Refused(
            f"{who}: {one.name} is '{word}'; a number from {one.low:g} to {one.high:g}, or an "
            f"interval such as {one.low:g}..{one.high:g}, is wanted"
        )
    return ends[0], ends[1]


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _condition(who: str, parameters: Sequence[Parameter], words: str) -> Condition:
    """The condition that glasses, or hat:cap+beard:none, says."""
    found: Condition = {}
    for word in words.split("+"):
        name, colon, value = word.partition(":")
        one = choice(who, parameters, name)
        if not colon and not one.switch:
            raise Refused(f"{who}: '{word}' is no condition; {name}:{one.values[0]} would be one")
        numbers = (one.number(value, who),) if colon else tuple(range(1, len(one.values)))
        found[name] = (*found.get(name, ()), *numbers)
    return found
