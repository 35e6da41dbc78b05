"""A round of a GAN, critic and generator, of genus, of a loop written by hand, and of three peers.

    python benchmarks/adversarial_speed.py --torchgan DIR --mimicry DIR --pytorch-gan DIR
        [--threads 1 4] [--repeats 5] [--only DCGAN ...]

DIR are checkouts of github.com/torchgan/torchgan, kwotsin/mimicry and eriklindernoren/PyTorch-GAN; their
own training steps are run, unchanged, on random images in memory. In a group all have networks of the
same layers and sizes (parameters are counted), Adam, and batches of 64. They take turns, and medians
are compared: of the wall clock, and of processor time, which other work on the machine disturbs less.
Memory is the peak of a process of its own. Results: benchmarks/results/adversarial_speed.json.
"""

import argparse
import ast
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import repeat
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

import genus
from genus.adversarial import GAN
from genus.adversarial.nets.dcgan import DCGANCritic, DCGANGenerator
from genus.adversarial.nets.sngan import ResNetCritic, ResNetGenerator
from genus.core import Model, Reals, Space
from genus.functional.adversarial.objectives import hinge, non_saturating
from genus.train.fit import adam, fit
from genus.train.game import play
from genus.train.run import Run
from genus.train.schedules import cosine

RESULTS = Path(__file__).parent / "results" / "adversarial_speed.json"
SHAPE = (3, 32, 32)
BATCH = 64
RATE, BETAS = 2e-4, (0.5, 0.999)
COLUMNS = ["Game", "System", "Threads", "Parameters", "ms a round", "Processor ms", "Peak MB"]
COLUMNS += ["Against the best peer", "Against the loop by hand"]

Step = Callable[[], object]
Rounds = Callable[[int], object]  # plays so many
Maker = Callable[[argparse.Namespace], tuple[Rounds, int]]  # rounds, and how many parameters


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


def dcgan() -> GAN:
    generator = WithTanh(DCGANGenerator(100, SHAPE, 64))
    return GAN(Reals(SHAPE), generator, DCGANCritic(SHAPE, 64), 100, non_saturating)


def sngan() -> GAN:
    generator = WithTanh(ResNetGenerator(128, SHAPE, 256))
    return GAN(Reals(SHAPE), generator, ResNetCritic(SHAPE, 128), 128, hinge)


def sngan_small() -> GAN:
    generator = WithTanh(ResNetGenerator(128, SHAPE, 64))
    return GAN(Reals(SHAPE), generator, ResNetCritic(SHAPE, 64), 128, hinge)


def repeated(step: Step) -> Rounds:
    def play_rounds(count: int) -> None:
        for _ in range(count):
            step()

    return play_rounds


def size(*networks: nn.Module) -> int:
    return sum(p.numel() for network in networks for p in network.parameters())


def by_play(make: Callable[[argparse.Namespace], GAN], last: bool = False) -> Maker:
    """`play`; with the channels last in memory, if so wished."""

    def maker(options: argparse.Namespace) -> tuple[Rounds, int]:
        model = make(options).train()
        if last:
            model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        makes = adam(RATE, BETAS)
        optimizers = {k: makes(k, p.parameters()) for k, p in model.players().items()}
        rounds = play(model, repeat(Images().batch(0, BATCH, 0)), optimizers)
        return repeated(lambda: next(rounds)), size(model)

    return maker


def by_fit(make: Callable[[argparse.Namespace], GAN]) -> Maker:
    """`fit` as it is: batches, seeds, learning-rate schedule, log and averaged weights."""

    def maker(options: argparse.Namespace) -> tuple[Rounds, int]:
        model, data = make(options), Images()

        def play_rounds(count: int) -> Model:
            run = Run(rounds=count, batch=BATCH, ema=0.999, device="cpu")
            return fit(model, data, run, optimizers=adam(RATE, BETAS), schedule=cosine)

        return play_rounds, size(model)

    return maker


def by_hand(make: Callable[[argparse.Namespace], GAN]) -> Maker:
    """The shortest loop: one pass of the generator, no gradients for what does not move."""

    def maker(options: argparse.Namespace) -> tuple[Rounds, int]:
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
            real, made = critic(x), critic(fake.detach())
            if linear:
                loss = relu(1 - real).mean() + relu(1 + made).mean()
            else:
                loss = softplus(-real).mean() + softplus(made).mean()
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


def room(name: str, folder: Path) -> None:
    """A package whose own __init__, with imports that are not needed here, is left out."""
    module = types.ModuleType(name)
    module.__path__ = [str(folder)]
    sys.modules[name] = module


