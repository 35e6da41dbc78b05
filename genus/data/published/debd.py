"""Five tables of bits on which densities of bits are compared; the splits are those of the source.

                 bits    train    validation    test
    accidents     111   12,758         1,700   2,551
    dna           180    1,600           400   1,186
    mushrooms     112    2,000           500   5,624
    nltcs          16   16,181         2,157   3,236
    plants         69   17,412         2,321   3,482

dna: windows of 60 bases around the borders of genes, three bits a base; mushrooms: what edible and
poisonous mushrooms look like, one bit a property; nltcs: disabilities of old people; plants: the regions in
which a plant grows; accidents: the circumstances of one.

Source: the collection UCLA-StarAI/Density-Estimation-Datasets; mushrooms and dna were split by Larochelle,
    Bengio, Turian, "Tractable multivariate binary density estimation and the restricted Boltzmann
    forest", Neural Computation 22, 2010.
"""

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core import Bits, Refused
from ..dividing import data_of_rows
from ..sets import Data
from ..sources import Source

TABLES = ("accidents", "dna", "mushrooms", "nltcs", "plants")
FILES = {"train": "train", "validation": "valid", "test": "test"}


def debd_files(folder: Path) -> list[Path]:
    """The folders of tables in a folder."""
    return [folder / name for name in TABLES if (folder / name).is_dir()]


def debd(folder: Path, name: str) -> Data:
    """One of the tables, Bits((d,)).

    Args:
        folder: folder with a folder of that name, which holds NAME.train.data, NAME.valid.data and
            NAME.test.data, each as it is or packed by gzip.
        name: name of the table.
    """
    parts = {split: read_bits(folder / name, f"{name}.{word}") for split, word in FILES.items()}
    widths = {x.shape[1] for x in parts.values()}
    if len(widths) > 1:
        raise Refused(f"{name}: its splits have {sorted(widths)} columns; all must have as many")
    return data_of_rows(name, Bits((widths.pop(),)), parts, None)


def read_bits(folder: Path, stem: str) -> NDArray[np.uint8]:
    """The rows of zeros and ones, with commas between them, in a file: (n, d)."""
    path = next(
        (p for end in (".data", ".data.gz") if (p := folder / f"{stem}{end}").exists()), None
    )
    if path is None:
        raise Refused(f"{stem}: there is no {stem}.data or {stem}.data.gz in {folder}")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, EOFError) as error:
        raise Refused(f"{path}: is damaged: {error}") from None
    rows = [line.replace(b",", b"") for line in content.split()]
    if not rows or len({*map(len, rows)}) > 1 or set(b"".join(rows)) - set(b"01"):
        raise Refused(f"{path}: must hold rows of as many zeros and ones, with commas between")
    return np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1) - ord("0")


SETS = {name: Source(debd, ("debd",), debd_files) for name in TABLES}
