"""Pictures of one's own that a model of pairs is given: a file, a folder, or a pattern, and clips frame by frame."""

from collections.abc import Mapping
from glob import has_magic
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from ...core import Pixels, Reals, Space
from ...data.images.decoding import Look, UnfitError, frames
from ...data.images.looking import listed, unwanted
from ...errors import Refused

COLOURS = {1: "L", 3: "RGB"}  # of so many channels


class Question(NamedTuple):
    """A picture, or a clip of them."""

    name: str  # path below the folder that was named, with the suffix
    first: int  # of its rows in x
    count: int  # of its frames: 1 of a still picture
    seconds: float  # from its first frame to its last


class Questions(NamedTuple):
    """Pictures of one's own, as contexts."""

    x: Tensor  # (n, channels, height, width), frame by frame
    files: tuple[Question, ...]
    skipped: Mapping[str, str]  # files that are no usable pictures: why


def questions(text: str, space: Space, options: Mapping[str, str]) -> Questions:
    """Pictures as contexts of a space, resized as those of the training were.

    Args:
        text: path of a picture or of a folder, or a pattern such as photos/*.jpg.
        space: Pixels or Reals((channels, height, width)) of 1 or 3 channels.
        options: options with which the data of the training were read, of which resize, background, given and direction count.

    Raises:
        Refused: pictures cannot be contexts of this space, or there is none.
    """
    if (
        not isinstance(space, Pixels | Reals)
        or len(space.shape) != 3
        or space.shape[0] not in COLOURS
    ):
        raise Refused(f"{text}: is given as a picture, and the model wants a context of {space}")
    channels, height, width = space.shape
    how: Any = {key: options[key] for key in ("resize", "background") if key in options}
    if options.get("given") == "labels" and options.get("direction") == "AtoB":
        how["resize"] = "nearest"
    look = Look((height, width), colour=cast(Any, COLOURS[channels]), **how)
    path = Path(text)
    if not path.exists() and not has_magic(text):
        raise Refused(f"{text}: there is no such picture or folder")
    root, names = (path.parent, [path.name]) if path.is_file() else listed(path)
    rows, files, skipped = [], [], {}
    for name in names:
        try:
            if fault := unwanted(name):
                raise fault
            found, seconds = frames(root / name, look)
        except UnfitError as fault:
            skipped[name] = str(fault)
            continue
        files.append(Question(name, len(rows), len(found), seconds))
        rows += [_levels(array, space) for array in found]
    if not rows:
        why = "; ".join(f"{name}: {reason}" for name, reason in [*skipped.items()][:3])
        raise Refused(f"{text}: holds no picture{f' ({why})' if why else ''}")
    return Questions(torch.stack(rows), tuple(files), skipped)


def _levels(array: np.ndarray, space: Space) -> Tensor:
    """A picture on the scale of a space: its levels, -1 black and 1 white."""
    x = torch.from_numpy(np.array(array)).float() / 127.5 - 1
    return space.quantise(x) if isinstance(space, Pixels) else x
