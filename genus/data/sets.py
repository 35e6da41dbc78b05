"""Data: a data set as its three splits."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..core import Classes, Model, Refused, Space
from ..core.html import card, embedded
from ..core.model import TakesApart
from ..media import Showing
from .meaning import Meaning, as_words
from .splits import Split
from .truth import Toy
from .views import augmented, binarised, coarse, cropped, crossed, parted, staged

if TYPE_CHECKING:
    from .tables.columns import Columns

SPLITS = ("train", "validation", "test")
NAMED = 12  # classes that a description of data names
SCALES = "training rows have mean 0 and deviation 1; meaning.in_units(x) are numbers of the file"


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
    columns: "Columns | None" = None

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
            "scales": SCALES if self.columns is not None and self.columns.of_array else "",
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
        return self.meaning.text(x)

    def tokens(self, text: str) -> Tensor:
        """The tokens of a text, (length,) int64."""
        return self.meaning.tokens(text)

    def parse_context(self, text: str) -> Tensor:
        """The context, (*context_space.shape), from a text: class, labels with commas, or text."""
        return self.meaning.parse_context(text)

    def asked(self, options: Mapping[str, Any]) -> "Data":
        """These data, which know the options they were asked for with."""
        return replace(self, options=as_words(options) | dict(self.options)) if options else self

    @property
    def meaning(self) -> Meaning:
        """What the numbers of the rows stand for."""
        known = {one.name: getattr(self, one.name) for one in fields(Meaning) if one.name in OWN}
        return Meaning(space=self.space, context_space=self.context_space, **known)

    def recorded(self) -> Meaning:
        """What a run keeps of these data: the meaning, the share of each label, and a fingerprint."""
        shares, labels = (), self.train.labels
        if labels is not None and isinstance(self.context_space, Classes):
            counts = torch.bincount(labels, minlength=self.classes)
            shares = tuple((counts.double() / len(labels)).tolist())
        parts = [split.source_fingerprint for split in self.splits.values()]
        content = hashlib.sha256(" ".join(parts).encode()).hexdigest()
        return replace(self.meaning, shares=shares, content=content)

    def labelled(self) -> "Data":
        """Data whose batches are (x, label), for a conditional model."""
        return self.view(lambda split: split.labelled())

    def binarised(self) -> "Data":
        """Data of bits: each pixel is 1 with probability (x + 1) / 2, drawn anew in each batch.

        `everything()` gives a fixed draw. Data of bits stay as they are.
        """
        return self.view(binarised)

    def crossed(self) -> "Data":
        """Data whose several labels are one class: one for each combination, such as "yes, round"."""
        seen = self.view(crossed)  # first: of labels that are not given there may be any number
        names = tuple(", ".join(words) for words in product(*self.attributes.values()))
        return replace(seen, class_names=names)

    def parted(self, parting: TakesApart) -> "Data":
        """Data with x as a part of each row, and the rest as its context."""
        return self.view(lambda split: parted(split, parting))

    def coarse(self, factor: int = 2) -> "Data":
        """Data with x as context, averaged over blocks of factor x factor and enlarged again."""
        return self.view(lambda split: coarse(split, factor))

    def staged(self, factors: Sequence[int] = (4, 2)) -> "Data":
        """Data with images from coarse to fine, stacked, as x, given the coarsest one."""
        return self.view(lambda split: staged(split, factors))

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
        """These data as a model takes them: as they are, with labels, as bits, as pairs, or in parts."""
        if model.parting is not None:
            whole = self.view_of(model.parting.space, None, type(model).__name__)
            return whole.parted(model.parting)
        return self.view_of(
            model.space, getattr(model, "context_space", None), type(model).__name__
        )

    def view_of(self, space: Space, context_space: Space | None, who: str) -> "Data":
        """These data with rows and contexts of these spaces.

        Args:
            space, context_space: spaces that are wanted.
            who: who wants them, for messages.
        """
        for view in VIEWS:
            try:
                seen = view(self)
            except ValueError:  # these data have no such view
                continue
            if (seen.space, seen.context_space) == (space, context_space):
                return seen
        context = f" given {context_space}" if context_space else ""
        raise Refused(f"{self.name}: is {self.space}; {who} was made for {space}{context}")


OWN = {one.name for one in fields(Data)}  # the rest of a meaning follows from the splits
VIEWS: tuple[Callable[[Data], Data], ...] = (
    lambda data: data,
    Data.labelled,
    Data.binarised,
    lambda data: data.binarised().labelled(),
    Data.crossed,
    Data.coarse,
    Data.staged,
    Data.loosened,
    lambda data: data.labelled().loosened(),
)
