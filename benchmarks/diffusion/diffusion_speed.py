"""Times of a training step and of a draw of 64 images by 50 evaluations, against two peers.

The peers are `denoising_diffusion_pytorch` and `diffusers`, each in a folder that `pip install --target`
made. Networks of 1 x 28 x 28 have about as many parameters within a group, the same levels and attention
at the coarsest; batches have 128 rows in training, and Adam moves all parameters. Each system runs as its
documentation says. They take turns, and medians of processor time are compared, which other work on the
machine disturbs less than the clock on the wall. Memory is the peak of a process of its own.
"""

import os
import sys
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from genus.core import Reals
from genus.diffusion import DDIM, DDPM, UNet
from genus.diffusion.noise import CosineSchedule
from genus.train.fit import adam
from genus.train.game import play

from ..bench import Bench, Cell, Cells, Table, apart, in_turns, kept_bytes, peer, size

SHAPE, BATCH, DRAWN, EVALUATIONS = (1, 28, 28), 128, 64, 50
Job = tuple[Callable[[], object], Callable[[], object], int]  # a step, a draw, parameters
Make = Callable[[Namespace], Job]


BENCH = Bench(
    __file__,
    "A training step and a draw, against two peers",
    "Network | System | Parameters | Training step, s | Draw of 64, s | Peak training, MB | "
    "Peak drawing, MB | Step against the peer | Draw against the peer",
    lambda options: {
        "images": f"random, {' x '.join(map(str, SHAPE))}",
        "step": f"{BATCH} rows, Adam (fused in genus, as it comes in the peers)",
        "draw": f"{DRAWN} images, DDIM, {EVALUATIONS} evaluations",
        "threads": options.threads,
        "clock": f"medians of {options.repeats} in turn, processor time",
        "peers": "denoising-diffusion-pytorch 2.3.4, diffusers 0.42.1",
    },
    """
    Ratios above 1 say that genus is ahead; those below 1.3 are ties on a shared machine.

    Our networks have 3 to 8 % fewer parameters: per parameter, diffusers is as fast.
    """,
    options={
        "ddp": (Path, "folder with denoising_diffusion_pytorch"),
        "diffusers": (Path, "folder with diffusers"),
        "repeats": (3, "number of turns of which the median is taken"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for group in GROUPS:
        yield Cell(group, partial(measure, group, options))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    return [
        [
            group,
            name,
            f"{one['parameters']:,}",
            f"{one['step']:.3f}",
            f"{one['draw']:.2f}",
            *(f"{value:.0f}" for value in one["megabytes"]),
            *(f"{value:.2f}" for value in one["ratios"]),
        ]
        for group in GROUPS
        for name, one in found.get(group, {}).items()
    ]


def ours(width: int, blocks: int) -> Make:
    def make(options: Namespace) -> Job:
        net = UNet(1, width, (1, 2, 4), blocks, 1)
        model = DDPM(net, Reals(SHAPE), 1000, CosineSchedule(), sampler=DDIM(EVALUATIONS)).train()
        makes = adam(1e-4)
        optimizers = {k: makes(k, p.parameters()) for k, p in model.players().items()}
        x = torch.rand(BATCH, *SHAPE) * 2 - 1
        rounds = play(model, iter(lambda: (x,), None), optimizers)
        return lambda: next(rounds), lambda: model.sample(DRAWN), size(net)

    return make


def ddp(width: int) -> Make:
    """Its Unet in its GaussianDiffusion."""

    def make(options: Namespace) -> Job:
        theirs = peer("denoising_diffusion_pytorch", options.ddp)
        net = theirs.Unet(dim=width, dim_mults=(1, 2, 4), channels=1)
        model = theirs.GaussianDiffusion(
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


def diffusers(width: int, blocks: int) -> Make:
    """Its UNet2DModel, the loop of its tutorial, and its DDIMScheduler."""

    def make(options: Namespace) -> Job:
        theirs = peer("diffusers", options.diffusers)
        net = theirs.UNet2DModel(
            sample_size=28,
            in_channels=1,
            out_channels=1,
            block_out_channels=(width, 2 * width, 4 * width),
            layers_per_block=blocks,
            down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
            norm_num_groups=min(32, width // 2),
        )
        noise = theirs.DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2")
        back = theirs.DDIMScheduler(1000, beta_schedule="squaredcos_cap_v2")
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


GROUPS: dict[str, dict[str, Make]] = {
    "16 channels, 1 block": {"genus": ours(16, 1), "diffusers": diffusers(16, 1)},
    "32 channels, 2 blocks": {"genus": ours(32, 2), "diffusers": diffusers(32, 2)},
    "32 channels, 1 block": {"genus": ours(32, 1), "denoising-diffusion-pytorch": ddp(32)},
}


def job(group: str, name: str, options: Namespace) -> Job:
    warnings.filterwarnings("ignore")
    return GROUPS[group][name](options)


def measure(group: str, options: Namespace) -> dict[str, Any]:
    torch.manual_seed(0)
    jobs = {name: job(group, name, options) for name in GROUPS[group]}
    works = {}
    for name, (step, draw, _) in jobs.items():
        works |= {f"{name} step": step, f"{name} draw": draw}
    took = in_turns(works, options.repeats)
    theirs = next(name for name in jobs if name != "genus")
    return {
        name: {
            "parameters": parameters,
            **{part: took[f"{name} {part}"] for part in ("step", "draw")},
            "megabytes": [apart(peak, group, name, part, options) for part in ("step", "draw")],
            "ratios": [took[f"{theirs} {p}"] / took[f"{name} {p}"] for p in ("step", "draw")],
        }
        for name, (_, _, parameters) in jobs.items()
    }


def peak(group: str, name: str, part: str, options: Namespace) -> float:
    """Megabytes at the peak of a process that takes two steps or draws once, its start taken off."""
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    step, draw, _ = job(group, name, options)
    before = kept_bytes("VmHWM")
    for call in (step, step) if part == "step" else (draw,):
        call()
    return (kept_bytes("VmHWM") - before) / 2**20


if __name__ == "__main__":
    BENCH.main()
