"""All objectives on a ring of 8, a grid of 25 and digits of 8 x 8: the same networks, the same rounds.

    python benchmarks/modes.py [--objectives NAME ...] [--data grid ring digits] [--seeds 0 1 2]
                               [--workers 1] [--rounds 10000] [--digits-rounds 1500] [--out FILE]

One table with a row for each objective on each data set, the mean and the standard deviation over the
seeds, of the networks as they are at the end (raw) and of their average over the rounds (EMA). The
figures are those of `genus evaluate`. Each cell is written when it is done, and a second call goes on
with the cells that are missing.
"""

import argparse
import json
import multiprocessing
import platform
import statistics
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import torch
from torch import nn

from genus import Run, __version__, evaluate, fit
from genus.adversarial import GAN
from genus.core import Model, Pixels
from genus.data import Data, load
from genus.functional.adversarial.objectives import OBJECTIVES
from genus.functional.adversarial.penalties import Penalty, gradient_penalty, r1
from genus.functional.densities.divergences import FDivergence
from genus.measure import Figure, real_floor
from genus.measure.samples.toys import mode_values
from genus.nn import MLP, ConvDecoder, ConvEncoder
from genus.train.fit import adam
from genus.train.schedules import cosine

OUT = Path(__file__).parent / "results" / "modes.json"
SAMPLES = {"ring": 10_000, "grid": 10_000, "digits": 1000}
FIGURES = {  # what stands in each column, on toys and on digits
    "modes": ("modes", "classes"),
    "high quality": ("high_quality", "precision"),
    "reverse KL": ("mode_kl", "class_kl"),
    "Frechet": ("", "frechet"),
}
COLUMNS = [
    "objective",
    "data",
    *(f"{name}{kind}" for name in FIGURES for kind in (" raw", " EMA")),
    "seeds",
    "CPU seconds",
]
LR = 2e-3
LAZY = 4  # R1 is played in every so many rounds
OTHERS = {  # the generator that is not the default, and that the paper has too
    f"{d.name}_{'saturating' if d.alternative else 'alternative'}": replace(
        d, alternative=not d.alternative
    )
    for d in OBJECTIVES.values()
    if isinstance(d, FDivergence)
}
GAMES = {**OBJECTIVES, **OTHERS}
NOTES = [
    "raw: the weights after the last round; EMA: their average over the rounds, decay 0.999.",
    "Each figure is the mean and the standard deviation over the seeds.",
    "minimax, jensen_shannon and f_gan are one game, up to constants and rounding.",
    (
        "High quality: the share of samples within 3 standard deviations of a bump; on digits, the "
        "oracle's precision."
    ),
    (
        "Reverse KL: KL(samples over bumps, each given to its nearest, || uniform); on digits, over the "
        "classes that the oracle sees, against the test rows'. Nats."
    ),
    "Frechet: of the oracle's features against the test rows; its floor is in the rows `real`.",
    (
        "Every objective has R1 of weight 0.3 in every 4th round, but wasserstein, which has a gradient "
        "penalty of weight 1 in every round; energy_margin's critic ends in softplus, since energies are "
        "not negative."
    ),
    "The critic and the generator both move in every round, for all objectives.",
    (
        "..._alternative and ..._saturating: an f-divergence with the other of the paper's two "
        "generators; ratio_matching_follow: the generator moves the critic's own loss."
    ),
    "CPU seconds are of one thread, on cores that other work shared.",
]


def main() -> None:
    options = arguments()
    protocol = {
        "networks": "toys: MLP 3 x 128, ReLU, 2-d latent; digits: convolutions, width 16, 16-d latent",
        "rounds": {"toys": options.rounds, "digits": options.digits_rounds},
        "batch": {"toys": 128, "digits": 64},
        "optimiser": "Adam(betas 0, 0.99), lr 2e-3, cosine to 0",
        "samples": SAMPLES,
        "split": "test",
    }
    record = read(options.out, protocol)
    wanted = [
        (data, name, seed, protocol["rounds"]["digits" if data == "digits" else "toys"])
        for seed in options.seeds
        for data in options.data
        for name in options.objectives
    ]
    missing = [cell for cell in wanted if key(*cell[:3]) not in record["cells"]]
    for data in options.data:
        record["real"].setdefault(data, floor(load(data)))
    context = multiprocessing.get_context("spawn")
    with context.Pool(options.workers, torch.set_num_threads, (1,)) as pool:
        for name, values in pool.imap_unordered(measure, missing):
            record["cells"][name] = values
            write(options.out, record)
            ema = {k: round(v, 3) for k, v in values.get("ema", {}).items()}
            print(f"{name}: {values.get('fault', ema)}, {values['seconds']:.0f} s", flush=True)
    write(options.out, record)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--objectives", nargs="+", choices=GAMES, default=[*OBJECTIVES])
    parser.add_argument("--data", nargs="+", choices=SAMPLES, default=[*SAMPLES])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--workers", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--rounds", type=int, default=10_000, help="on ring and grid")
    parser.add_argument("--digits-rounds", type=int, default=1500)
    parser.add_argument("--out", type=Path, default=OUT)
    return parser.parse_args()


def key(data: str, name: str, seed: int) -> str:
    return f"{data}/{name}/{seed}"