def torchgan(options: argparse.Namespace) -> tuple[Rounds, int]:
    """The losses' own `train_ops`, as its trainer calls them, on its own DCGAN of 64 channels."""
    room("torchgan", options.torchgan / "torchgan")
    room("torchgan.losses", options.torchgan / "torchgan" / "losses")
    room("torchgan.models", options.torchgan / "torchgan" / "models")
    from torchgan.losses.minimax import (  # pyright: ignore[reportMissingImports]
        MinimaxDiscriminatorLoss,
        MinimaxGeneratorLoss,
    )
    from torchgan.models.dcgan import (  # pyright: ignore[reportMissingImports]
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

    def maker(options: argparse.Namespace) -> tuple[Rounds, int]:
        root = options.mimicry / "torch_mimicry"
        room("torch_mimicry", root)
        room("torch_mimicry.nets", root / "nets")
        room("torch_mimicry.nets.sngan", root / "nets" / "sngan")
        room("torch_mimicry.nets.gan", root / "nets" / "gan")
        from torch_mimicry.nets.sngan.sngan_32 import (  # pyright: ignore[reportMissingImports]
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


def script(options: argparse.Namespace) -> tuple[dict[str, Any], types.CodeType]:
    """PyTorch-GAN's dcgan.py, all but its loop carried out; and the inside of the loop."""
    source = options.pytorch_gan / "implementations" / "dcgan" / "dcgan.py"
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
    names |= {"opt": types.SimpleNamespace(**OPTIONS), "dataloader": [None], "n_epochs": 1}
    for node in tree.body:
        if isinstance(node, wanted) and not any(w in ast.unparse(node) for w in unwanted):
            if ast.unparse(node).startswith("opt ="):
                continue
            exec(compile(ast.Module([node], []), str(source), "exec"), names)  # noqa: S102
    epochs = next(node for node in tree.body if isinstance(node, ast.For))
    inside = next(node for node in epochs.body if isinstance(node, ast.For))
    return names, compile(ast.Module(inside.body, []), str(source), "exec")


OPTIONS = {
    "img_size": 32,
    "channels": 3,
    "latent_dim": 100,
    "lr": RATE,
    "b1": BETAS[0],
    "b2": BETAS[1],
    "n_epochs": 1,
    "sample_interval": 10**9,
}


def pytorch_gan(options: argparse.Namespace) -> tuple[Rounds, int]:
    """The inside of the loop of its dcgan.py, as it stands."""
    names, loop = script(options)
    names |= {"imgs": Images().x, "epoch": 0, "i": 1}
    count = size(names["generator"], names["discriminator"])
    return repeated(lambda: exec(loop, names)), count  # noqa: S102


def pytorch_gan_networks(options: argparse.Namespace) -> GAN:
    """The same networks for genus; its critic's sigmoid is in the objective instead."""
    names, _ = script(options)
    critic = names["discriminator"]
    critic.adv_layer[1] = nn.Identity()
    return GAN(Reals(SHAPE), names["generator"], critic, 100, non_saturating)


GAMES: dict[str, dict[str, Maker]] = {
    "DCGAN": {
        "genus, play": by_play(lambda options: dcgan()),
        "genus, play, channels last": by_play(lambda options: dcgan(), last=True),
        "genus, fit": by_fit(lambda options: dcgan()),
        "by hand": by_hand(lambda options: dcgan()),
        "torchgan": torchgan,
    },
    "DCGAN of PyTorch-GAN": {
        "genus, play": by_play(pytorch_gan_networks),
        "genus, fit": by_fit(pytorch_gan_networks),
        "by hand": by_hand(pytorch_gan_networks),
        "PyTorch-GAN": pytorch_gan,
    },
    "SNGAN, 64 and 64 channels": {
        "genus, play": by_play(lambda options: sngan_small()),
        "genus, fit": by_fit(lambda options: sngan_small()),
        "by hand": by_hand(lambda options: sngan_small()),
        "mimicry": mimicry(64, 64),
    },
    "SNGAN, 256 and 128 channels": {
        "genus, play": by_play(lambda options: sngan()),
        "genus, fit": by_fit(lambda options: sngan()),
        "by hand": by_hand(lambda options: sngan()),
        "mimicry": mimicry(256, 128),
    },
}
OURS = ("genus, play", "genus, play, channels last", "genus, fit", "by hand")


# --- measuring --------------------------------------------------------------------------------


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def timed(rounds: Rounds, count: int) -> tuple[float, float]:
    """Milliseconds a round, of the wall clock and of processor time; setting out is taken off."""

    def clocked(count: int) -> tuple[float, float]:
        wall, processor = time.perf_counter(), time.process_time()
        rounds(count)
        return time.perf_counter() - wall, time.process_time() - processor

    pairs = zip(clocked(count), clocked(0), strict=True)
    wall, processor = (1e3 * (whole - start) / count for whole, start in pairs)
    return wall, processor


def measure(game: str, count: int, options: argparse.Namespace) -> Iterator[list[str]]:
    """The rows of one game at one number of threads."""
    with threads(count):
        made = {name: maker(options) for name, maker in GAMES[game].items()}
        for rounds, _ in made.values():
            rounds(1)
        single = timed(made["by hand"][0], 1)[1]
        number = max(1, min(50, round(options.seconds * 1e3 / single)))
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in made}
        for _ in range(options.repeats):
            for name, (rounds, _) in made.items():
                times[name].append(timed(rounds, number))
    middle = {
        name: [statistics.median(column) for column in zip(*pairs, strict=True)]
        for name, pairs in times.items()
    }
    peer = min(middle[name][1] for name in made if name not in OURS)
    for name, (_, parameters) in made.items():
        wall, processor = middle[name]
        most = memory(game, name, options)
        row = [game, name, str(count), f"{parameters:,}", f"{wall:.1f}", f"{processor:.1f}"]
        row += [f"{most:.0f}", f"{peer / processor:.2f}", f"{processor / middle['by hand'][1]:.3f}"]
        print(*row, sep="  ", flush=True)
        yield row


def memory(game: str, name: str, options: argparse.Namespace) -> float:
    """Megabytes at the peak of a process that plays three rounds, those of its imports taken off."""
    folders = [f"--{peer}={getattr(options, peer.replace('-', '_'))}" for peer in PEERS]
    command = [sys.executable, __file__, *folders, "--alone", game, name]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(out.stdout.split()[-1])


def alone(game: str, name: str, options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    before = peak()
    rounds, _ = GAMES[game][name](options)
    rounds(3)
    print(peak() - before)


def peak() -> float:
    """The most memory that this process ever held, in megabytes; wants Linux."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def write(rows: Sequence[list[str]], options: argparse.Namespace) -> None:
    content = {
        "title": "A round of a GAN against three peers",
        "command": "python benchmarks/adversarial_speed.py --torchgan DIR --mimicry DIR "
        "--pytorch-gan DIR",
        "protocol": {
            "images": "random, 3 x 32 x 32",
            "batch": BATCH,
            "optimiser": "Adam; fused in genus and in the loop by hand, as it comes in the peers",
            "repeats": options.repeats,
            "clock": "medians of repeats in turn; ratios are of processor time",
        },
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, {os.cpu_count()} cores",
        "versions": {"genus": genus.__version__, "torch": torch.__version__},
        "columns": COLUMNS,
        "rows": [*rows],
        "notes": NOTES,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


PEERS = ("torchgan", "mimicry", "pytorch-gan")
NOTES = [
    (
        "By hand: one pass of the generator for both moves, no gradients for the critic's weights in "
        "the generator's move, fused Adam."
    ),
    (
        "mimicry enlarges by bilinear interpolation where the paper repeats pixels; its blocks have "
        "the same convolutions. Repeating is made one with its convolution in genus."
    ),
    "torchgan's critic has one bias less.",
    "`fit` is timed by calls of some seconds; the first round of each pays for new state of the optimisers and the average.",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for peer in PEERS:
        parser.add_argument(f"--{peer}", type=Path, help=f"folder of a checkout of {peer}")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, os.cpu_count() or 1])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement, about")
    parser.add_argument("--only", nargs="+", choices=GAMES, default=[*GAMES])
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    for peer in PEERS:
        folder = getattr(options, peer.replace("-", "_"))
        if folder is None or not folder.is_dir():
            sys.exit(
                f"adversarial_speed: --{peer} is {folder}; it must be the folder of a checkout of "
                f"{peer}, with which genus is compared"
            )
    if options.alone:
        alone(*options.alone, options)
        return
    rows: list[list[str]] = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    for game in options.only:
        for count in dict.fromkeys(options.threads):
            rows = [row for row in rows if (row[0], row[2]) != (game, str(count))]
            rows += measure(game, count, options)
            order = [*GAMES]
            rows.sort(key=lambda row: (order.index(row[0]), int(row[2])))
            write(rows, options)


if __name__ == "__main__":
    main()
