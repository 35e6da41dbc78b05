"""A log of your own: losses, figures and samples in TensorBoard, between two rounds of `play`.

    python examples/own_log.py

`play` yields after each round, so whatever a callback would do is a line in the loop: a log, a figure now
and then, an end. TensorBoard shows it: pip install tensorboard, then tensorboard --logdir runs/examples.
Without it, the same numbers go into a .jsonl file.
"""

import argparse
import json
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

import genus
from genus.measure import scores
from genus.media import grid, picture, save_png
from genus.media.pictures import Picture
from genus.vae import VAE

try:
    from torch.utils.tensorboard import SummaryWriter
except ImportError:
    SummaryWriter = None


class Lines:
    """Takes what TensorBoard's writer takes: numbers become lines of JSON, pictures files."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.file = folder, (folder / "log.jsonl").open("w", encoding="utf-8")

    def add_scalar(self, name: str, value: Tensor | float, step: int) -> None:
        self.file.write(json.dumps({"name": name, "value": float(value), "step": step}) + "\n")

    def add_image(self, name: str, image: Picture, step: int, dataformats: str) -> None:
        save_png(image, self.folder / f"{name}_{step}.png")

    def close(self) -> None:
        self.file.close()


def main(rounds: int, out: Path) -> None:
    digits = genus.data.load("digits")
    torch.manual_seed(0)
    model = VAE(digits.space, latent=8)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    batches = genus.train.batches(model, digits.train)
    log = Lines(out / "own_log") if SummaryWriter is None else SummaryWriter(out / "own_log")
    if SummaryWriter is None:
        print(f"no TensorBoard here (pip install tensorboard): numbers go into {out / 'own_log'}")

    figures, look = {}, scores(digits.validation)
    rounds_played = islice(genus.play(model, batches, {"model": optimizer}), rounds)
    for number, losses in enumerate(rounds_played, 1):
        for name, loss in losses.items():
            log.add_scalar(f"loss/{name}", loss, number)
        if number % max(1, rounds // 10) == 0:
            model.eval()
            figures = look(model)
            for name, value in figures.items():
                log.add_scalar(f"validation/{name}", value, number)
            samples = grid(model.sample(64), digits.space)
            log.add_image("samples", samples, number, dataformats="HWC"[: samples.ndim])
            model.train()
    log.close()

    print(f"validation: {figures['nats']:.2f} nats after {rounds} rounds")
    print(f"samples: {picture(model.eval(), out / 'own_log.png')}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1500)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    main(**vars(parser.parse_args()))