# --- one cell ---------------------------------------------------------------------------------


def measure(cell: tuple[str, str, int, int]) -> tuple[str, dict[str, Any]]:
    """Trains and judges one cell."""
    name, objective, seed, rounds = cell
    data = load(name)
    torch.manual_seed(seed)
    model = build(data, objective)
    batch = 64 if isinstance(data.space, Pixels) else 128
    run = Run(rounds=rounds, batch=batch, lr=LR, ema=0.999, seed=seed, device="cpu")
    lazy = None if objective == "wasserstein" else {"critic": LAZY}
    wall, begun = time.perf_counter(), time.process_time()
    values: dict[str, Any] = {}
    try:
        average = fit(
            model, data.train, run, optimizers=adam(LR, (0.0, 0.99), lazy), schedule=cosine
        )
    except FloatingPointError as error:
        values["fault"] = str(error).split(";")[0]
    values["seconds"] = time.process_time() - begun
    values["wall"] = time.perf_counter() - wall
    if "fault" not in values:
        values["raw"], values["ema"] = judge(model.eval(), data), judge(average, data)
    return key(name, objective, seed), values


def build(data: Data, objective: str) -> Model:
    """The same two networks for all objectives."""
    space = data.space
    if isinstance(space, Pixels):
        channels, height, width = space.shape
        latent, shape = 16, (channels, height, width)
        generator, critic = ConvDecoder(latent, shape, 16), ConvEncoder(shape, 1, 16)
    else:
        latent, hidden = 2, (128,) * 3
        generator = MLP(latent, space.dims, hidden, activation="relu")
        critic = MLP(space.dims, 1, hidden, activation="relu")
    if objective == "energy_margin":
        critic = nn.Sequential(critic, nn.Softplus())
    game = GAMES[objective]
    slope = Penalty(r1, 0.3, every=LAZY)
    if objective == "wasserstein":
        slope = Penalty(gradient_penalty, 1.0)
    return GAN(space, generator, critic, latent, game, (slope,))


def judge(model: Model, data: Data) -> dict[str, float]:
    figures = evaluate(model, data, seed=0, samples=SAMPLES[data.name])
    return pick({f.name: f.value for f in figures})


def pick(values: dict[str, float]) -> dict[str, float]:
    wanted = {name for names in FIGURES.values() for name in names}
    return {name: value for name, value in values.items() if name in wanted}


def floor(data: Data) -> dict[str, float]:
    """What real rows score in the place of samples."""
    n = SAMPLES[data.name]
    if data.modes is None:
        figures: list[Figure] = real_floor(data, seed=0, samples=n)
        return pick({f.name: f.value for f in figures})
    values = mode_values(data.test.everything()[0][:n], *data.modes)
    return pick({name: value for name, (value, _) in values.items()})


# --- the table --------------------------------------------------------------------------------


def read(path: Path, protocol: dict[str, Any]) -> dict[str, Any]:
    """What has been measured so far."""
    if not path.exists():
        return {"protocol": protocol, "cells": {}, "real": {}}
    record = json.loads(path.read_text())
    if record["protocol"] != json.loads(json.dumps(protocol)):
        raise SystemExit(f"{path} was made by another protocol; move it away, or name another file")
    return record


def write(path: Path, record: dict[str, Any]) -> None:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for data in SAMPLES:
        for name in GAMES:
            found = [record["cells"].get(key(data, name, seed)) for seed in range(100)]
            if cells := [cell for cell in found if cell]:
                groups[name, data] = cells
    rows = [["real", data, *real(values), "", ""] for data, values in record["real"].items()]
    rows += [[name, data, *row(cells)] for (name, data), cells in groups.items()]
    content = {
        "title": "Objectives on separate bumps and on digits",
        "command": "python benchmarks/modes.py",
        "protocol": record["protocol"],
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": COLUMNS,
        "rows": sorted(rows, key=lambda r: [*SAMPLES].index(r[1])),
        "notes": NOTES,
        "real": record["real"],
        "cells": record["cells"],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def row(cells: list[dict[str, Any]]) -> list[str]:
    whole = [cell for cell in cells if "fault" not in cell]
    seconds = f"{statistics.mean(cell['seconds'] for cell in cells):.0f}"
    if not whole:
        return ["not finite", *[""] * (len(COLUMNS) - 5), str(len(cells)), seconds]
    said = []
    for names in FIGURES.values():
        for kind in ("raw", "ema"):
            values = [cell[kind][n] for cell in whole for n in names if n in cell[kind]]
            said.append(spread(values, names))
    if len(whole) < len(cells):
        said[0] += f" ({len(cells) - len(whole)} of {len(cells)} not finite)"
    return [*said, str(len(cells)), seconds]


def spread(values: list[float], names: tuple[str, str]) -> str:
    if not values:
        return ""
    digits = 1 if names[0] == "modes" else 2 if names[1] == "frechet" else 3
    mean = f"{statistics.mean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


def real(values: dict[str, float]) -> list[str]:
    said = []
    for names in FIGURES.values():
        found = [values[n] for n in names if n in values]
        said += [spread(found, names)] * 2
    return said


if __name__ == "__main__":
    main()
