"""Chorales of Johann Sebastian Bach as piano rolls: which of 88 keys sound in each step.

    chorales         382 four-part chorales in quarter notes, at most 160 steps; 229 / 76 / 77
    chorale_toys     four voices that walk through the chords of C major, 8 steps; an endless toy

An x is Bits((steps, 88)): the lowest key, A0, comes first. Its context is its number of steps,
0 .. steps; no key sounds in later steps.

Source: the files JSB-Chorales-dataset of czhuang, with the splits of Boulanger-Lewandowski, Bengio,
    Vincent, "Modeling temporal dependencies in high-dimensional sequences: application to polyphonic
    music generation and transcription", 2012, arXiv:1206.6392.
"""

import gzip
import json
import zlib
from pathlib import Path

import torch
from torch import Tensor

from ...core import Bits, Classes, Refused
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Rows, stream

KEYS, LOWEST = 88, 21  # of a piano, and the MIDI number of the first one
STEPS = 160  # of the longest chorale
FILE = "jsb-chorales-quarter.json"
NAMES = {"train": "train", "validation": "valid", "test": "test"}
TOYS = {"train": 400, "validation": 100, "test": 200}  # rows
TOY_STEPS = 8
CHORDS = ((0, 4, 7), (5, 9, 0), (7, 11, 2), (9, 0, 4))  # I, IV, V and vi of C major
NEXT = ((1, 2, 3), (0, 2), (0, 3), (1, 2))  # which chord may follow which


def chorale_files(folder: Path) -> list[Path]:
    """The file of chorales in a folder."""
    return [path for end in ("", ".gz") if (path := folder / f"{FILE}{end}").exists()]


def chorales(folder: Path, name: str = "chorales") -> Data:
    """The chorales, Bits((160, 88)), each with its number of steps.

    Args:
        folder: folder with jsb-chorales-quarter.json, as it is or packed by gzip.
        name: name of the data set.
    """
    path = next(iter(chorale_files(folder)), None)
    if path is None:
        raise Refused(f"{name}: there is no {FILE} or {FILE}.gz in {folder}")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        found = json.loads(content)
    except (gzip.BadGzipFile, EOFError, zlib.error, json.JSONDecodeError) as error:
        raise Refused(f"{path}: is damaged: {error}") from None
    if missing := sorted(set(NAMES.values()) - set(found)):
        raise Refused(f"{path}: has no {', '.join(missing)}; train, valid and test are wanted")
    parts = {split: rolls(found[word], str(path)) for split, word in NAMES.items()}
    return _data(name, parts, STEPS)


def rolls(pieces: list[list[list[int]]], who: str) -> tuple[Tensor, Tensor]:
    """Pieces as lists of the notes in each step: piano rolls, (n, 160, 88) uint8, and lengths, (n,)."""
    x = torch.zeros(len(pieces), STEPS, KEYS, dtype=torch.uint8)
    for number, piece in enumerate(pieces):
        if len(piece) > STEPS:
            raise Refused(f"{who}: a piece has {len(piece)} steps; at most {STEPS} are wanted")
        for step, notes in enumerate(piece):
            for note in notes:
                if not LOWEST <= note < LOWEST + KEYS:
                    raise Refused(f"{who}: has note {note}; a piano has {LOWEST} to 108")
                x[number, step, note - LOWEST] = 1
    return x, torch.tensor([len(piece) for piece in pieces])


def chorale_toys() -> Data:
    """Generated chorales, Bits((8, 88)): a chord of C major a step, each voice moving little."""
    parts = {split: _walks(rows, split) for split, rows in TOYS.items()}
    return _data("chorale_toys", parts, TOY_STEPS)


def _walks(rows: int, split: str) -> tuple[Tensor, Tensor]:
    noise = stream("chorale_toys", split)

    def pick(choices: tuple[int, ...]) -> int:
        return choices[int(torch.randint(len(choices), (), generator=noise))]

    x = torch.zeros(rows, TOY_STEPS, KEYS, dtype=torch.uint8)
    lengths = torch.randint(TOY_STEPS // 2, TOY_STEPS + 1, (rows,), generator=noise)
    for row, length in enumerate(lengths.tolist()):
        chord = pick((0, 1, 2, 3))
        voices = [48 + pick((0, 12)), 60, 67, 72]
        for step in range(length):
            chord = pick(NEXT[chord]) if step else chord
            voices = [_nearest(voice, CHORDS[chord]) for voice in voices]
            x[row, step, [voice - LOWEST for voice in voices]] = 1
    return x, lengths


def _nearest(voice: int, chord: tuple[int, ...]) -> int:
    """The note of a chord, in any octave, that is nearest to a voice; of two, the lower one."""
    return min(range(voice - 6, voice + 7), key=lambda n: (n % 12 not in chord, abs(n - voice), n))


def _data(name: str, parts: dict[str, tuple[Tensor, Tensor]], steps: int) -> Data:
    train, validation, test = (
        Rows(
            parts[split][0],
            Bits((steps, KEYS)),
            context=parts[split][1],
            context_space=Classes(steps + 1),
            name=f"{name} {split}",
        )
        for split in SPLITS
    )
    return Data(name, train, validation, test)


SETS = {
    "chorales": Source(chorales, ("jsb_chorales",), chorale_files),
    "chorale_toys": Source(chorale_toys),
}
