"""A round of a GAN, critic and generator, of genus, of a loop written by hand, and of three peers.

The peers are checkouts of github.com/torchgan/torchgan, kwotsin/mimicry and eriklindernoren/PyTorch-GAN;
their own training steps are run, unchanged, on random images in memory. In a group all have networks of
the same layers and sizes (parameters are counted), Adam, and batches of 64. They take turns, and medians
are compared: of the wall clock, and of processor time, which other work on the machine disturbs less.
Memory is the peak of a process of its own. Other numbers of threads are other cells: --threads 4.
"""

import ast
import statistics
import sys
import time
import types
from argparse import Namespace
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from genus.adversarial import GAN
from genus.adversarial.nets.dcgan import DCGANCritic, DCGANGenerator
from genus.adversarial.nets.sngan import ResNetCritic, ResNetGenerator
from genus.core import Model, Reals, Space
from genus.functional.adversarial.objectives import hinge, non_saturating
from genus.train.fit import adam, fit
from genus.train.game import play
from genus.train.run import Run
from genus.train.schedules import cosine

from ..bench import Bench, Cell, Cells, Table, size

SHAPE = (3, 32, 32)
BATCH = 64
RATE, BETAS = 2e-4, (0.5, 0.999)

Step = Callable[[], object]
Rounds = Callable[[int], object]  # plays so many
Maker = Callable[[Namespace], tuple[Rounds, int]]  # rounds, and how many parameters


class Images:
    """Random images, the same ones in every round."""

    fingerprint = "random"

    def __init__(self) -> None:
        self.space: Space = Reals(SHAPE)
        self.context_space: Space | None = None
        self.x = torch.rand(BATCH, *SHAPE) * 2 - 1

    def batch(self, number: int, size: int, seed: int) -> tuple[Tensor, ...]:
        return (self.x,)

    def everything(self) -> tuple[Tensor, ...]:
        return (self.x,)


class WithTanh(nn.Module):
    """A generator of ours with the tanh that others have inside."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z).tanh()


# --- games ------------------------------------------------------------------------------------


def dcgan(options: Namespace) -> GAN:
    generator = WithTanh(DCGANGenerator(100, SHAPE, 64))
    return GAN(Reals(SHAPE), generator, DCGANCritic(SHAPE, 64), 100, non_saturating)


def sngan(width: int, critic_width: int, options: Namespace) -> GAN:
    generator = WithTanh(ResNetGenerator(128, SHAPE, width))
    return GAN(Reals(SHAPE), generator, ResNetCritic(SHAPE, critic_width), 128, hinge)


def repeated(step: Step) -> Rounds:
    def play_rounds(count: int) -> None:
        for _ in range(count):
            step()

    return play_rounds


def by_play(make: Callable[[Namespace], GAN], last: bool = False) -> Maker:
    """`play`; with the channels last in memory, if so wished."""

    def maker(options: Namespace) -> tuple[Rounds, int]:
        model = make(options).train()
        if last:
            model.to(memory_format=torch.channels_last)
        makes = adam(RATE, BETAS)
        optimizers = {k: makes(k, p.parameters()) for k, p in model.players().items()}
        rounds = play(model, repeat(Images().batch(0, BATCH, 0)), optimizers)
        return repeated(lambda: next(rounds)), size(model)

    return maker


def by_fit(make: Callable[[Namespace], GAN]) -> Maker:
    """`fit` as it is: batches, seeds, learning-rate schedule, log and averaged weights."""

    def maker(options: Namespace) -> tuple[Rounds, int]:
        model, data = make(options), Images()

        def play_rounds(count: int) -> Model:
            run = Run(rounds=count, batch=BATCH, ema=0.999, device="cpu")
            return fit(model, data, run, optimizers=adam(RATE, BETAS), schedule=cosine)

        return play_rounds, size(model)

    return maker


def by_hand(make: Callable[[Namespace], GAN]) -> Maker:
    """The shortest loop: one pass of the generator, no gradients for what does not move."""

    def maker(options: Namespace) -> tuple[Rounds, int]:
        model, x = make(options).train(), Images().x
        generator, critic = model.generator, model.critic
        moves = [
            torch.optim.Adam(net.parameters(), RATE, BETAS, fused=True)
            for net in (critic, generator)
        ]
        linear = model.objective is hinge

        def step() -> None:
            fake = generator(torch.randn(BATCH, model.latent))
            critic.requires_grad_(True)
            moves[0].zero_grad()
            real, false = critic(x), critic(fake.detach())
            if linear:
                loss = relu(1 - real).mean() + relu(1 + false).mean()
            else:
                loss = softplus(-real).mean() + softplus(false).mean()
            loss.backward()
            moves[0].step()
            critic.requires_grad_(False)
            moves[1].zero_grad()
            scores = critic(fake)
            (-scores.mean() if linear else softplus(-scores).mean()).backward()
            moves[1].step()

        return repeated(step), size(model)

    return maker


# --- peers ------------------------------------------------------------------------------------


def checkout(options: Namespace, peer: str) -> Path:
    """The folder of a peer, with which genus is compared."""
    folder = getattr(options, peer.replace("-", "_"))
    if folder is None or not folder.is_dir():
        sys.exit(f"adversarial_speed: --{peer} is {folder}; it must be the folder of a checkout")
    return folder


def room(name: str, folder: Path) -> None:
    """A package whose own __init__, with imports that are not needed here, is left out."""
    module = types.ModuleType(name)
    module.__path__ = [str(folder)]
    sys.modules[name] = module


def torchgan(options: Namespace) -> tuple[Rounds, int]:
    """The losses' own `train_ops`, as its trainer calls them, on its own DCGAN of 64 channels."""
    root = checkout(options, "torchgan") / "torchgan"
    room("torchgan", root)
    room("torchgan.losses", root / "losses")
    room("torchgan.models", root / "models")
    from torchgan.losses.minimax import (
        MinimaxDiscriminatorLoss,
        MinimaxGeneratorLoss,
    )
    from torchgan.models.dcgan import (
        DCGANDiscriminator,
        DCGANGenerator,
    )

    generator, critic = DCGANGenerator(100, 32, 3, 64), DCGANDiscriminator(32, 3, 64)
    moves = [torch.optim.Adam(n.parameters(), RATE, BETAS) for n in (generator, critic)]
    losses, device, x = (MinimaxGeneratorLoss(), MinimaxDiscriminatorLoss()), "cpu", Images().x

    def step() -> None:
        losses[0].train_ops(generator, critic, moves[0], device, BATCH)
        losses[1].train_ops(generator, critic, moves[1], x, device)

    return repeated(step), size(generator, critic)


