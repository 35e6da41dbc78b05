"""A training step and a draw of 64 images by 50 evaluations, against two peers.

    python benchmarks/diffusion_speed.py --ddp DIR --diffusers DIR [--threads 1] [--repeats 5]

DIR are folders from which `denoising_diffusion_pytorch` and `diffusers` can be imported (the target of
`pip install --target`); one that is not given is left out. Networks of 1 x 28 x 28 have about as many
parameters within a group, the same levels and attention at the coarsest; batches have 128 rows in
training, and Adam moves all parameters. Each system runs as its documentation says. They take turns,
and medians of processor time are compared, which other work on the machine disturbs less than the
clock on the wall. Memory is the peak of a process of its own. Results:
benchmarks/results/diffusion_speed.json.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import torch
from torch import nn

import genus
from genus.core import Reals
from genus.diffusion import DDIM, DDPM, UNet
from genus.diffusion.noise import CosineSchedule
from genus.train.fit import adam
from genus.train.game import play

RESULTS = Path(__file__).parent / "results" / "diffusion_speed.json"
SHAPE, BATCH, DRAWN, EVALUATIONS = (1, 28, 28), 128, 64, 50
COLUMNS = ["Network", "System", "Parameters", "Training step, s", "Draw of 64, s"]
COLUMNS += [
    "Peak training, MB",
    "Peak drawing, MB",
    "Step against the peer",
    "Draw against the peer",
]

Job = tuple[Callable[[], object], Callable[[], object], int]  # a step, a draw, parameters


def size(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def ours(width: int, blocks: int) -> Callable[[argparse.Namespace], Job]:
    def make(options: argparse.Namespace) -> Job:
        net = UNet(1, width, (1, 2, 4), blocks, 1)
        model = DDPM(net, Reals(SHAPE), 1000, CosineSchedule(), sampler=DDIM(EVALUATIONS)).train()
        makes = adam(1e-4)
        optimizers = {k: makes(k, p.parameters()) for k, p in model.players().items()}
        x = torch.rand(BATCH, *SHAPE) * 2 - 1
        rounds = play(model, iter(lambda: (x,), None), optimizers)
        return lambda: next(rounds), lambda: model.sample(DRAWN), size(net)

    return make


def ddp(width: int) -> Callable[[argparse.Namespace], Job]:
    """Its Unet in its GaussianDiffusion."""

    def make(options: argparse.Namespace) -> Job:
        sys.path.insert(0, str(options.ddp))
        from denoising_diffusion_pytorch.denoising_diffusion_pytorch import (  # pyright: ignore[reportMissingImports]
            GaussianDiffusion,
            Unet,
        )

        net = Unet(dim=width, dim_mults=(1, 2, 4), channels=1)
        model = GaussianDiffusion(
            net, image_size=28, timesteps=1000, sampling_timesteps=EVALUATIONS
        )
        optimizer = torch.optim.Adam(model.parameters(), 1e-4)
        x = torch.rand(BATCH, *SHAPE)

        def step() -> None:
            optimizer.zero_grad()
            model(x).backward()
            optimizer.step()

        return step, lambda: silent(lambda: model.sample(batch_size=DRAWN)), size(net)

    return make


def silent(call: Callable[[], object]) -> None:
    """Without the bar of progress that goes to standard error."""
    with open(os.devnull, "w") as nowhere:
        before, sys.stderr = sys.stderr, nowhere
        try:
            call()
        finally:
            sys.stderr = before


def diffusers(width: int, blocks: int) -> Callable[[argparse.Namespace], Job]:
    """Its UNet2DModel, the loop of its tutorial, and its DDIMScheduler."""

    def make(options: argparse.Namespace) -> Job:
        sys.path.insert(0, str(options.diffusers))
        from diffusers import (  # pyright: ignore[reportMissingImports]
            DDIMScheduler,
            DDPMScheduler,
            UNet2DModel,
        )

        net = UNet2DModel(
            sample_size=28,
            in_channels=1,
            out_channels=1,
            block_out_channels=(width, 2 * width, 4 * width),
            layers_per_block=blocks,
            down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
            norm_num_groups=min(32, width // 2),
        )
        noise = DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2")
        back = DDIMScheduler(1000, beta_schedule="squaredcos_cap_v2")
        optimizer = torch.optim.Adam(net.parameters(), 1e-4)
        x = torch.rand(BATCH, *SHAPE) * 2 - 1

        def step() -> None:
            eps, t = torch.randn_like(x), torch.randint(0, 1000, (BATCH,))
            out = net(noise.add_noise(x, eps, t), t, return_dict=False)[0]
            loss = nn.functional.mse_loss(out, eps)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

        @torch.no_grad()
        def draw() -> None:
            back.set_timesteps(EVALUATIONS)
            y = torch.randn(DRAWN, *SHAPE)
            for t in back.timesteps:
                y = back.step(net(y, t).sample, t, y).prev_sample

        return step, draw, size(net)

    return make


GROUPS: dict[str, dict[str, Callable[[argparse.Namespace], Job]]] = {
    "16 channels, 1 block": {"genus": ours(16, 1), "diffusers": diffusers(16, 1)},
    "32 channels, 2 blocks": {"genus": ours(32, 2), "diffusers": diffusers(32, 2)},
    "32 channels, 1 block": {"genus": ours(32, 1), "denoising-diffusion-pytorch": ddp(32)},
}
PEERS = {"diffusers": "diffusers", "denoising-diffusion-pytorch": "ddp"}


def clocked(call: Callable[[], object]) -> float:
    """Seconds of processor time."""
    start = time.process_time()
    call()
    return time.process_time() - start


def measure(group: str, options: argparse.Namespace) -> Iterator[list[str]]:
    jobs = {name: make(options) for name, make in GROUPS[group].items()}
    times: dict[str, list[list[float]]] = {name: [[], []] for name in jobs}
    for step, _, _ in jobs.values():
        step()
    for _ in range(options.repeats):
        for name, (step, draw, _) in jobs.items():
            times[name][0].append(clocked(step))
            times[name][1].append(clocked(draw))
    middle = {name: [statistics.median(part) for part in both] for name, both in times.items()}
    peer = next(name for name in jobs if name != "genus")
    for name, (_, _, parameters) in jobs.items():
        step, draw = middle[name]
        peaks = [f"{memory(group, name, part, options):.0f}" for part in ("step", "draw")]
        ratios = [
            f"{theirs / mine:.2f}" for theirs, mine in zip(middle[peer], (step, draw), strict=True)
        ]
        yield [group, name, f"{parameters:,}", f"{step:.3f}", f"{draw:.2f}", *peaks, *ratios]


def memory(group: str, name: str, part: str, options: argparse.Namespace) -> float:
    """Megabytes at the peak of a process that takes two steps or draws once, its start taken off."""
    folders = [f"--{p}={getattr(options, p)}" for p in PEERS.values() if getattr(options, p)]
    command = [sys.executable, __file__, *folders, "--alone", group, name, part]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(out.stdout.split()[-1])


def alone(group: str, name: str, part: str, options: argparse.Namespace) -> None:
    step, draw, _ = GROUPS[group][name](options)
    before = peak()
    for call in (step, step) if part == "step" else (draw,):
        call()
    print(peak() - before)


def peak() -> float:
    """The most memory that this process ever held, in megabytes; wants Linux."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ddp", type=Path)
    parser.add_argument("--diffusers", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--alone", nargs=3, metavar=("GROUP", "SYSTEM", "PART"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    if options.alone:
        alone(*options.alone, options)
        return
    groups = [
        g
        for g, systems in GROUPS.items()
        if all(name == "genus" or getattr(options, PEERS[name]) for name in systems)
    ]
    if not groups:
        parser.error("no peer is given: --ddp DIR, --diffusers DIR, or both")
    rows: list[list[str]] = []
    for group in groups:
        for row in measure(group, options):
            rows.append(row)
            print(*row, sep="  ", flush=True)
            write(rows, options)


def write(rows: list[list[str]], options: argparse.Namespace) -> None:
    content = {
        "title": "A training step and a draw, against two peers",
        "command": "python benchmarks/diffusion_speed.py --ddp DIR --diffusers DIR",
        "protocol": {
            "images": f"random, {' x '.join(map(str, SHAPE))}",
            "step": f"{BATCH} rows, Adam (fused in genus, as it comes in the peers)",
            "draw": f"{DRAWN} images, DDIM, {EVALUATIONS} evaluations",
            "threads": options.threads,
            "clock": f"medians of {options.repeats} in turn, processor time",
            "peers": "denoising-diffusion-pytorch 2.3.4, diffusers 0.42.1",
        },
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, {options.threads} thread",
        "versions": {"genus": genus.__version__, "torch": torch.__version__},
        "columns": COLUMNS,
        "rows": rows,
        "notes": [
            "Ratios above 1 say that genus is ahead; those below 1.3 are ties on a shared machine.",
            "Our networks have 3 to 8 % fewer parameters: per parameter, diffusers is as fast.",
        ],
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
