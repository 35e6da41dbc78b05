"""What the numbers of rows stand for: a data set knows it, and a run keeps it in its config.json.

So samples are written, contexts are read and rows are scored when the data are no longer there.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..core import Attributes, Classes, Reals, Refused, Space, Tokens

if TYPE_CHECKING:
    from .tables.columns import Columns
    from .tables.sheets import Sheet


def as_words(options: Mapping[str, Any]) -> dict[str, str]:
    """Options of data as they stand in a name: a size of two sides as 48x64."""
    pairs = ((k, v if isinstance(v, tuple) else (v,)) for k, v in options.items())
    return {name: "x".join(map(str, parts)) for name, parts in pairs}


@dataclass(frozen=True)
class Meaning:
    """What the numbers of rows stand for.

    Args:
        name: name of the data set.
        space: space of x.
        context_space: space of a context.
        class_names: meaning of each label.
        attributes: names of several labels, and the meaning of each of their values.
        options: options with which the data were read.
        symbols: characters or words that tokens stand for.
        separator: text between two symbols.
        context_symbols: symbols that the tokens of a context stand for.
        rate: samples per second of sounds.
        columns: what the columns of a file became.
        shares: share of each label among the training rows, where contexts are labels.
        content: SHA-256 of the data as they were read, whatever the view of them.
    """

    name: str
    space: Space
    context_space: Space | None = None
    class_names: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    symbols: tuple[str, ...] = ()
    separator: str = ""
    context_symbols: tuple[str, ...] = ()
    rate: int | None = None
    columns: "Columns | None" = None
    shares: tuple[float, ...] = ()
    content: str = ""

    def to_json(self) -> dict[str, Any]:
        """Everything but the spaces, which are those of the model, as JSON types."""
        known = {one.name: getattr(self, one.name) for one in fields(self)}
        found = {name: value for name, value in known.items() if value and "space" not in name}
        return found | ({} if self.columns is None else {"columns": self.columns.to_json()})

    @classmethod
    def from_json(
        cls, record: Mapping[str, Any], space: Space, context_space: Space | None
    ) -> "Meaning | None":
        """The meaning that `to_json` wrote; None of a run that kept none.

        Args:
            record: entry "data" of a run's config.json.
            space, context_space: spaces of the model of the run.
        """
        if "content" not in record:
            return None
        known = {one.name for one in fields(cls)} - {"space", "context_space", "columns"}
        found: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in record.items()
            if name in known
        }
        if "attributes" in found:
            found["attributes"] = {name: tuple(v) for name, v in found["attributes"].items()}
        if record.get("columns") is not None:
            from .tables.columns import Columns

            found["columns"] = Columns.from_json(record["columns"])
        return cls(space=space, context_space=context_space, **found)

    @property
    def loose(self) -> bool:
        """Whether x are rows of a table in their looser view, of real numbers."""
        return self.columns is not None and self.space != self.columns.space

    def rows(self, x: Tensor, as_numbers: bool = False, given: Tensor | None = None) -> "Sheet":
        """The rows of the table that x, (n, k), stand for, as `Columns.decode` gives them."""
        from .tables.loose import Loose

        if self.columns is None:
            raise Refused(f"{self.name}: is no table; another kind of file is wanted")
        return self.columns.decode(
            Loose(self.columns).undo(x) if self.loose else x, as_numbers, given
        )

    def in_units(self, x: Tensor) -> Tensor:
        """x, (n, ..., k), of columns of real numbers in the units of these, float64; any other x as it is."""
        columns = self.columns
        if columns is None or self.loose or not isinstance(columns.space, Reals):
            return x
        return columns.undo(x.flatten(0, -2)).reshape(x.shape)

    def text(self, x: Tensor) -> list[str]:
        """The texts of the tokens x, (n, length), up to their end where there is one."""
        end = getattr(self.space, "end", None)
        rows = [row[: row.index(end)] if end in row else row for row in x.tolist()]
        return [self.separator.join(self.symbols[token] for token in row) for row in rows]

    def tokens(self, text: str) -> Tensor:
        """The tokens of a text, (length,) int64."""
        return self._numbers(text, self.symbols)

    def parse_context(self, text: str) -> Tensor:
        """The context, (*context_space.shape), from a text: class, labels with commas, or text."""
        space = self.context_space
        match space:
            case Classes():
                names = self.class_names or tuple(map(str, range(space.count)))
                if text in names:
                    return torch.tensor(names.index(text))
                if self.crossed:
                    return torch.tensor(self._combination(text))
                raise Refused(f"{self.name}: '{text}' is no class; one of {', '.join(names)} is")
            case Attributes():
                context = torch.tensor(self._attributes(text))
                if context.shape == space.shape and space.fault(context[None]) is None:
                    return context
                wanted = ", ".join(f"below {count}" for count in space.counts)
                raise Refused(f"{self.name}: the labels are '{text}'; wanted are numbers {wanted}")
            case Tokens() if self.context_symbols and space.end is not None:
                words = self._numbers(text, self.context_symbols)
                if len(words) <= space.length:
                    return torch.nn.functional.pad(
                        words, (0, space.length - len(words)), value=space.end
                    )
                raise Refused(
                    f"{self.name}: the text has {len(words)} tokens; at most {space.length} are wanted"
                )
        if self.columns is not None and self.columns.given is not None:
            return self._given_in(text, self.columns)
        raise Refused(f"{self.name}: its context is {space}, which cannot be given as a text")

    @property
    def crossed(self) -> bool:
        """Whether a class stands for one value of each attribute."""
        combinations = math.prod(map(len, self.attributes.values()))
        return bool(self.attributes) and self.context_space == Classes(combinations)

    def _combination(self, text: str) -> int:
        """The class that labels stand for together, of which the last changes fastest."""
        number, found = 0, self._attributes(text)
        for value, values in zip(found, self.attributes.values(), strict=False):
            number = number * len(values) + value
        counts = [len(values) for values in self.attributes.values()]
        if len(found) == len(counts) and all(
            0 <= v < n for v, n in zip(found, counts, strict=True)
        ):
            return number
        wanted = ", ".join(f"below {count}" for count in counts)
        raise Refused(f"{self.name}: the labels are '{text}'; wanted are numbers {wanted}")

    def _given_in(self, text: str, columns: "Columns") -> Tensor:
        """The context from words such as age=30, city=Paris; what is not named is missing."""
        from .tables.sheets import Sheet

        assert columns.given is not None
        names, cells = columns.given.names, dict.fromkeys(columns.given.names)
        for word in text.split(","):
            name, equals, value = (part.strip() for part in word.partition("="))
            if name not in cells or not equals:
                raise Refused(
                    f"{self.name}: the context is '{text}'; wanted is {', '.join(f'{n}=...' for n in names)}"
                )
            cells[name] = value
        context, (reason,) = columns.encode_given(Sheet(names, [[cells[name]] for name in names]))
        if reason is not None or context is None:
            raise Refused(f"{self.name}: the context is '{text}': {reason}")
        return context[0]

    def _attributes(self, text: str) -> list[int]:
        """Numbers of labels from words such as 3,0,1 or glasses=round,smile or round,short; others are 0.

        A value stands for itself where only one attribute has it; the name of an attribute whose first value is no
        or none stands for the next.
        """
        words = [word.strip() for word in text.split(",")]
        if not self.attributes or all(word.isdigit() for word in words):
            return [int(word) if word.isdigit() else -1 for word in words]
        found = dict.fromkeys(self.attributes, 0)
        for word in words:
            name, equals, value = word.partition("=")
            if not equals:
                name, value = self._meant(word)
            if name not in self.attributes:
                raise Refused(
                    f"{self.name}: there is no attribute '{name}'; there are "
                    f"{', '.join(self.attributes)}"
                )
            if value not in self.attributes[name]:
                known = ", ".join(self.attributes[name])
                raise Refused(f"{self.name}: {name} is '{value}'; one of {known} is wanted")
            found[name] = self.attributes[name].index(value)
        return [*found.values()]

    def _meant(self, word: str) -> tuple[str, str]:
        """The attribute and the value that a single word stands for."""
        values = self.attributes.get(word, ())
        if len(values) > 1 and values[0] in ("no", "none"):
            return word, values[1]
        having = [name for name, values in self.attributes.items() if word in values]
        if len(having) == 1:
            return having[0], word
        if having:
            known = " or ".join(f"{name}={word}" for name in having)
            raise Refused(f"{self.name}: '{word}' is a value of several attributes; write {known}")
        if values:
            known = " or ".join(f"{word}={value}" for value in values)
            raise Refused(f"{self.name}: '{word}' is an attribute without a value; write {known}")
        known = ", ".join(f"{name} ({', '.join(v)})" for name, v in self.attributes.items())
        raise Refused(
            f"{self.name}: '{word}' is no attribute, and no value of one; there are {known}"
        )

    def _numbers(self, text: str, symbols: tuple[str, ...]) -> Tensor:
        numbers = {symbol: number for number, symbol in enumerate(symbols)}
        words = text.split(self.separator) if self.separator else list(text)
        if unknown := sorted({word for word in words if word not in numbers}):
            raise Refused(
                f"{self.name}: the text has {', '.join(map(repr, unknown[:5]))}, which never occurs "
                f"in these data; leave it out"
            )
        return torch.tensor([numbers[word] for word in words], dtype=torch.int64)
