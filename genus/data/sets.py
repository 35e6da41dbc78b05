"""Data: a data set as its three splits."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ..core import Attributes, Classes, Model, Refused, Space, Tokens
from ..core.html import card, embedded
from ..media import Showing
from .splits import Split
from .truth import Toy
from .views import augmented, binarised, coarse, cropped

SPLITS = ("train", "validation", "test")
NAMED = 12  # classes that a description of data names


@dataclass(frozen=True)
class Data:
    """A data set.

    Args:
        name: name of the data set.
        train: training split.
        validation: split on which choices are based.
        test: split on which figures are reported.
        truth: distribution of the rows, for toys.
        class_names: meaning of each label, if it is known.
        attributes: names of several labels, and the meaning of each of their values.
        notes: sentences on what was decided when the data were read.
        options: options that read the same data again, also when defaults have changed.
        skipped: files that were left out, by reason.
        symbols: characters or words that the tokens stand for, where x are tokens.
        separator: text between two symbols: nothing, or a space between words.
        context_symbols: symbols that the tokens of a context stand for, where contexts are tokens.
        rate: samples per second, where x are sounds.
        columns: what the columns are, where x are rows of a table: `Columns`.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    truth: Toy | None = None
    class_names: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    symbols: tuple[str, ...] = ()
    separator: str = ""
    context_symbols: tuple[str, ...] = ()
    rate: int | None = None
    columns: Any = None

    @property
    def splits(self) -> dict[str, Split]:
        return {name: getattr(self, name) for name in SPLITS}

    @property
    def space(self) -> Space:
        """The space of x."""
        return self.train.space

    @property
    def context_space(self) -> Space | None:
        """The space of the context that comes with each x; None without contexts."""
        return self.train.context_space

    @property
    def classes(self) -> int:
        """The number of different labels; 0 without labels."""
        return self.train.classes

    @property
    def unpaired(self) -> bool:
        """Whether x and context are independent rows of two domains."""
        return self.train.unpaired

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the content: it changes when the data do."""
        parts = [split.fingerprint for split in self.splits.values()]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    @property
    def entropy(self) -> float | None:
        """-E log p(x) of the distribution itself, nats; None where that is not known."""
        return self.truth.entropy if self.truth else None

    @property
    def modes(self) -> tuple[Tensor, float] | None:
        """The centres of well separated modes, (k, d), and the std around each; None without such."""
        return self.truth.modes if self.truth else None

    def showing(self, n: int | None = None, seed: int = 0) -> Showing:
        """n training rows, as `genus.show` shows them."""
        return self.train.showing(n, seed, self)

    @property
    def _known(self) -> dict[str, str]:
        """What is known of the data, in words."""
        many = len(self.class_names) > NAMED
        names = ", ".join(self.class_names[:NAMED]) + (", ..." if many else "")
        entries = {
            "rows": ", ".join(f"{len(split):,} {name}" for name, split in self.splits.items()),
            "space": str(self.space),
            "context": str(self.context_space or "") + (" of other rows" if self.unpaired else ""),
            "labels": f"{self.classes}: {names}" if names else str(self.classes or ""),
            "attributes": "; ".join(f"{k}: {', '.join(v)}" for k, v in self.attributes.items()),
            "left out": ", ".join(f"{why}: {len(these)}" for why, these in self.skipped.items()),
            "notes": "; ".join(self.notes),
        }
        return {name: text for name, text in entries.items() if text}

    def __repr__(self) -> str:
        return "\n".join([self.name, *(f"  {key}: {text}" for key, text in self._known.items())])

    def _repr_html_(self) -> str:
        some = self.showing()
        picture = some._repr_png_()
        image = picture and f'<img src="{embedded(picture, "image/png")}" style="max-width:480px">'
        return card(self.name, self._known) + (image or some._repr_html_() or "")

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) under the distribution itself, nats, (n,), which is known for toys."""
        if self.truth is None:
            raise Refused(f"{self.name}: its true density is not known; only toys know theirs")
        return self.truth.log_prob(x.cpu()).to(x.device)

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
        raise Refused(f"{self.name}: its context is {space}, which cannot be given as a text")

    def _attributes(self, text: str) -> list[int]:
        """Numbers of labels from words such as 3,0,1 or glasses=round,hair=short; others are 0."""
        words = [word.strip() for word in text.split(",")]
        if not self.attributes or not any("=" in word for word in words):
            return [int(word) if word.isdigit() else -1 for word in words]
        found = dict.fromkeys(self.attributes, 0)
        for word in words:
            name, _, value = word.partition("=")
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

    def _numbers(self, text: str, symbols: tuple[str, ...]) -> Tensor:
        numbers = {symbol: number for number, symbol in enumerate(symbols)}
        words = text.split(self.separator) if self.separator else list(text)
        if unknown := sorted({word for word in words if word not in numbers}):
            raise Refused(
                f"{self.name}: the text has {', '.join(map(repr, unknown[:5]))}, which never occurs "
                f"in these data; leave it out"
            )
        return torch.tensor([numbers[word] for word in words], dtype=torch.int64)

    def labelled(self) -> "Data":
        """Data whose batches are (x, label), for a conditional model."""
        return self.view(lambda split: split.labelled())

    def binarised(self) -> "Data":
        """Data of bits: each pixel is 1 with probability (x + 1) / 2, drawn anew in each batch.

        `everything()` gives a fixed draw. Data of bits stay as they are.
        """
        return self.view(binarised)

    def coarse(self, factor: int = 2) -> "Data":
        """Data with x as context, averaged over blocks of factor x factor and enlarged again."""
        return self.view(lambda split: coarse(split, factor))

    def loosened(self) -> "Data":
        """Data of a table, of which each field is a real number; those of real numbers as they are."""
        return self.view(lambda split: split.loosened())

    def augmented(self, *, flip: bool = False, shift: int = 0, crop: int | None = None) -> "Data":
        """Data whose training images are varied anew in each batch.

        Args:
            flip: whether to mirror half of the images, left to right.
            shift: largest shift in pixels, each way; the edge is repeated.
            crop: side in pixels of a square that is cut out: anywhere in training batches, in the
                middle everywhere else.
        """
        return replace(
            self,
            train=augmented(self.train, flip=flip, shift=shift, crop=crop),
            validation=cropped(self.validation, crop),
            test=cropped(self.test, crop),
        )

    def view(self, change: Callable[[Split], Split]) -> "Data":
        """Data in which each split is changed by a function."""
        return replace(self, **{name: change(split) for name, split in self.splits.items()})

    def view_for(self, model: Model) -> "Data":
        """These data as a model takes them: as they are, with labels, as bits, or as pairs."""
        wanted = (model.space, getattr(model, "context_space", None))
        for view in VIEWS:
            try:
                seen = view(self)
            except ValueError:  # these data have no such view
                continue
            if (seen.space, seen.context_space) == wanted:
                return seen
        context = f" given {wanted[1]}" if wanted[1] else ""
        raise Refused(
            f"{self.name}: is {self.space}; {type(model).__name__} was made for {wanted[0]}{context}"
        )


VIEWS: tuple[Callable[[Data], Data], ...] = (
    lambda data: data,
    Data.labelled,
    Data.binarised,
    lambda data: data.binarised().labelled(),
    Data.coarse,
    Data.loosened,
    lambda data: data.labelled().loosened(),
)
