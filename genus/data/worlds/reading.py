"""A world as a data set: `read` and the options that all worlds take."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ...core import Attributes, Pixels, Reals, Refused, Space
from ..images.domains import Unpaired
from ..images.store import MOST
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Batch, Rows, Split, unpack
from .chance import integers, uniforms
from .painted import Painted, code_of
from .parameters import Choice, Number, Parameters
from .wishes import Law, Recipe, choice, find, recipe, sides
from .world import World, meaning

SMALLEST, LARGEST = 16, 128  # pixels
SHARE = 10  # validation and test have a tenth of the training rows
FIXED = 2000  # rows of the fixed draw of an endless split
STEPS = 9  # of a sweep of a number
CAPTIONS = "captions"


def source(world: World) -> Source:
    """A world as a data set that has a name; its parameters are options."""
    every = world.moving(2).parameters if world.moving else world.parameters
    wishes = {one.name: meaning(one) for one in every}
    for name, several in world.groups.items():
        wishes[name] = f"{', '.join(several)} at once"
    return Source(partial(read, world), wishes=wishes)


def read(
    world: World,
    *,
    size: int = 32,
    rows: str = "20000",
    context: str = "",
    label: str = "",
    pairs: str = "",
    domains: str = "",
    hold: str = "",
    sweep: str = "",
    clips: int = 0,
    seed: int = 0,
    cache: int = MOST,
    wishes: Mapping[str, str] | None = None,
) -> Data:
    """A world as a data set of `Pixels`.

    Args:
        world: the world.
        size: height and width, in pixels; the pictures of a world are drawn with 16 to 128.
        rows: number of training rows of a world, or endless; validation and test have a tenth of it.
        context: what is given with each picture of a world: captions, layouts or joints where there are any, or
            names of parameters, with commas.
        label: column of a table, or parameter of a world, that is the label; by default all discrete
            parameters are labels.
        pairs: parameter of a world in which the two pictures of a pair differ, such as glasses, or
            style:flat..ink; or a map of the same picture, where there is one: segmentation, the classes of
            its pixels in colours, or edges, the lines between its parts; of figures also pose and outfit.
        domains: parameter of a world that divides it into two sets of pictures without pairs, such as
            glasses, or age:child..old.
        hold: combinations of values that are kept for the test of a world, such as
            beard:full+mouth:smile.
        sweep: parameter of a world that takes all its values one after another while all others stay,
            such as yaw, or yaw:15 for so many steps.
        clips: number of frames, 2 or more, of clips of a world that moves; 0 for single pictures.
        seed: number of the draw of a world.
        cache: bytes of pictures that may be kept in the folder that the variable GENUS_CACHE names, by
            default ~/.cache/genus; 0 keeps none.
        wishes: laws of parameters, in words, as `worlds.wishes` reads them.
    """
    who = world.name
    if clips:
        if world.moving is None or clips < 2:
            wanted = "at least 2 frames are wanted" if world.moving else "it does not move"
            raise Refused(f"{who}: clips is {clips}; {wanted}")
        world = world.moving(clips)
    if not SMALLEST <= size <= LARGEST:
        raise Refused(f"{who}: size is {size}; {SMALLEST} to {LARGEST} pixels are wanted")
    if sum(map(bool, (context, pairs, domains))) > 1:
        raise Refused(f"{who}: of context, pairs and domains, only one can be given with a picture")
    words = world.spread(dict(world.fixed) | world.spread(wishes or {}))
    laws = recipe(who, world.parameters, words, world.spread_hold(hold))
    asked = Request(world, size, laws, seed, cache, context, label, sweep)
    if rows == "endless":
        return asked.endless(pairs or domains)
    if not rows.isdigit() or int(rows) < 1:
        raise Refused(f"{who}: rows is '{rows}'; a number of at least 1, or endless, is wanted")
    train = int(rows)
    few = max(1, train // SHARE)
    counts = dict(zip(SPLITS, (train, few, few), strict=True))
    return asked.data({split: asked.rows(split, n, pairs, domains) for split, n in counts.items()})


@dataclass(frozen=True)
class Request:
    """What was asked of a world.

    Args:
        world: the world.
        size: height and width in pixels.
        laws: how rows are drawn.
        seed: number of the draw.
        cache: bytes of files that may be kept.
        context: captions, or names of parameters with commas; or nothing.
        label: parameter that is the only label; or nothing.
        sweep: parameter that is swept, and its steps; or nothing.
    """

    world: World
    size: int
    laws: Recipe
    seed: int
    cache: int
    context: str
    label: str
    sweep: str

    @property
    def space(self) -> Pixels:
        return Pixels(self.world.shape(self.size))

    def data(self, splits: Mapping[str, Split]) -> Data:
        """The data set of three splits, with the names of its labels."""
        world, names = self.world, self.labels()
        captions = self.context == CAPTIONS
        return Data(
            world.name,
            splits["train"],
            splits["validation"],
            splits["test"],
            class_names=names[0].names if self.label else (),
            attributes={} if self.label else {one.name: one.names for one in names},
            separator=" " if captions else "",
            context_symbols=world.words if captions else (),
            notes=self.notes(),
        )

    def notes(self) -> tuple[str, ...]:
        """What a world offers, for people."""
        numbers = [one.name for one in self.world.parameters if isinstance(one, Number)]
        some = self.world.labels[-1]
        wish = f"{self.world.name}?{some.name}={some.values[-1]}"
        return (
            f"drawn by the library: each parameter is an option, such as {wish}",
            f"parameters with numbers: {', '.join(numbers)}",
            "something is given by context=captions or context=NAME,NAME, by pairs=NAME and domains=NAME",
            "hold=NAME:VALUE+NAME:VALUE keeps combinations for the test, sweep=NAME shows all values",
        )

    def labels(self) -> tuple[Choice, ...]:
        """The parameters that are labels: the one that was asked for, those of the context, or all."""
        who, parameters = self.world.name, self.world.parameters
        if self.label:
            return (choice(who, parameters, self.label),)
        if self.context and self.context not in (CAPTIONS, *self.world.contexts):
            found = [find(who, parameters, name) for name in self.context.split(",")]
            some = tuple(one for one in found if isinstance(one, Choice))
            if 0 < len(some) < len(found):
                raise Refused(
                    f"{who}: context is {self.context}; either labels or numbers are wanted"
                )
            return some or self.world.labels
        return self.world.labels

    # --- finite splits ------------------------------------------------------------------------

    def rows(self, split: str, count: int, pairs: str = "", domains: str = "") -> Split:
        """A finite split."""
        name = f"{self.world.name} {split}"
        if domains:
            one, (first, second) = sides(self.world.name, self.world.parameters, domains)
            laws = self._of(split)
            a = self._painted(split, count, laws.fixed(one, first), key="A")
            b = self._painted(split, count, laws.fixed(one, second), key="B")
            both = [Rows(side, self.space, name=f"{name} {domains}") for side in (a, b)]
            return Unpaired(*both, name=name)
        painted = self._painted(split, count, self._of(split))
        context, space = None, None
        if pairs in self.world.maps:
            context, space = self._painted(split, count, self._of(split), of=pairs), self.space
        elif pairs:
            one, (first, second) = sides(self.world.name, self.world.parameters, pairs)
            painted = self._painted(split, count, self._of(split), change=(one, second, "x"))
            context = self._painted(split, count, self._of(split), change=(one, first, "context"))
            space = self.space
        labels = self.labels()
        found = painted.truth(torch.arange(count))
        numbers = torch.stack([one.labels(found) for one in labels], 1)
        if self.context:
            context, space = self.given(found)
        return Rows(
            painted,
            self.space,
            labels=numbers[:, 0] if self.label else None,
            classes=len(labels[0].names) if self.label else 0,
            attributes=None if self.label else numbers,
            counts=() if self.label else tuple(len(one.names) for one in labels),
            context=context,
            context_space=space,
            name=name,
        )

    def given(self, found: Parameters) -> tuple[Tensor, Space]:
        """The context that was asked for, of each row, and its space."""
        world = self.world
        if self.context == CAPTIONS:
            if world.captions is None:
                raise Refused(f"{world.name}: has no captions; leave out context=captions")
            return world.tokens(world.captions(found)), world.sentences
        if self.context in world.contexts:
            space, of = world.contexts[self.context]
            return of(found), space
        parameters = [find(world.name, world.parameters, name) for name in self.context.split(",")]
        labels = self.labels()
        if isinstance(parameters[0], Choice):
            numbers = torch.stack([one.labels(found) for one in labels], 1)
            return numbers, Attributes(tuple(len(one.names) for one in labels))
        return torch.stack([found[one.name] for one in parameters], 1), Reals((len(parameters),))

    def _of(self, split: str) -> Recipe:
        """The laws of a split: what is held out makes up the test."""
        held = bool(self.laws.hold) and split == "test"
        return Recipe(self.laws.who, self.laws.parameters, self.laws.wishes, self.laws.hold, held)

    def _painted(
        self,
        split: str,
        count: int,
        laws: Recipe,
        *,
        key: str = "",
        of: str = "",
        change: tuple[str, Law, str] | None = None,
    ) -> Painted:
        world = self.world
        who = (world.name, self.seed, split, *([key] if key else []))
        truth = partial(self._truth, laws, who, change)
        says = (
            f"{world.name} {world.version} {self.size} {who} {count} {laws.wishes} {laws.hold} "
            f"{laws.only} {self.sweep} {change} {of} {world.frames}"
        )
        draw = partial(_drawn, world, self.size, of)
        code = code_of(*world.folders)
        return Painted(truth, draw, count, self.space.shape, says, code, self.cache)

    def _truth(
        self, laws: Recipe, key: object, change: tuple[str, Law, str] | None, rows: Tensor
    ) -> Parameters:
        """The parameters of rows."""
        if self.sweep:
            return self._swept(laws, key, rows)
        found = laws.drawn(key, rows)
        if change is not None:
            name, side, where = change
            one = find(self.world.name, self.world.parameters, name)
            what = f"{where} {name}" if isinstance(one, Number) else name
            found[name] = one.drawn(uniforms(key, rows, what), side)  # pyright: ignore[reportArgumentType]
        return found

    def _swept(self, laws: Recipe, key: object, rows: Tensor) -> Parameters:
        """Parameters of which one takes all its values while the others stay."""
        name, colon, word = self.sweep.partition(":")
        one = find(self.world.name, self.world.parameters, name)
        if colon and not (word.isdigit() and int(word) > 1):
            raise Refused(
                f"{laws.who}: sweep is '{self.sweep}'; {name}:STEPS, 2 or more, is wanted"
            )
        if isinstance(one, Choice):
            steps = min(int(word), len(one.values)) if colon else len(one.values)
            found = laws.drawn(key, rows // steps)
            found[name] = rows % steps
        else:
            steps = int(word) if colon else STEPS
            found = laws.drawn(key, rows // steps)
            share = (rows % steps) / (steps - 1)
            found[name] = (one.low + (one.high - one.low) * share).float()
        return found

    # --- an endless split ---------------------------------------------------------------------

    def endless(self, two: str) -> Data:
        """The data set whose training rows never end."""
        if two or self.sweep:
            raise Refused(
                f"{self.world.name}: pairs, domains and sweeps are finite; say rows=20000"
            )
        few = {split: self.rows(split, FIXED) for split in SPLITS[1:]}
        return self.data({"train": Endless(self), **few})

    def drawn(self, key: object, rows: Tensor) -> tuple[Tensor, Parameters]:
        """Pictures, uint8, and parameters of rows that are not kept."""
        found = self._of("train").drawn((self.world.name, self.seed, key), rows)
        return _drawn(self.world, self.size, "", found), found


class Endless(Split):
    """A split of which each batch is drawn anew.

    Args:
        asked: what was asked of a world.
    """

    def __init__(self, asked: Request):
        self.asked, self.name, self.space = asked, f"{asked.world.name} endless", asked.space
        self.fixed = asked.rows("train", FIXED)
        assert isinstance(self.fixed, Rows)
        self.labels, self.classes = self.fixed.labels, self.fixed.classes
        self.context_space = self.fixed.context_space

    def content(self) -> str:
        return f"endless {self.fixed.fingerprint}"

    def __len__(self) -> int:
        return FIXED

    def batch(self, number: int, size: int, seed: int) -> Batch:
        rows = integers(("endless", seed), torch.arange(number * size, (number + 1) * size), "row")
        x, found = self.asked.drawn("endless", rows)
        x = unpack(x, self.space)
        if self.context_space is None:
            return (x,)
        if self.asked.context:
            return x, self.asked.given(found)[0]
        numbers = torch.stack([one.labels(found) for one in self.asked.labels()], 1)
        return x, numbers[:, 0] if self.asked.label else numbers

    def everything(self) -> Batch:
        return self.fixed.everything()

    def first(self, n: int) -> Batch:
        return self.fixed.first(n)

    def labelled(self) -> "Endless":
        view = copy.copy(self)
        view.fixed = self.fixed.labelled()
        view.context_space = view.fixed.context_space
        return view


def _drawn(world: World, size: int, of: str, found: Parameters) -> Tensor:
    return world.maps[of](found, size) if of else world.draw(found, size)
