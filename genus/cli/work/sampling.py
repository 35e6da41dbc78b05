"""The work of `genus sample`: samples of a trained model, in a file or a folder."""

from collections.abc import Iterator
from functools import cached_property
from itertools import chain, count
from typing import Any, cast

import torch
from torch import Tensor

from ...core import Classes, GenerativeModel, Reals, Space, blocks, given, in_blocks
from ...core.files import drafted_folder, write
from ...core.model import TakesApart
from ...data.meaning import Meaning
from ...data.tables.beside import GivenRows
from ...data.tables.sheets import Sheet, sheet
from ...data.tables.tables import as_read
from ...data.tables.writing import KINDS as TABLES
from ...data.tables.writing import table_bytes
from ...errors import Refused, RefusedType
from ...functional.sequences.choices import DRAWN
from ...media import contexts, grid, save_film, save_picture, scatter, shown
from ...media.arrays import save_arrays
from ...media.files import PICTURES, natural_kind, written
from ...media.origin import origin, presentable
from ...media.pictures import Picture, frame_of, has_pictures, plain, separate
from ...media.samples import prefix, sampling_arguments
from ...media.ways import filled, mask_of, masked, upper_half, walked, watched
from ...train.artifact import load, read_config
from ...train.process import begin
from ..errors import say
from .answers import Answers, style_of, takes_pictures
from .order import Order
from .runs import RunData

USUAL = 64  # samples
WAYS = ("frames", "complete", "inpaint", "interpolate", "length", "prompt")


def write_samples(order: Order) -> None:
    """Writes samples into a file or a folder, whole or not at all; a picture notes its origin."""
    samples = Samples(order)
    order, out, kind = samples.order, order.out, order.out.suffix.lower()
    if samples.answering:
        samples.answers().write(samples.note())
        return
    drawn = samples.blocks()
    first = next(drawn)  # what cannot be drawn is refused before there is a folder
    drawn = chain([first], drawn)
    if kind not in (*TABLES, *PICTURES) and order.format not in PICTURES:
        drawn = map(samples.meaning.in_units, drawn)  # pictures of a plane show it as it is learnt
    if order.into_folder:
        samples.write_folder(drawn)
    elif kind in PICTURES:
        samples.write_picture(torch.cat([*drawn]))
    elif kind in (".txt", ".wav"):
        content = written(samples.meaning, torch.cat([*drawn]), kind)
        out.parent.mkdir(parents=True, exist_ok=True)
        write(out, content)
    elif kind in TABLES:
        content = table_bytes(samples.table(torch.cat([*drawn]), kind), kind)
        out.parent.mkdir(parents=True, exist_ok=True)
        write(out, content)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        others = samples.labels() if kind == ".npz" else None
        save_arrays(drawn, samples.n, out, others)