class Log:
    """Where mimicry's steps leave their figures."""

    def add_metric(self, *arguments: object, **more: object) -> None:
        pass


def mimicry(width: int, critic_width: int) -> Maker:
    """Its SNGAN32 and its own train_step of both networks."""

    def maker(options: Namespace) -> tuple[Rounds, int]:
        root = checkout(options, "mimicry") / "torch_mimicry"
        room("torch_mimicry", root)
        room("torch_mimicry.nets", root / "nets")
        room("torch_mimicry.nets.sngan", root / "nets" / "sngan")
        room("torch_mimicry.nets.gan", root / "nets" / "gan")
        from torch_mimicry.nets.sngan.sngan_32 import (
            SNGANDiscriminator32,
            SNGANGenerator32,
        )

        generator, critic = SNGANGenerator32(ngf=width), SNGANDiscriminator32(ndf=critic_width)
        moves = [torch.optim.Adam(n.parameters(), RATE, BETAS) for n in (generator, critic)]
        batch, log = (Images().x, None), Log()

        def step() -> None:
            critic.train_step(batch, netG=generator, optD=moves[1], log_data=log, device="cpu")
            generator.train_step(batch, netD=critic, optG=moves[0], log_data=log, device="cpu")

        return repeated(step), size(generator, critic)

    return maker


def script(options: Namespace) -> tuple[dict[str, Any], types.CodeType]:
    """PyTorch-GAN's dcgan.py, all but its loop carried out; and the inside of the loop."""
    source = checkout(options, "pytorch-gan") / "implementations" / "dcgan" / "dcgan.py"
    tree = ast.parse(source.read_text())
    wanted = (
        ast.ClassDef,
        ast.FunctionDef,
        ast.Import,
        ast.ImportFrom,
        ast.If,
        ast.Assign,
        ast.Expr,
    )
    unwanted = ("torchvision", "dataloader", "makedirs", "print(", "parser", "DataLoader")
    names: dict[str, Any] = {"print": lambda *words: None, "save_image": lambda *a, **k: None}
    names |= {"opt": types.SimpleNamespace(**SETTINGS), "dataloader": [None], "n_epochs": 1}
    for node in tree.body:
        if isinstance(node, wanted) and not any(w in ast.unparse(node) for w in unwanted):
            if ast.unparse(node).startswith("opt ="):
                continue
            exec(compile(ast.Module([node], []), str(source), "exec"), names)  # noqa: S102
    epochs = next(node for node in tree.body if isinstance(node, ast.For))
    inside = next(node for node in epochs.body if isinstance(node, ast.For))
    return names, compile(ast.Module(inside.body, []), str(source), "exec")


SETTINGS = {
    "img_size": 32,
    "channels": 3,
    "latent_dim": 100,
    "lr": RATE,
    "b1": BETAS[0],
    "b2": BETAS[1],
    "n_epochs": 1,
    "sample_interval": 10**9,
}


def pytorch_gan(options: Namespace) -> tuple[Rounds, int]:
    """The inside of the loop of its dcgan.py, as it stands."""
    names, loop = script(options)
    names |= {"imgs": Images().x, "epoch": 0, "i": 1}
    count = size(names["generator"], names["discriminator"])
    return repeated(lambda: exec(loop, names)), count  # noqa: S102


