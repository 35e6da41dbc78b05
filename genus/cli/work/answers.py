"""Answers of a model of pairs to pictures of one's own: files of the same names, clips frame by frame."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...core import Pixels, Reals, sample
from ...core.files import drafted_folder
from ...core.model import TakesApart
from ...errors import Refused
from ...media import save_film, shown
from ...media.arrays import save_arrays
from ...media.files import PICTURES
from ...media.pictures import plain, separate
from ..errors import say
from .order import Order
from .questions import Question, questions

MOVING, ARRAYS = (".gif", ".webp"), (".npy", ".npz")


def takes_pictures(model: Any) -> bool:
    """Whether what a model is given is a picture, or a part of one."""
    space = model.context_space
    return isinstance(space, Pixels | Reals) and len(space.shape) == 3


def style_of(path: str, model: Any, options: Mapping[str, str]) -> Tensor:
    """The style of a picture, (latent,), as the encoder of a model reads it.

    Raises:
        Refused: the model has no styles, or there is not one picture.
    """
    kind = getattr(model, "sampling_options", None)
    known = {field.name for field in fields(kind)} if kind else set[str]()
    if "style" not in known or "encode" not in model.promises():
        raise Refused(f"sample: {type(model).__name__} knows no styles: leave --style out")
    found = questions(path, model.space, {**options, "given": "pictures"})
    if len(found.x) != 1:
        raise Refused(f"sample: --style is {path}, of {len(found.x)} pictures; one is wanted")
    with torch.no_grad():
        return model.encode(found.x.to(next(model.parameters())))[0].cpu()


class Answered(NamedTuple):
    """What became of a picture, or of a clip."""

    asked: Question
    x: Tensor  # (draws, frames, *shape)


class Answers:
    """Answers to the pictures that `--context` names.

    A draw has the same noise for every picture: the frames of a clip have one style, and an answer does not depend on
    what else was asked.

    Args:
        model: model whose contexts are pictures.
        order: what is asked for.
        how: further arguments of `model.sample`.
        options: options with which the data of its training were read.
    """

    def __init__(
        self, model: Any, order: Order, how: Mapping[str, Any], options: Mapping[str, str]
    ):
        assert order.context is not None
        kind = order.out.suffix.lower()
        if not order.into_folder and kind not in (*PICTURES, *ARRAYS):
            kinds = ", ".join((*PICTURES, *ARRAYS[:-1]))
            raise Refused(
                f"sample: --out is {order.out}, and answers are pictures; {kinds} or {ARRAYS[-1]} is wanted, or a "
                f"folder, whose name ends in /"
            )
        self.model, self.order, self.how = model, order, how
        self.n = 1 if order.n is None else order.n
        self.parting: TakesApart | None = model.parting
        self.space = model.space if self.parting is None else self.parting.space
        given = model.context_space if self.parting is None else self.parting.space
        self.asked = questions(order.context, given, options)
        if lost := self.asked.skipped:
            name, reason = next(iter(lost.items()))
            say(
                f"{len(lost):,} of {len(lost) + len(self.asked.files):,} files of {order.context} are no usable "
                f"pictures, and are left out; the first: {name}: {reason}"
            )

    def drawn(self) -> Iterator[Answered]:
        """The answers, one file after the other."""
        for one in self.asked.files:
            frames = self.asked.x[one.first : one.first + one.count]
            yield Answered(one, torch.stack([self._of(frame) for frame in frames], 1))

    def _of(self, picture: Tensor) -> Tensor:
        """All draws for a picture, (draws, *shape)."""
        x = picture.expand(self.n, *picture.shape)
        if self.parting is None:
            return sample(self.model, None, self.order.seed, x, **self.how).cpu()
        _, known = self.parting.apart(x)
        part = sample(self.model, None, self.order.seed, known, **self.how).cpu()
        return self.parting.together(part, known)

    def write(self, note: Mapping[str, Any]) -> None:
        """Writes them into a file or a folder, whole or not at all; pictures keep the note."""
        out, kind = self.order.out, self.order.out.suffix.lower()
        if self.order.into_folder:
            names = self._names()
            with drafted_folder(out) as folder:
                for answer in self.drawn():
                    for name, frames in zip(names[answer.asked], answer.x, strict=True):
                        self._write_into(folder / name, frames, answer.asked.seconds, note)
            return
        found = [*self.drawn()]
        out.parent.mkdir(parents=True, exist_ok=True)
        rows = torch.cat([answer.x.flatten(0, 1) for answer in found])
        if kind not in PICTURES:
            save_arrays([rows], len(rows), out)
        elif len(found) == 1 and len(found[0].x) == 1 and (kind in MOVING or len(rows) == 1):
            save_film(self._frames(rows), out, note, found[0].asked.seconds)
        else:
            contexts = torch.cat([self._asked(answer) for answer in found])
            space = self.model.context_space if self.parting is None else self.parting.space
            save_film([shown(rows, self.space, contexts, space)], out, note)

    def _asked(self, answer: Answered) -> Tensor:
        """The picture behind each row of an answer."""
        one, draws = answer.asked, len(answer.x)
        frames = self.asked.x[one.first : one.first + one.count]
        return frames.repeat(draws, *(1,) * (frames.dim() - 1))

    def _frames(self, rows: Tensor) -> list[Any]:
        images = separate(rows, self.space)
        assert images is not None
        return [plain(image) for image in images]

    def _write_into(
        self, path: Path, frames: Tensor, seconds: float, note: Mapping[str, Any]
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npy":
            save_arrays([frames], len(frames), path)
        else:
            save_film(self._frames(frames), path, note, seconds)

    def _names(self) -> dict[Question, list[str]]:
        """The names of the files of each answer, one for each draw: those of what was asked."""
        found: dict[Question, list[str]] = {}
        for asked in self.asked.files:
            path = PurePosixPath(asked.name)
            stems = [path.stem] if self.n == 1 else [f"{path.stem}-{k + 1}" for k in range(self.n)]
            names = [str(path.with_name(stem + self._suffix(path, asked.count))) for stem in stems]
            for other, taken in found.items():
                if {*names} & {*taken}:
                    raise Refused(
                        f"sample: the answers to {other.name} and to {asked.name} would both be called "
                        f"{names[0]}; rename one of them"
                    )
            found[asked] = names
        return found

    def _suffix(self, name: PurePosixPath, frames: int) -> str:
        """The kind of the file of an answer: that of its question, where it can be written."""
        kinds = MOVING if frames > 1 else PICTURES
        if self.order.format is not None:
            if frames > 1 and self.order.format not in (*MOVING, ".npy"):
                raise Refused(
                    f"sample: {name} is a clip, and --format is {self.order.format[1:]}; webp or npy is wanted"
                )
            return self.order.format
        if name.suffix.lower() in kinds:
            return name.suffix
        return ".gif" if frames > 1 else ".png"