class Samples:
    """The samples of an order, and how they are written.

    Args:
        order: what is asked for.
    """

    def __init__(self, order: Order):
        self.config = read_config(order.folder)
        device = str(begin(order.device))
        self.model: Any = load(
            order.folder, average=not order.raw, allow=order.allow, device=device
        )
        if not isinstance(self.model, GenerativeModel):
            raise RefusedType(f"sample: {type(self.model).__name__} cannot sample")
        names = ("temperature", "top_k", "top_p", "mean", "bias", "threshold")
        self.answering = order.context is not None and takes_pictures(self.model)
        usual = 1 if self.answering else USUAL
        self.order, self.n = order, usual if order.n is None else order.n
        self.of_run = RunData(order.folder, self.model, order.data)
        options = {name: getattr(order, name) for name in names}
        if order.style is not None:
            options["style"] = style_of(str(order.style), self.model, self.meaning.options)
        self.how = sampling_arguments(self.model, options)
        if order.data is not None:
            _ = self.of_run.data  # data that do not fit are refused even if they are not needed
        self.known: Tensor | None = None  # of rows that are completed
        self.rows: Tensor | None = None

    @property
    def meaning(self) -> Meaning:
        """What the numbers of the samples stand for."""
        return self.of_run.meaning

    @cached_property
    def given(self) -> Tensor | None:
        """The contexts, (n, ...), of a conditional model."""
        n, space = self.n, self.model.context_space
        if self.given_rows is not None:
            return self.given_rows.contexts(n)
        if self.order.context is None:
            return contexts(self.model, n, lambda: self.of_run.data.test.first(n)[1])
        if space is None:
            name = type(self.model).__name__
            raise Refused(f"sample: {name} takes no context: leave --context out")
        return self.meaning.parse_context(self.order.context).expand(n, *space.shape)

    @cached_property
    def given_rows(self) -> GivenRows | None:
        """The rows whose other columns are drawn."""
        path, columns = self.order.given, self.meaning.columns
        if path is None:
            return None
        if columns is None or columns.given is None:
            raise Refused(
                f"sample: {self.order.folder} is given no columns of a table: leave --given out, or fit a "
                f"model with --data.given"
            )
        found = GivenRows.read(
            sheet(path, ragged=True, **as_read(self.meaning.options)), columns, str(path)
        )
        if lost := [reason for reason in found.reasons if reason is not None]:
            say(
                f"{len(lost):,} of {len(found.reasons):,} rows of {path} could not be read, and come back "
                f"alone; the first: {lost[0]}"
            )
        return found

    def answers(self) -> Answers:
        """The answers to pictures of one's own."""
        for way in WAYS:
            if getattr(self.order, way) is not None:
                raise Refused(
                    f"sample: --{way} came with the pictures of --context; leave one of them out"
                )
        return Answers(self.model, self.order, self.how, self.meaning.options)

    # drawing

    def blocks(self) -> Iterator[Tensor]:
        """All that is drawn, block by block, on the processor: (rows, *shape), or (rows, steps, *shape)."""
        return (block.cpu() for block in self._way())

    def _way(self) -> Iterator[Tensor]:
        order, model = self.order, self.model
        if order.interpolate is not None:
            return self._walked(order.interpolate)
        if order.complete is not None or order.inpaint is not None:
            space = model.space
            self.known = upper_half(space) if order.complete else mask_of(order.inpaint, space)
            self.rows, *context = self._test(self.n)
            chosen = self.given if order.context is not None else (*context, None)[0]
            return filled(model, self.rows, self.known, order.seed, chosen, self.how)
        if order.frames is not None:
            return watched(model, self.n, order.frames, order.seed, self.given, self.how)
        if order.length is not None or order.prompt is not None:
            return self._continued()
        drawn = blocks(
            model, None if self.given is not None else self.n, order.seed, self.given, **self.how
        )
        return drawn if model.parting is None else self._whole(drawn)

    def _whole(self, drawn: Iterator[Tensor]) -> Iterator[Tensor]:
        """Whole rows, of the parts that are drawn and those that were given."""
        assert self.given is not None
        begun = 0
        for block in drawn:
            known = self.given[begun : (begun := begun + len(block))].to(block)
            yield self.model.parting.together(block, known)

    @property
    def space(self) -> Space:
        """That of what is written: whole rows, where a model draws parts of them."""
        parting: TakesApart | None = self.model.parting
        if self.order.interpolate is not None or parting is None:
            return self.model.space
        return parting.space

    def _test(self, n: int) -> tuple[Tensor, ...]:
        """n rows of the test split, from the first on, and their contexts."""
        return tuple(part[torch.arange(n) % len(part)] for part in self.of_run.data.test.first(n))

    def _walked(self, steps: int) -> Iterator[Tensor]:
        """Ways between the codes of test rows, the first and the second, and so on, or of draws."""
        order, model = self.order, self.model
        if order.between == "draws" or not (order.between or "encode" in model.promises()):
            return walked(model, self.n, steps, order.seed, None, self.given)
        x, *context = self._test(2 * self.n)
        chosen = self.given if order.context is not None else (*context, None)[0]
        if chosen is not None and order.context is None:
            chosen = chosen[::2]
        return walked(model, self.n, steps, order.seed, (x[::2], x[1::2]), chosen)

    def _continued(self) -> Iterator[Tensor]:
        """Texts that begin with the prompt: samples, or longer ones."""
        order, model, how = self.order, self.model, self.how
        longer = order.length is not None
        if longer and "extend" not in model.promises():
            raise Refused(
                f"sample: {type(model).__name__} makes samples of one size: leave --length out"
            )
        first = torch.empty(1, 0, dtype=torch.int64)
        if order.prompt is not None:
            first = prefix(model, self.meaning, order.prompt, longer)

        def draw(rows: int, *context: Tensor) -> Tensor:
            begun = first.expand(rows, -1).to(next(model.parameters()).device)
            if longer:
                more = model.extend(begun, order.length, how.get("decoding", DRAWN))
                return torch.cat([begun, more], 1)
            who: dict[str, Any] = {"context": context[0]} if context else {"n": rows}
            return model.sample(**who, prefix=begun, **how)

        return in_blocks(model, draw, self.n, order.seed, *(() if longer else given(self.given)))

    # writing

    def table(self, x: Tensor, kind: str) -> Sheet:
        """The rows that x stand for, beside what was given."""
        typed = kind not in (".csv", ".tsv")
        if self.given_rows is not None:
            return self.given_rows.beside(self.meaning.rows(x, typed), self.n)
        told = self.order.complete is None and self.order.interpolate is None
        return self.meaning.rows(x, typed, self.given if told else None)

    def labels(self) -> dict[str, Tensor]:
        """The labels of the samples, as an array that genus reads beside them."""
        plainly = all(
            getattr(self.order, way) is None for way in ("complete", "inpaint", "interpolate")
        )
        labelled = plainly and isinstance(self.model.context_space, Classes)
        return {"y": self.given} if labelled and self.given is not None else {}

    def note(self) -> dict[str, Any]:
        """Where the samples come from."""
        averaged = not self.order.raw and (self.order.folder / "ema.safetensors").exists()
        return {
            **origin(self.order.folder, self.order.seed, self.order.words),
            "n": self.n,
            "weights": "average" if averaged else "raw",
            **({"decoding": repr(self.how["decoding"])} if "decoding" in self.how else {}),
            "config": presentable(self.config),
        }

    def write_picture(self, x: Tensor) -> None:
        """Writes all samples as one picture, which moves if it has frames."""
        save_film(
            self._moving(x) if self._moves() else [self._still(x)], self.order.out, self.note()
        )

    def _moves(self) -> bool:
        steps = self.order.frames or self.order.interpolate
        return steps is not None and self.order.out.suffix.lower() in (".gif", ".webp")

    def _moving(self, x: Tensor) -> list[Picture]:
        """One picture for each step, of x (n, steps, *shape)."""
        space = self.model.space
        if isinstance(space, Reals) and space.shape == (2,):
            limits = frame_of(x.flatten(0, 1).double().numpy())
            return [scatter(step, limits) for step in x.unbind(1)]
        return [self._one(step) for step in x.unbind(1)]

    def _one(self, x: Tensor) -> Picture:
        """A picture of rows: a single one at its own size, several in a grid."""
        images = separate(x, self.space) if len(x) == 1 else None
        return grid(x, self.space) if images is None else plain(images[0])

    def _still(self, x: Tensor) -> Picture:
        space = self.space
        if self.order.interpolate is not None:
            return grid(x.flatten(0, 1), space, self.order.interpolate)
        if len(x) == 1:
            return self._one(x)
        if self.known is not None and self.rows is not None:
            if len(space.shape) != 3:
                return grid(x, space)
            pairs = torch.cat([masked(self.rows, self.known, space), x.float()], 3)
            wide = type(space)((*pairs.shape[1:],))
            return grid(pairs, wide)
        if self.model.parting is not None:
            return grid(x, space)
        return shown(x, space, self.given, self.model.context_space)

    def write_folder(self, drawn: Iterator[Tensor]) -> None:
        """Writes a file for each sample: a picture at its own size, an array, a text or a sound.

        Of frames, it writes a picture or an array of all samples for each.
        """
        order, space = self.order, self.space
        frames = order.frames is not None
        natural = ".png" if frames else natural_kind(space, lambda: self.meaning)
        kind = order.format or natural
        alone = frames or has_pictures(space)
        if (kind in PICTURES and not alone) or (kind == ".npy" and order.format is None):
            raise Refused(
                f"sample: --out is the folder {order.out}, and one x of {space} is no picture, text or "
                f"sound of its own; --format npy is wanted, or a .npy or .npz file"
            )
        note = self.note()
        with drafted_folder(order.out) as folder:
            places = (folder / f"{number:05}" for number in count())
            if frames:
                whole = torch.cat([*drawn])
                if kind == ".npy":
                    for step in whole.unbind(1):
                        save_arrays([step], len(step), next(places).with_suffix(kind))
                    return
                for picture in self._moving(whole):
                    save_picture(picture, next(places).with_suffix(kind), note)
                return
            for block in drawn:
                rows = block if order.interpolate is None else block.flatten(0, 1)
                if kind == ".npy":
                    for x in rows:
                        save_arrays([x], len(x), next(places).with_suffix(kind))
                elif kind in PICTURES:
                    for image in cast(Picture, separate(rows, space)):
                        save_picture(plain(image), next(places).with_suffix(kind), note)
                else:
                    for x in rows.split(1):
                        write(next(places).with_suffix(kind), written(self.meaning, x, kind))
