"""Image files: what their heads say, and how one becomes an array."""

import hashlib
import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

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
GREY = {"1", "L", "LA", "La", "I", "F"}
T = TypeVar("T")
WINDOW = 256  # files that threads may be ahead
HEIC = {".heic", ".heif", ".hif"}
ANIMATED, DEEP, INKS, CLEAR = "animated", "deep", "inks", "clear"  # what is changed in a picture


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

    Of animated pictures the first frame is taken, of 16 bits a channel the upper 8, and inks (CMYK)
    become light.

    Args:
        size: height and width in pixels; None leaves them.
        resize: crop cuts the largest centred part of the right proportions, stretch takes all;
            both then resize it, antialiased. nearest cuts too, and mixes no pixels: for label maps.
        colour: L for grey, RGB for colour; None leaves what the file has.
        background: colour behind the transparent parts of an image.
        half: the half of the image that is taken; None for the whole.
    """

    size: tuple[int, int] | None = None
    resize: Literal["crop", "stretch", "nearest"] = "crop"
    colour: Literal["L", "RGB"] | None = None
    background: Literal["white", "black"] = "white"
    half: Literal["left", "right"] | None = None

    def __post_init__(self) -> None:
        if self.size is not None and (len(self.size) != 2 or min(self.size) < 1):
            raise Refused(f"images: size is {self.size}; positive numbers of pixels are wanted")
        choose("resize", self.resize, ("crop", "stretch", "nearest"))
        choose("colour", self.colour, (None, "L", "RGB"))
        choose("background", self.background, ("white", "black"))


class Head(NamedTuple):
    """What the head of an image file says, or why the file cannot be used."""

    height: int = 0
    width: int = 0
    grey: bool = False
    fault: UnfitError | None = None


class Decoded(NamedTuple):
    """An image file that was read: its digest, and its array, or why it cannot be used."""

    digest: bytes = b""  # SHA-256
    array: NDArray[np.uint8] | None = None  # (channels, height, width)
    changes: tuple[str, ...] = ()  # of ANIMATED, DEEP, INKS, CLEAR
    fault: UnfitError | None = None


def head(path: Path) -> Head:
    """Opens a file, without decoding it."""
    try:
        with _opened(path, path) as image:
            wide, high = image.size
            if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):  # the camera was held upright
                wide, high = high, wide
            return Head(high, wide, image.mode in GREY or image.mode.startswith("I;"))
    except UnfitError as fault:
        return Head(fault=fault)


def read(path: Path, look: Look) -> Decoded:
    """Reads a file once, and decodes it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return Decoded(fault=UnfitError("unreadable", error.strerror or ""))
    digest = hashlib.sha256(content).digest()
    try:
        with _opened(io.BytesIO(content), path) as image:
            array, changes = _decoded(image, look)
            return Decoded(digest, array, changes)
    except UnfitError as fault:
        return Decoded(digest, fault=fault)


def frames(path: Path, look: Look) -> tuple[list[NDArray[np.uint8]], float]:
    """The frames of a file, one of a still picture, and the seconds from the first to the last.

    Raises:
        UnfitError: the file cannot be used.
    """
    with _opened(path, path) as image:
        moves = image.format != "MPO"  # a photograph with a preview
        found, milliseconds = [], []
        for number in range(getattr(image, "n_frames", 1) if moves else 1):
            image.seek(number)
            found.append(_decoded(image, look)[0])
            milliseconds.append(image.info.get("duration", 0))
        return found, sum(milliseconds[:-1]) / 1000


class _opened:
    """An image that is open; whatever Pillow raises over it becomes an UnfitError."""

    def __init__(self, file: Path | io.BytesIO, path: Path):
        self.file, self.path = file, path

    def __enter__(self) -> Image.Image:
        heic = self.path.suffix.lower() in HEIC
        if heic and not reads_heic():
            raise UnfitError("HEIC photographs", "pip install 'genus[heic]' makes them readable")
        try:
            self.image = Image.open(self.file)
        except BaseException as error:
            self._turned(error)
            raise
        return self.image

    def __exit__(self, kind: object, error: BaseException | None, at: object) -> None:
        self.image.close()
        if error is not None:
            self._turned(error)

    def _turned(self, error: BaseException) -> None:
        if isinstance(error, UnidentifiedImageError):
            raise UnfitError("not an image") from None
        if isinstance(error, Image.DecompressionBombError):
            raise UnfitError("too large", str(error)) from None
        if isinstance(error, OSError) and error.filename is not None:
            raise UnfitError("unreadable", error.strerror or "") from None
        if isinstance(error, DAMAGED):
            raise UnfitError("damaged", " ".join(str(error).split())) from None


