"""A round of a convolutional VAE, and importance weights, of genus, of loops by hand, and of pythae.

Networks have the same layers and weights everywhere: those of the recipe `vae`, 28 x 28 bits. The peer is the package
pythae, whose own trainer is run on a data loader of images in memory, and whose own `get_nll` weighs. All take turns, and
medians are compared. Memory is what a process of its own needs at its peak, beyond what it needed before.
"""

import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from genus.core import Bits
from genus.measure.likelihood.likelihood import importance_weighted
from genus.nn import ConvDecoder, ConvEncoder
from genus.train.game import adam, play
from genus.vae import VAE

from ..bench import Bench, Cell, Cells, Table, apart, in_turns, kept_bytes, peer

SHAPE, LATENT, WIDTH, HIDDEN, BATCH, RATE = (1, 28, 28), 32, 24, (256,), 128, 1e-3
IMAGES, K, MOST = 8, 1000, 5000

BENCH = Bench(
    __file__,
    "A convolutional VAE: a round, and importance weights, against pythae and against loops by hand",
    "work | by | ms | against the loop by hand | against pythae",
    lambda options: {
        "networks": f"those of the recipe vae: width {WIDTH}, {HIDDEN[0]} dense units, latent {LATENT}; 28 x 28 bits",
        "round": f"{BATCH} rows, Adam (fused in genus and by hand, as it comes in pythae), on one thread",
        "weights": f"{IMAGES} images x {K:,} draws; by hand: as many passes of the decoder, and nothing else",
        "clock": f"processor time, medians of {options.repeats} turns",
    },
    """
    pythae weighs each image by itself, and encodes it anew for every draw; here with 1,000 draws in a block.
    """,
    options={
        "pythae": (Path, "folder in which the package pythae and what it needs are installed"),
        "repeats": (3, "turns of each"),
        "rounds": (6, "rounds of one turn"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    yield Cell("round", partial(rounds, options))
    yield Cell("weights", partial(weights, options))
    yield Cell("memory", memory)


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for work, label in (("round", "a round"), ("weights", f"{IMAGES} x {K:,} weights")):
        if (times := found.get(work)) is None:
            continue
        peer = times.get("pythae")
        for name, value in times.items():
            table.append(
                [
                    label,
                    name,
                    f"{value:.1f}",
                    f"{value / times['by hand']:.3f}",
                    f"{peer / value:.2f} x as fast" if peer and name != "pythae" else "",
                ]
            )
    return table


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    if not (more := found.get("memory")):
        return []
    said = ", ".join(f"{mb:.0f} MB with {k} draws" for k, mb in more.items())
    return [f"Memory of the weights of {IMAGES} images, at the peak: {said}."]


def model() -> VAE:
    torch.manual_seed(0)
    encoder = ConvEncoder(SHAPE, 2 * LATENT, WIDTH, HIDDEN)
    return VAE(Bits(SHAPE), LATENT, encoder, ConvDecoder(LATENT, SHAPE, WIDTH, HIDDEN))


def images(n: int) -> Tensor:
    return (torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(1)) < 0.2).float()


# --- a round ----------------------------------------------------------------------------------


def genus_rounds(compiled: bool) -> Callable[[int], object]:
    one = model().train()
    makes = adam(RATE)
    optimizers = {k: makes(k, p.parameters()) for k, p in one.players().items()}
    game = play(one, repeat((images(BATCH),)), optimizers, compile=compiled)
    return lambda count: [next(game) for _ in range(count)]


def rounds_by_hand() -> Callable[[int], object]:
    """The shortest loop: one pass, the loss in two lines, a fused step."""
    one, x = model(), images(BATCH)
    encoder, decoder = one.encoder, one.decoder
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, RATE, fused=True)

    def step() -> None:
        mean, log_std = encoder(x).chunk(2, 1)
        logits = decoder(mean + log_std.exp() * torch.randn_like(mean))
        told = binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = 0.5 * (mean.square() + (2 * log_std).exp() - 1 - 2 * log_std).sum()
        optimizer.zero_grad()
        ((told + kl) / BATCH).backward()
        optimizer.step()

    return lambda count: [step() for _ in range(count)]


def theirs(options: Namespace) -> Any:
    """pythae's VAE around the same networks."""
    peer("pythae", options.pythae)
    from pythae.models import VAE as Theirs
    from pythae.models import VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.net = model().encoder

        def forward(self, x: Tensor) -> Any:
            mean, log_std = self.net(x).chunk(2, 1)
            return ModelOutput(embedding=mean, log_covariance=2 * log_std)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.net = model().decoder

        def forward(self, z: Tensor) -> Any:
            return ModelOutput(reconstruction=self.net(z).sigmoid())

    config = VAEConfig(input_dim=SHAPE, latent_dim=LATENT, reconstruction_loss="bce")
    return Theirs(config, Encoder(), Decoder())


def peer_rounds(options: Namespace) -> Callable[[int], object]:
    other = theirs(options)
    from pythae.data.datasets import BaseDataset
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    x = images(BATCH * options.rounds)
    data = BaseDataset(x, torch.zeros(len(x)))
    config = BaseTrainerConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=BATCH,
        learning_rate=RATE,
        no_cuda=True,
        num_epochs=1,
    )
    trainer = BaseTrainer(other, data, training_config=config)
    trainer.prepare_training()

    def played(count: int) -> None:
        assert count in (options.rounds, 1)
        trainer.train_step(1)

    return played


def rounds(options: Namespace) -> dict[str, float]:
    """Milliseconds of a round of each."""
    ways = {
        "genus": genus_rounds(compiled=False),
        "genus, compiled": genus_rounds(compiled=True),
        "by hand": rounds_by_hand(),
    }
    if options.pythae:
        ways["pythae"] = peer_rounds(options)
    works = {name: partial(way, options.rounds) for name, way in ways.items()}
    found = in_turns(works, options.repeats)
    return {name: 1e3 * seconds / options.rounds for name, seconds in found.items()}


# --- weights ----------------------------------------------------------------------------------


@torch.no_grad()
def weights(options: Namespace) -> dict[str, float]:
    """Milliseconds of the weights of all images."""
    one, x = model().eval(), images(IMAGES)
    z = torch.randn(IMAGES * K, LATENT)

    def alone() -> None:
        for part in z.split(1000):
            one.decoder(part)

    ways: dict[str, Callable[[], object]] = {
        "genus": lambda: importance_weighted(one, (x,), K),
        "by hand": alone,
    }
    if options.pythae:
        other = theirs(options).eval()
        ways["pythae"] = lambda: other.get_nll(x, n_samples=K, batch_size=1000)
    return {name: 1e3 * seconds for name, seconds in in_turns(ways, options.repeats).items()}


# --- memory -----------------------------------------------------------------------------------


def memory() -> dict[str, float]:
    """Megabytes at the peak, by the number of draws, of a process of its own beyond what it began with."""
    return {f"{k:,}": apart(most, k) for k in (200, K, MOST)}


def most(k: int) -> float:
    """Megabytes more that this process needs at its peak, for k draws of each image."""
    torch.set_num_threads(1)
    one, x = model().eval(), images(IMAGES)
    before = kept_bytes("VmHWM")
    importance_weighted(one, (x,), k)
    return (kept_bytes("VmHWM") - before) / 2**20


if __name__ == "__main__":
    BENCH.main()
