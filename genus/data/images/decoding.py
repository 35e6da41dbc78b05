"""Image files: how one becomes an array, and how many become rows."""

import hashlib
import io
import math
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ...errors import Refused

DAMAGED = (  # what Pillow raises over a file that is not whole
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
GREY = {"1", "L", "LA", "La"}


class UnfitError(Exception):
    """A file that cannot be used, with the reason and a detail."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail


def choose(option: str, value: str | None, among: tuple[str | None, ...]) -> None:
    """Raises Refused if an option is none of its choices."""
    if value not in among:
        words = " or ".join(word for word in among if word)
        raise Refused(f"images: {option} is '{value}'; {words} is wanted")


@dataclass(frozen=True)
class Look:
    """The conversion of an image file to an array. Its EXIF orientation is always applied.

    Args:
        size: height and width in pixels; None leaves them.
        resize: crop cuts the largest centred part of the right proportions, stretch takes all;
            both then resize it, antialiased.
        colour: L for grey, RGB for colour; None leaves what the file has.
        background: colour behind the transparent parts of an image; None refuses such an image.
    """

    size: tuple[int, int] | None = None
    resize: Literal["crop", "stretch"] = "crop"
    colour: Literal["L", "RGB"] | None = None
    background: Literal["white", "black"] | None = None

    def __post_init__(self) -> None:
        if self.size is not None and (len(self.size) != 2 or min(self.size) < 1):
            raise Refused(f"images: size is {self.size}; positive numbers of pixels are wanted")
        choose("resize", self.resize, ("crop", "stretch"))
        choose("colour", self.colour, (None, "L", "RGB"))
        choose("background", self.background, (None, "white", "black"))


class DecodedFile(NamedTuple):
    """A file that was read."""

    path: Path
    digest: str = ""  # SHA-256 of its bytes
    shape: tuple[int, ...] = (0,)  # (channels, height, width)
    array: NDArray[np.uint8] | None = None
    fault: UnfitError | None = None


def read(path: Path, look: Look) -> DecodedFile:
    """Reads a file once, and decodes it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return DecodedFile(path, fault=UnfitError("unreadable", error.strerror or ""))
    digest = hashlib.sha256(content).hexdigest()
    try:
        array = decode(content, look)
        return DecodedFile(path, digest, array.shape, array)
    except UnfitError as fault:
        return DecodedFile(path, digest, fault=fault)


def decode(content: bytes, look: Look) -> NDArray[np.uint8]:
    """An image file's content as (channels, height, width)."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            _check(image)
            upright = ImageOps.exif_transpose(image)
            upright.load()
            return _array(upright, look)
    except UnidentifiedImageError:
        raise UnfitError("not an image") from None
    except Image.DecompressionBombError as error:
        raise UnfitError("too large", str(error)) from None
    except DAMAGED as error:
        raise UnfitError("damaged", " ".join(str(error).split())) from None


def _check(image: Image.Image) -> None:
    """Raises UnfitError if Pillow would change what the image holds without a warning."""
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # a photograph with a preview
        raise UnfitError("animated", f"{frames} frames")
    raw = [str(tile.args) for tile in getattr(image, "tile", ())]
    deep = any(
        ";16" in one and "BGR;16" not in one for one in raw
    )  # BGR;16 is 16 bits for all three
    if deep or image.mode in {"I", "F"} or image.mode.startswith("I;"):
        raise UnfitError("deeper than 8 bits", f"mode {image.mode}")


def _array(image: Image.Image, look: Look) -> NDArray[np.uint8]:
    colour = look.colour or ("L" if image.mode in GREY else "RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            if look.background is None:
                raise UnfitError("transparent")
            image = Image.alpha_composite(Image.new("RGBA", image.size, look.background), image)
        image = image.convert("RGB")
    image = image.convert(colour)
    if look.size is not None:
        size, method = (look.size[1], look.size[0]), Image.Resampling.BICUBIC
        crop = look.resize == "crop"
        image = ImageOps.fit(image, size, method) if crop else image.resize(size, method)
    array = np.array(image)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


class FileReader:
    """Reads files, one after another, or several at once if it has workers: threads."""

    def __init__(self, look: Look, workers: int = 0):
        if workers < 0:
            raise Refused(f"images: workers is {workers}; it cannot be negative")
        self.look = look
        self.pool = ThreadPoolExecutor(workers) if workers else None

    def __call__(self, paths: Iterable[Path]) -> Iterator[DecodedFile]:
        one = partial(read, look=self.look)
        return map(one, paths) if self.pool is None else self.pool.map(one, paths)


def survey(paths: Iterable[Path], reader: FileReader, cache: int) -> Iterator[DecodedFile]:
    """Reads all files, in order; keeps what it has decoded until that fills `cache` bytes."""
    room = cache
    for seen in reader(paths):
        room -= math.prod(seen.shape)
        yield seen if room >= 0 else seen._replace(array=None)


class Files:
    """Image files of one shape as rows. What was not kept when they were surveyed is decoded again.

    Args:
        seen: files, all usable and of one shape.
        reader: reader of the files that were not kept.
    """

    def __init__(self, seen: Sequence[DecodedFile], reader: FileReader):
        self.seen, self.reader = seen, reader
        self.shape = (len(seen), *(seen[0].shape if seen else ()))
        digests = " ".join(one.digest for one in seen)
        self.fingerprint = hashlib.sha256(f"{reader.look} {digests}".encode()).hexdigest()

    def take(self, indices: Tensor) -> Tensor:
        wanted = [self.seen[i] for i in indices.tolist()]
        late = [one for one in wanted if one.array is None]
        fresh = {one.path: one for one in self.reader(dict.fromkeys(one.path for one in late))}
        for one in late:
            if fresh[one.path].digest != one.digest:
                raise Refused(f"{one.path}: has changed since the folder was read; begin again")
        arrays = [one.array if one.array is not None else fresh[one.path].array for one in wanted]
        return torch.from_numpy(np.stack([a for a in arrays if a is not None]))
