"""All objectives on a ring of 8, a grid of 25 and digits of 8 x 8: the same networks, the same rounds.

One table with a row for each objective on each data set, the mean and the standard deviation over the
seeds, of the networks as they are at the end (raw) and of their average over the rounds (EMA). The
figures are those of `genus evaluate`.
"""

import statistics
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genus import Run, evaluate, fit
from genus.adversarial import GAN
from genus.core import Model, Pixels
from genus.data import Data, load
from genus.functional.adversarial.objectives import OBJECTIVES
from genus.functional.adversarial.penalties import Penalty, gradient_penalty, r1
from genus.functional.densities.divergences import FDivergence
from genus.measure import real_floor
from genus.measure.samples.toys import mode_values
from genus.nn import MLP, ConvDecoder, ConvEncoder
from genus.train.fit import adam
from genus.train.schedules import cosine

from ..bench import Bench, Cell, Cells, Table, first_losses, of_seeds, spread

SAMPLES = {"ring": 10_000, "grid": 10_000, "digits": 1000}
FIGURES = (  # of toys, of digits, and how many digits of it are printed
    (("modes", "classes"), 1),
    (("high_quality", "precision"), 3),
    (("mode_kl", "class_kl"), 3),
    (("frechet",), 2),
)
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


BENCH = Bench(
    __file__,
    "Objectives on separate bumps and on digits",
    "objective | data | modes raw | modes EMA | high quality raw | high quality EMA | reverse KL raw | "
    "reverse KL EMA | Frechet raw | Frechet EMA | seeds | CPU seconds",
    lambda options: {
        "networks": "toys: MLP 3 x 128, ReLU, 2-d latent; digits: convolutions, width 16, 16-d latent",
        "rounds": {"toys": options.rounds, "digits": options.digits_rounds},
        "batch": {"toys": 128, "digits": 64},
        "optimiser": "Adam(betas 0, 0.99), lr 2e-3, cosine to 0",
        "samples": SAMPLES,
        "split": "test",
    },
    """
    raw: the weights after the last round; EMA: their average over the rounds, decay 0.999.

    Each figure is the mean and the standard deviation over the seeds.

    minimax, jensen_shannon and f_gan are one game, up to constants and rounding.

    High quality: the share of samples within 3 standard deviations of a bump; on digits, the
    oracle's precision.

    Reverse KL: KL(samples over bumps, each given to its nearest, || uniform); on digits, over the
    classes that the oracle sees, against the test rows'. Nats.

    Frechet: of the oracle's features against the test rows; its floor is in the rows `real`.

    Every objective has R1 of weight 0.3 in every 4th round, but wasserstein, which has a gradient
    penalty of weight 1 in every round; energy_margin's critic ends in softplus, since energies
    are not negative.

    The critic and the generator both move in every round, for all objectives.

    ..._alternative and ..._saturating: an f-divergence with the other of the paper's two
    generators; ratio_matching_follow: the generator moves the critic's own loss.

    CPU seconds are of one thread, on cores that other work shared.
    """,
    weights="raw, average",
    options={
        "rounds": (10_000, "rounds on ring and grid"),
        "digits_rounds": (1500, "rounds on digits"),
        "seeds": ([0, 1, 2], "of the runs"),
        "others": (0, "1 for the f-divergences with the other generator of the paper too"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for data in SAMPLES:
        yield Cell(f"{data} | real", partial(floor, data))
    for seed in options.seeds:
        run = Run(options.rounds, batch=128, lr=LR, ema=0.999, seed=seed, device="cpu")
        for data in SAMPLES:
            if data == "digits":
                run = replace(run, rounds=options.digits_rounds, batch=64)
            for name in GAMES if options.others else OBJECTIVES:
                probe = partial(first_losses, partial(train, data, name), run)
                yield Cell(
                    f"{data} | {name} | seed {seed}",
                    partial(measure, data, name, run),
                    probe if seed == options.seeds[0] else None,
                )


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for data in SAMPLES:
        if real := found.get(f"{data} | real"):
            table.append(["real", data, *figures([{"raw": real, "ema": real}]), "", ""])
        for name in GAMES:
            if runs := of_seeds(found, f"{data} | {name}"):
                table.append([name, data, *row(runs)])
    return table


def row(runs: list[dict[str, Any]]) -> list[str]:
    whole = [run for run in runs if "fault" not in run]
    ends = [str(len(runs)), f"{statistics.mean(run['seconds'] for run in runs):.0f}"]
    if not whole:
        return ["not finite", *[""] * (len(BENCH.columns) - 5), *ends]
    found = figures(whole)
    if len(whole) < len(runs):
        found[0] += f" ({len(runs) - len(whole)} of {len(runs)} not finite)"
    return [*found, *ends]


def figures(runs: list[dict[str, Any]]) -> list[str]:
    found = []
    for names, digits in FIGURES:
        for kind in ("raw", "ema"):
            values = [run[kind][n] for run in runs for n in names if n in run[kind]]
            found.append(spread(values, digits) if values else "")
    return found


def train(name: str, objective: str, run: Run) -> tuple[Model, Model]:
    """The networks as they are after the last round, and their average."""
    data = load(name)
    torch.manual_seed(run.seed)
    model = build(data, objective)
    lazy = None if objective == "wasserstein" else {"critic": LAZY}
    optimizers = adam(LR, (0.0, 0.99), lazy)
    return model, fit(model, data.train, run, optimizers=optimizers, schedule=cosine)


def measure(name: str, objective: str, run: Run) -> dict[str, Any]:
    """Trains and judges one objective."""
    wall, begun = time.perf_counter(), time.process_time()
    models, values = (), {}
    try:
        models = train(name, objective, run)
    except FloatingPointError as error:
        values["fault"] = str(error).split(";")[0]
    values |= {"seconds": time.process_time() - begun, "wall": time.perf_counter() - wall}
    for kind, model in zip(("raw", "ema"), models, strict=False):
        judged = evaluate(model.eval(), load(name), seed=0, samples=SAMPLES[name])
        values[kind] = pick({f.name: f.value for f in judged})
    return values


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
        critic = Energy(critic)
    game = GAMES[objective]
    slope = Penalty(r1, 0.3, every=LAZY)
    if objective == "wasserstein":
        slope = Penalty(gradient_penalty, 1.0)
    return GAN(space, generator, critic, latent, game, (slope,))


class Energy(nn.Module):
    """A critic whose values are not negative."""

    def __init__(self, critic: nn.Module):
        super().__init__()
        self.critic = critic

    def forward(self, x: Tensor) -> Tensor:
        return softplus(self.critic(x))


def pick(values: dict[str, float]) -> dict[str, float]:
    wanted = {name for names, _ in FIGURES for name in names}
    return {name: value for name, value in values.items() if name in wanted}


def floor(name: str) -> dict[str, float]:
    """What real rows score in the place of samples."""
    data, n = load(name), SAMPLES[name]
    if data.modes is None:
        return pick({f.name: f.value for f in real_floor(data, seed=0, samples=n)})
    values = mode_values(data.test.everything()[0][:n], *data.modes)
    return pick({name: value for name, (value, _) in values.items()})


if __name__ == "__main__":
    BENCH.main()
