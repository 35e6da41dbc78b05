"""Samples as files: pictures with a note of their origin, texts and sounds."""

import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile, PngInfo
from torch import Tensor

from ..core import Attributes, Bits, Classes, Pixels, Reals, Records, Space, Tokens
from ..core.files import write
from ..errors import Refused
from .pictures import Picture
from .waves import as_wave, wave_bytes

KEYWORD = "genus"  # under which a PNG keeps its note
ABOUT = 0x010E  # the field of EXIF that describes an image
MOST = 60_000  # characters of a note: EXIF in a JPEG has room for 64 kB
HOLD = 1500  # milliseconds that the last frame stays
HOW: dict[str, dict[str, Any]] = {  # each kind of picture file, and how it is written
    ".png": {"format": "png"},
    ".jpg": {"format": "jpeg", "quality": 95, "subsampling": 0},
    ".jpeg": {"format": "jpeg", "quality": 95, "subsampling": 0},
    ".webp": {"format": "webp", "lossless": True},
    ".gif": {"format": "gif"},
}
PICTURES = tuple(HOW)


class Reading(Protocol):
    """What of a data set is needed to show its rows: `Data` has it."""

    @property
    def name(self) -> str: ...
    @property
    def space(self) -> Space: ...
    @property
    def symbols(self) -> tuple[str, ...]: ...
    @property
    def rate(self) -> int | None: ...
    @property
    def columns(self) -> object: ...
    def text(self, x: Tensor) -> list[str]: ...
    def tokens(self, text: str) -> Tensor: ...


def save_png(array: Picture, path: Path | str, note: Mapping[str, Any] | None = None) -> Path:
    """Writes a picture whole or not at all, and returns its path.

    Args:
        array: picture, (height, width) or (height, width, 3), uint8.
        path: path of the file, .png; its folder is created if it is missing.
        note: note that is stored in the file, of JSON types.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise Refused(f"save_png: {path}; the name must end in .png")
    return save_picture(array, path, note)


def save_picture(array: Picture, path: Path | str, note: Mapping[str, Any] | None = None) -> Path:
    """Writes a picture of any kind in PICTURES whole or not at all, and returns its path.

    Args:
        array: picture, (height, width) or (height, width, 3), uint8.
        path: path of the file; its suffix says what kind it is, its folder is created if missing.
        note: note that is stored in the file, of JSON types: as a text in a PNG, as a comment in a
            GIF, and as the description in the EXIF data of others.
    """
    return save_film([array], path, note)


def save_film(
    frames: Sequence[Picture],
    path: Path | str,
    note: Mapping[str, Any] | None = None,
    seconds: float = 4.0,
) -> Path:
    """Writes frames as a picture that moves, .gif or .webp, over and over; one frame as a still.

    Args:
        frames: pictures of one size, each (height, width) or (height, width, 3), uint8.
        path, note: file and note as in `save_picture`.
        seconds: time from the first frame to the last, which stays for a while.
    """
    path = Path(path)
    how = HOW.get(path.suffix.lower())
    if how is None or (len(frames) > 1 and how["format"] not in ("gif", "webp")):
        kinds = ", ".join(PICTURES) if how is None else ".gif or .webp"
        raise Refused(f"save_picture: {path}; the name must end in {kinds}")
    first, *others = (Image.fromarray(frame) for frame in frames)
    more = _noted(first, note, how["format"])
    if others:
        each = max(20, round(1000 * seconds / len(others)))
        more |= {"append_images": others, "save_all": True, "loop": 0}
        more["duration"] = [*[each] * len(others), HOLD]
    content = io.BytesIO()
    first.save(content, **how, **more)
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, content.getvalue())
    return path


def _noted(image: Image.Image, note: Mapping[str, Any] | None, kind: str) -> dict[str, Any]:
    """The arguments by which a file keeps a note."""
    if note is None:
        return {}
    text = json.dumps(note)
    if kind == "png":
        info = PngInfo()
        info.add_text(KEYWORD, text)
        return {"pnginfo": info}
    if len(text) > MOST:
        text = json.dumps({key: one for key, one in note.items() if key != "config"})
    if kind == "gif":
        return {"comment": text.encode()}
    exif = image.getexif()
    exif[ABOUT] = text
    return {"exif": exif}


def read_note(path: Path | str) -> dict[str, Any]:
    """The note that is stored in a picture that genus wrote."""
    try:
        with Image.open(path) as image:
            text = image.text.get(KEYWORD) if isinstance(image, PngImageFile) else None
            text = text or image.info.get("comment") or image.getexif().get(ABOUT)
    except UnidentifiedImageError:
        raise Refused(f"read_note: {path} is not an image") from None
    try:
        found = json.loads(text or "")
    except (json.JSONDecodeError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict):
        raise Refused(f"read_note: {path} has no note; only pictures written by genus have one")
    return found


def natural_kind(space: Space, data: Callable[[], Reading]) -> str:
    """The suffix of the file that shows samples best: .png, .npy, .csv, .txt or .wav.

    Args:
        space: space of the samples.
        data: function that loads the data set; called only if the space leaves it open.
    """
    if isinstance(space, Tokens) or (isinstance(space, Pixels) and len(space.shape) == 1):
        if data().symbols:
            return ".txt"
        if data().rate is not None:
            return ".wav"
    if isinstance(space, Records):
        return ".csv"
    if isinstance(space, Reals | Bits) and len(space.shape) == 1:
        columns = data().columns
        if columns is not None and not getattr(columns, "of_array", False):
            return ".csv"
    if isinstance(space, Tokens | Classes | Attributes):
        return ".npy"
    if len(space.shape) > 1:
        return ".png"
    side = math.isqrt(space.dims)
    plotted = space.dims <= 2 if isinstance(space, Reals) else side * side == space.dims
    return ".png" if plotted else ".npy"


def written(data: Reading, x: Tensor, kind: str) -> bytes:
    """The bytes of a file of texts, separated by dashes if any has several lines; or of sounds.

    Args:
        data: data set that x are samples of.
        x: samples, (n, ...).
        kind: suffix of the file, .txt or .wav.
    """
    if kind == ".wav":
        if data.rate is None:
            raise Refused(f"sample: {data.name} are no sounds; another file than .wav is wanted")
        return wave_bytes(as_wave(x, data.space), data.rate)
    if not data.symbols:
        raise Refused(f"sample: {data.name} are no texts; another file than .txt is wanted")
    texts = data.text(x)
    between = f"\n{'-' * 40}\n" if any("\n" in text for text in texts) else "\n"
    return (between.join(texts) + "\n").encode()
