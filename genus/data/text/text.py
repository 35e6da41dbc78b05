"""Texts, as windows of characters.

A file is read as it is: its characters, sorted, are the vocabulary. The last tenth is held out, and
is both validation and test: a text that is cut into more parts has too little in each.
"""

from pathlib import Path

import torch
from torch import Tensor

from ...core import Refused, Tokens, at_least
from ..sets import Data
from ..sources import Source
from ..splits import Batch, Split, digest, stream

WINDOW = 256  # characters of one x
HELD_OUT = 0.1  # of a text


class Windows(Split):
    """A text whose batches are windows that begin anywhere; `everything` is windows end to end.

    What is left at the end of the text, less than a window, is in no row.

    Args:
        text: tokens of the text, (characters,) int64.
        space: space of a window.
        name: name of the text.
    """

    space: Tokens  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, text: Tensor, space: Tokens, name: str):
        if len(text) < space.length:
            raise Refused(
                f"{name}: has {len(text)} characters; a window of {space.length} wants as many: "
                f"give a smaller window"
            )
        self.text, self.space, self.name = text, space, name

    def content(self) -> str:
        return f"{digest(self.text)} {self.space}"

    def __len__(self) -> int:
        return len(self.text) // self.space.length

    def batch(self, number: int, size: int, seed: int) -> Batch:
        windows = self.text.unfold(0, self.space.length, 1)
        noise = stream("window", seed, number)
        return (windows[torch.randint(len(windows), (size,), generator=noise)],)

    def everything(self) -> Batch:
        return (self.text.unfold(0, self.space.length, self.space.length).clone(),)

    def labelled(self) -> "Windows":
        raise Refused(f"{self.name}: has no labels, and a conditional model wants them")


def text(path: str | Path, name: str | None = None, *, window: int = WINDOW) -> Data:
    """A text file, or a folder with one, as windows of characters.

    Args:
        path: path of a file in UTF-8, or of a folder with just one .txt file.
        name: name of the data set, by default that of the file.
        window: number of characters in one row.
    """
    path = Path(path)
    if path.is_dir():
        files = text_files(path)
        if len(files) != 1:
            raise Refused(f"text: {path} holds {len(files)} files .txt; just one is wanted")
        path = files[0]
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"text: {path} is not in UTF-8: {error.reason}") from None
    return characters(content, name or path.stem, window=window)


def characters(content: str, name: str, *, window: int = WINDOW) -> Data:
    """A text as windows of characters; the last tenth is held out."""
    at_least(1, name, window=window)
    symbols = tuple(sorted(set(content)))
    numbers = {symbol: number for number, symbol in enumerate(symbols)}
    tokens = torch.tensor([numbers[symbol] for symbol in content], dtype=torch.int64)
    space = Tokens(len(symbols), window)
    cut = int((1 - HELD_OUT) * len(tokens))
    learnt, held = (
        Windows(part, space, f"{name}, {which}")
        for part, which in ((tokens[:cut], "first nine tenths"), (tokens[cut:], "last tenth"))
    )
    return Data(name, learnt, held, held, symbols=symbols)


def text_files(folder: Path) -> list[Path]:
    """The text files in a folder."""
    return sorted(folder.glob("*.txt"))


SETS = {"tinyshakespeare": Source(text, ("tinyshakespeare",), text_files)}
PATHS = (Source(text, pattern="*.txt", kind="a text"),)
