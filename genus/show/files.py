"""Samples as files: pictures with a note of their origin, arrays, texts and sounds."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile, PngInfo
from torch import Tensor

from ..core.files import write
from ..data import Data
from ..errors import Refused
from .pictures import Picture
from .waves import as_wave, wave_bytes

KEYWORD = "genus"  # under which a PNG keeps its note


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
    info = PngInfo()
    if note is not None:
        info.add_text(KEYWORD, json.dumps(note))
    content = io.BytesIO()
    Image.fromarray(array).save(content, "png", pnginfo=info)
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, content.getvalue())
    return path


def read_note(path: Path | str) -> dict[str, Any]:
    """The note that `save_png` stored in a picture."""
    try:
        with Image.open(path) as image:
            text = image.text.get(KEYWORD) if isinstance(image, PngImageFile) else None
    except UnidentifiedImageError:
        raise Refused(f"read_note: {path} is not an image") from None
    if text is None:
        raise Refused(f"read_note: {path} has no note; only PNG files written by genus have one")
    return json.loads(text)


def array(x: Tensor) -> bytes:
    """The bytes of a .npy file."""
    file = io.BytesIO()
    np.save(file, x.numpy(), allow_pickle=False)
    return file.getvalue()


def written(data: Data, x: Tensor, kind: str) -> bytes:
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
