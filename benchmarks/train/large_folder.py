"""What it costs to learn from a large folder of pictures instead of from memory.

    python -m benchmarks.train.large_folder --folder FOLDER

Without --folder, 100,000 portraits are drawn and written as JPEG into a folder that is removed afterwards,
which takes some minutes. Memory is what the process has for itself alone (RssAnon of Linux); pages of the
mapped file, which the system may take back at any time, are counted apart.
"""

import os
import shutil
import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from PIL import Image

from genus import Run
from genus.adversarial import DCGAN
from genus.core import Model, Pixels
from genus.data import load
from genus.data.described import describe
from genus.data.splits import Rows, Split
from genus.data.worlds import portraits
from genus.nn import ConvDecoder, ConvEncoder
from genus.train.fit import fit
from genus.vae import VAE

from ..bench import Bench, Cell, Cells, Table, apart, kept_bytes

PICTURES, SIDE = 100_000, 64
ROUNDS, REPEATS = 10, 7
FEW = 2000  # pictures in memory, for what a process has without the folder


SPACE = Pixels((3, SIDE, SIDE))


def small_vae() -> Model:
    """A network so light that what reads pictures weighs most."""
    shape = (3, SIDE, SIDE)
    return VAE(SPACE, 8, ConvEncoder(shape, 16, 8), ConvDecoder(8, (2 * 3, SIDE, SIDE), 8))


MODELS: dict[str, Callable[[], Model]] = {
    "VAE, 8 channels": small_vae,
    "DCGAN, 16 channels": partial(DCGAN, SPACE, width=16, coarsest=4),
}

BENCH = Bench(
    __file__,
    "Learning from a large folder",
    "model | rounds/s from memory | from the folder | slower",
    {
        "pictures": f"{PICTURES:,} JPEG of {SIDE} x {SIDE} pixels in colour, in folders of 1,000",
        "time": f"of the clock, {ROUNDS} rounds in turns, medians of {REPEATS}; one thread",
        "memory": "RssAnon at the end of 200 rounds, less that of the same rounds from 2,000 rows",
    },
    options={"folder": (Path, "folder of the pictures; without it they are drawn")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    yield Cell("folder", lambda: in_folder(options.folder, measured))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    took = found.get("folder", {"speed": {}})["speed"]
    return [
        [name, f"{one['memory']:.2f}", f"{one['folder']:.2f}", f"{100 * one['slower']:.1f} %"]
        for name, one in took.items()
    ]


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    if not (took := found.get("folder")):
        return []
    starts = (
        f"`genus data FOLDER` takes {took['described_s']:.1f} s; the first batch comes after "
        f"{took['first_s']:.0f} s at the first start, and {took['again_s']:.1f} s at later ones."
    )
    memory = f"Private memory for the folder: {took['private_bytes'] / 2**20:.0f} MiB."
    return [starts, memory]


def in_folder(folder: Path | None, work: Callable[[Path], object]) -> object:
    """What a function makes of a folder of pictures, drawn if there is none."""
    if folder is not None:
        return work(folder)
    made = Path(tempfile.mkdtemp(prefix="genus-large-folder-"))
    try:
        drawn(made)
        return work(made)
    finally:
        shutil.rmtree(made)


def drawn(folder: Path) -> None:
    """Writes the pictures."""
    block = 1000
    for start in range(0, PICTURES, block):
        people = {
            name: value[start : start + block]
            for name, value in portraits.parameters(start + block).items()
        }
        own = folder / f"{start // block:03d}"
        own.mkdir()
        for number, x in enumerate(portraits.draw(people, SIDE)):
            picture = Image.fromarray(x.permute(1, 2, 0).contiguous().numpy())
            picture.save(own / f"{number:03d}.jpg", quality=90)


def measured(folder: Path) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as cache:
        first = apart(started, folder, cache)
        again = apart(started, folder, cache)
        own, whole = apart(held, None, cache), apart(held, folder, cache)
        speed = {name: apart(faster, name, folder, cache) for name in MODELS}
    return {
        "described_s": apart(described, folder),
        "first_s": first,
        "again_s": again,
        "private_bytes": whole - own,
        "speed": speed,
    }


def described(folder: Path) -> float:
    """Seconds of `genus data FOLDER`."""
    begun = time.perf_counter()
    describe(str(folder))
    return time.perf_counter() - begun


def opened(folder: Path, cache: str) -> Split:
    os.environ["GENUS_CACHE"] = cache
    torch.set_num_threads(1)
    return load(folder).train


def started(folder: Path, cache: str) -> float:
    """Seconds to the first batch."""
    begun = time.perf_counter()
    opened(folder, cache).batch(0, 64, 0)
    return time.perf_counter() - begun


def in_memory(n: int) -> Split:
    """Rows of the same kind in memory, of any content."""
    return Rows(torch.randint(0, 256, (n, *SPACE.shape), dtype=torch.uint8), SPACE)


def held(folder: Path | None, cache: str) -> int:
    """Bytes that a process has for itself after 200 rounds, from the folder or from few rows."""
    torch.set_num_threads(1)
    rows = in_memory(FEW) if folder is None else opened(folder, cache)
    fit(small_vae(), rows, Run(rounds=200, batch=128, device="cpu"))
    return kept_bytes("RssAnon")


def faster(name: str, folder: Path, cache: str) -> dict[str, float]:
    """Rounds a second from memory and from the folder, and the median of what the latter adds."""
    rows = {"memory": in_memory(PICTURES), "folder": opened(folder, cache)}
    took: dict[str, list[float]] = {"memory": [], "folder": []}
    model = MODELS[name]()
    for turn in range(REPEATS + 1):
        for which, own in took.items():
            begun = time.perf_counter()
            fit(model, rows[which], Run(rounds=ROUNDS, batch=128, seed=turn, device="cpu"))
            if turn:  # the first turn warms up
                own.append(time.perf_counter() - begun)
    memory, folders = (statistics.median(took[which]) for which in ("memory", "folder"))
    ratio = statistics.median(b / a for a, b in zip(*took.values(), strict=True))
    return {"memory": ROUNDS / memory, "folder": ROUNDS / folders, "slower": ratio - 1}


if __name__ == "__main__":
    BENCH.main()