@cache
def reads_heic() -> bool:
    """Whether the extra that reads HEIC is installed; Pillow knows it from then on."""
    try:
        from pillow_heif import register_heif_opener  # pyright: ignore[reportMissingImports]
    except ImportError:
        return False
    register_heif_opener()
    return True


def _decoded(image: Image.Image, look: Look) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    changes = []
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":  # a photograph with a preview
        changes.append(ANIMATED)
    raw = [str(tile.args) for tile in getattr(image, "tile", ())]
    if any(";16" in one and "BGR;16" not in one for one in raw):  # BGR;16: 16 bits for all three
        changes.append(DEEP)
    if image.mode == "F":
        raise UnfitError("floating point", "its black and white are not known")
    if image.mode == "CMYK":
        changes.append(INKS)
    if look.size is not None and image.format == "JPEG":  # decodes it smaller, in a fraction
        least = 4 * max(look.size)
        image.draft(image.mode, (least, least))
    image = ImageOps.exif_transpose(image)
    image.load()
    if image.mode == "I" or image.mode.startswith("I;"):
        image = _eight_bits(image)
        changes += [] if DEEP in changes else [DEEP]
    if look.half is not None:
        middle = image.width // 2
        left = 0 if look.half == "left" else image.width - middle
        image = image.crop((left, 0, left + middle, image.height))
    colour = look.colour or ("L" if image.mode in GREY else "RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            changes.append(CLEAR)
            image = Image.alpha_composite(Image.new("RGBA", image.size, look.background), image)
        image = image.convert("RGB")
    image = image.convert(colour)
    if look.size is not None:
        image = _resized(image, look)
    array = np.array(image)
    array = array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))
    return array, tuple(changes)


def _resized(image: Image.Image, look: Look) -> Image.Image:
    high, wide = look.size or image.size[::-1]
    method = Image.Resampling.NEAREST if look.resize == "nearest" else Image.Resampling.BICUBIC
    if look.resize == "stretch":
        return image.resize((wide, high), method, reducing_gap=3.0)
    return ImageOps.fit(image, (wide, high), method)


def _eight_bits(image: Image.Image) -> Image.Image:
    """The upper half of 16 bits."""
    levels = np.asarray(image).astype(np.int64)
    if levels.min() < 0 or levels.max() > 65535:
        raise UnfitError("deeper than 16 bits", f"levels {levels.min()} to {levels.max()}")
    return Image.fromarray((levels >> 8).astype(np.uint8))


def small(paths: Sequence[Path], side: int, look: Look) -> list[NDArray[np.float32]]:
    """Grey pictures of (side, side), of the files that can be read."""
    look = replace(look, size=(side, side), resize="stretch", colour="L")
    found = (read(path, look).array for path in paths)
    return [array[0].astype(np.float32) for array in found if array is not None]


# --- many files -------------------------------------------------------------------------------


def ahead(
    pool: ThreadPoolExecutor, work: Callable[[Path], T], paths: Sequence[Path]
) -> Iterator[T]:
    """What becomes of each path, in order, by threads that are at most WINDOW paths ahead."""
    rest = iter(paths)
    jobs = [pool.submit(work, path) for path in islice(rest, WINDOW)]
    while jobs:
        yield jobs.pop(0).result()
        jobs += [pool.submit(work, path) for path in islice(rest, 1)]


def threads(workers: int | None) -> ThreadPoolExecutor:
    """Threads that read files: as many as there are processors, 4 at most, unless it is said."""
    if workers is not None and workers < 1:
        raise Refused(f"images: workers is {workers}; at least 1 is wanted")
    return ThreadPoolExecutor(workers or min(4, os.cpu_count() or 1))
