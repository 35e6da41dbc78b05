"""Spoken digits: takes of 0 to 9, one word each, by six people.

    spoken           Tokens(256, 4800): companded by the mu-law
    spoken8          Pixels((4800,), 256): the same levels as numbers
    spoken16         Pixels((4800,), 65536): the 16 bits themselves
    spoken_mel       as spoken, given its own spectrum as frames: Reals((60, 40))

8,000 samples a second. A take begins where its recording does, and its first 0.6 s are a row; what is
missing at the end of a shorter one is silence, of level 0. `lengths` says how many samples are the take's
own. Labels are digits; `labelled` gives digit and speaker, Attributes((10, 6)). Takes 0 to 4 of
each digit of each speaker are for the test, as in the source, takes 5 to 7 for validation.

Source: Jackson and others, Free Spoken Digit Dataset, its recordings as wav files, in a folder or in one
    tar archive.
"""

import copy
import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ...core import Attributes, Pixels, Reals, Refused, Space, Tokens
from ...functional.sequences.sound import log_mel, mu_law
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Batch, Rows, Split, digest
from .waves import read_wave

RATE = 8000  # samples in a second
LENGTH = 4800  # samples in a row
HOP, BANDS = 80, 40  # samples in a frame of the spectrum, and its bands
TESTED, VALIDATED = range(5), range(5, 8)  # numbers of takes
KINDS = ("spoken", "spoken8", "spoken16", "spoken_mel")
NAMED = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav$")


def sound_files(folder: Path) -> list[Path]:
    """Tar archives of recordings, and recordings, in a folder."""
    return sorted([*folder.glob("*recordings.tar*"), *folder.glob("*_*_*.wav")])


def spoken(folder: Path, name: str = "spoken") -> Data:
    """Spoken digits, from recordings in a folder.

    Args:
        folder: folder with digit_speaker_number.wav, or a tar archive of such files.
        name: name of the data set, one of KINDS.
    """
    takes = sorted(recordings(folder), key=lambda take: take[:3])
    if not takes:
        raise Refused(f"{name}: there is no recording digit_speaker_number.wav in {folder}")
    speakers = sorted({speaker for _, speaker, _, _ in takes})
    chosen: dict[str, list[int]] = {split: [] for split in SPLITS}
    for row, (_, _, number, _) in enumerate(takes):
        kind = "test" if number in TESTED else "validation" if number in VALIDATED else "train"
        chosen[kind].append(row)
    waves = torch.zeros(len(takes), LENGTH, dtype=torch.int16)
    for row, (_, _, _, samples) in zip(waves, takes, strict=True):
        row[: len(samples)] = samples[:LENGTH]
    lengths = torch.tensor([min(len(samples), LENGTH) for _, _, _, samples in takes])
    labels = torch.tensor([[digit, speakers.index(who)] for digit, who, _, _ in takes])
    counts = (10, len(speakers))
    train, validation, test = (
        Takes(waves[rows], lengths[rows], labels[rows], counts, name, f"{name} {split}")
        for split, rows in chosen.items()
    )
    return Data(name, train, validation, test, class_names=tuple("0123456789"), rate=RATE)


class Takes(Split):
    """A split of spoken words.

    Args:
        waves: samples, (n, length), int16.
        lengths: number of samples of each before the padding, (n,).
        labels: labels of word and speaker, (n, 2).
        counts: number of words and number of speakers.
        kind: form of x and context, one of KINDS.
        name: name of the split in messages.
    """

    def __init__(
        self,
        waves: Tensor,
        lengths: Tensor,
        labels: Tensor,
        counts: tuple[int, int],
        kind: str,
        name: str,
    ):
        if not len(waves):
            raise Refused(f"{name}: there are no takes; at least one is wanted")
        self.waves, self.lengths, self.kind, self.name = waves, lengths, kind, name
        self.labels, self.classes, self.both, self.counts = labels[:, 0], counts[0], labels, counts
        length = waves.shape[1]
        levels = {"spoken8": 256, "spoken16": 65536}.get(kind)
        self.space: Space = Pixels((length,), levels) if levels else Tokens(256, length)
        frames = Reals((length // HOP, BANDS))
        self.context_space: Space | None = frames if kind == "spoken_mel" else None
        self.order = Rows(torch.arange(len(waves))[:, None], Tokens(len(waves), 1), name=name)

    def __len__(self) -> int:
        return len(self.waves)

    def content(self) -> str:
        parts = [self.kind, repr(self.context_space), digest(self.waves), digest(self.both)]
        return "\n".join(parts)

    def batch(self, number: int, size: int, seed: int) -> Batch:
        return self.take(self.order.positions(number * size, size, seed))

    def everything(self) -> Batch:
        return self.take(torch.arange(len(self)))

    def take(self, rows: Tensor) -> Batch:
        """The takes of these numbers."""
        waves = self.waves[rows]
        x = waves.long() + 32768 if self.kind == "spoken16" else mu_law(waves.float() / 32768)
        if isinstance(self.space, Pixels):
            x = self.space.values(x)
        match self.context_space:
            case None:
                return (x,)
            case Attributes():
                return x, self.both[rows]
        return x, log_mel(waves.float() / 32768, BANDS, hop=HOP, rate=RATE)

    def labelled(self) -> "Takes":
        if self.context_space is not None:
            raise Refused(f"{self.name}: has a context already; labels would replace it")
        view = copy.copy(self)
        view.context_space = Attributes(self.counts)
        return view


def recordings(folder: Path) -> Iterator[tuple[int, str, int, Tensor]]:
    """Digit, speaker, number and samples, int16, of each recording in a folder."""
    for name, content in contents(folder):
        if named := NAMED.search(name):
            samples, rate = read_wave(content, name)
            if rate != RATE:
                raise Refused(f"{name}: has {rate} samples a second; {RATE} are wanted")
            yield int(named[1]), named[2], int(named[3]), samples


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files in a folder, and of those in its archives."""
    for path in sound_files(folder):
        if path.suffix == ".wav":
            yield path.name, path.read_bytes()
            continue
        try:
            with tarfile.open(path) as archive:
                for member in archive:
                    if file := archive.extractfile(member):
                        yield member.name, file.read()
        except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise Refused(f"{path}: is damaged: {error}") from None


FOLDERS = ("fsdd", "free-spoken-digit-dataset/recordings")
SETS = {name: Source(spoken, FOLDERS, sound_files) for name in KINDS}