def pytorch_gan_networks(options: Namespace) -> GAN:
    """The same networks for genus; its critic's sigmoid is in the objective instead."""
    names, _ = script(options)
    critic = names["discriminator"]
    critic.adv_layer[1] = nn.Identity()
    return GAN(Reals(SHAPE), names["generator"], critic, 100, non_saturating)


def ours(make: Callable[[Namespace], GAN], last: bool = False) -> dict[str, Maker]:
    found = {"genus, play": by_play(make)}
    if last:
        found["genus, play, channels last"] = by_play(make, last=True)
    return {**found, "genus, fit": by_fit(make), "by hand": by_hand(make)}


GAMES: dict[str, dict[str, Maker]] = {
    "DCGAN": {**ours(dcgan, last=True), "torchgan": torchgan},
    "DCGAN of PyTorch-GAN": {**ours(pytorch_gan_networks), "PyTorch-GAN": pytorch_gan},
    "SNGAN, 64 and 64 channels": {**ours(partial(sngan, 64, 64)), "mimicry": mimicry(64, 64)},
    "SNGAN, 256 and 128 channels": {
        **ours(partial(sngan, 256, 128)),
        "mimicry": mimicry(256, 128),
    },
}
PEERS = ("torchgan", "PyTorch-GAN", "mimicry")


# --- measuring --------------------------------------------------------------------------------


BENCH = Bench(
    __file__,
    "A round of a GAN against three peers",
    "Game | System | Threads | Parameters | ms a round | Processor ms | Peak MB | "
    "Against the best peer | Against the loop by hand",
    lambda options: {
        "images": "random, 3 x 32 x 32",
        "batch": BATCH,
        "optimiser": "Adam; fused in genus and in the loop by hand, as it comes in the peers",
        "repeats": options.repeats,
        "clock": "medians of repeats in turn; ratios are of processor time",
    },
    """
    By hand: one pass of the generator for both moves, no gradients for the critic's weights in the
    generator's move, fused Adam.

    mimicry enlarges by bilinear interpolation where the paper repeats pixels; its blocks have the same
    convolutions. Repeating is made one with its convolution in genus.

    torchgan's critic has one bias less.

    `fit` is timed by calls of some seconds; the first round of each pays for new state of the optimisers
    and the average.
    """,
    options={
        "torchgan": (Path, "folder of a checkout of torchgan"),
        "mimicry": (Path, "folder of a checkout of mimicry"),
        "pytorch_gan": (Path, "folder of a checkout of PyTorch-GAN"),
        "repeats": (3, "turns of each system"),
        "seconds": (2.0, "of one measurement, about"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for game in GAMES:
        yield Cell(f"{game} | threads {options.threads}", partial(measure, game, options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for game in GAMES:
        groups = {int(cell.split()[-1]): cell for cell in found if cell.startswith(f"{game} | ")}
        for count in sorted(groups):
            systems = found[groups[count]]
            hand = systems["by hand"]["processor"]
            peer = min(systems[name]["processor"] for name in PEERS if name in systems)
            for name, of in systems.items():
                row = [game, name, str(count), f"{of['parameters']:,}", f"{of['wall']:.1f}"]
                row += [f"{of['processor']:.1f}", f"{of['peak']:.0f}"]
                row += [f"{peer / of['processor']:.2f}", f"{of['processor'] / hand:.3f}"]
                table.append(row)
    return table


def timed(rounds: Rounds, count: int) -> tuple[float, float]:
    """Milliseconds a round, of the wall clock and of processor time; setting out is taken off."""

    def clocked(count: int) -> tuple[float, float]:
        wall, processor = time.perf_counter(), time.process_time()
        rounds(count)
        return time.perf_counter() - wall, time.process_time() - processor

    pairs = zip(clocked(count), clocked(0), strict=True)
    wall, processor = (1e3 * (whole - start) / count for whole, start in pairs)
    return wall, processor


def measure(game: str, options: Namespace) -> dict[str, dict[str, float]]:
    """The figures of each system of one game."""
    systems = {name: maker(options) for name, maker in GAMES[game].items()}
    for rounds, _ in systems.values():
        rounds(1)
    single = timed(systems["by hand"][0], 1)[1]
    number = max(1, min(50, round(options.seconds * 1e3 / single)))
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in systems}
    for _ in range(options.repeats):
        for name, (rounds, _) in systems.items():
            times[name].append(timed(rounds, number))
    found = {}
    for name, (_, parameters) in systems.items():
        wall, processor = map(statistics.median, zip(*times[name], strict=True))
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            most = pool.submit(alone, game, name, options).result()
        found[name] = {
            "parameters": parameters,
            "wall": wall,
            "processor": processor,
            "peak": most,
        }
    return found


def alone(game: str, name: str, options: Namespace) -> float:
    """Megabytes at the peak of this process after three rounds, those of its imports taken off."""
    torch.set_num_threads(1)
    before = peak()
    rounds, _ = GAMES[game][name](options)
    rounds(3)
    return peak() - before


def peak() -> float:
    """The most memory that this process ever held, in megabytes; wants Linux."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    BENCH.main()
