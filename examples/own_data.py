"""A data loop of your own: a PyTorch DataLoader, and `play` in the place of `fit`.

    python examples/own_data.py

`play` takes any iterable of batches and yields the losses of each round, so the loop is yours: logging,
schedules, stopping. Batches are tuples of tensors of the model's space.
"""

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

import genus
from genus.core import Pixels
from genus.media import picture


def main(rounds: int, out: Path) -> None:
    levels = torch.as_tensor(load_digits().images)[:, None]  # (1797, 1, 8, 8), 0 to 16
    space = Pixels((1, 8, 8), levels=17)
    x = space.values(levels)  # on the grid of the space, in [-1, 1]
    space.check(x, "own data")  # says what is wrong with them, if anything is

    loader = DataLoader(TensorDataset(x[:1500]), batch_size=64, shuffle=True)

    def batches() -> Iterator[list[torch.Tensor]]:
        while True:
            yield from loader

    torch.manual_seed(0)
    model = genus.vae.VAE(space, latent=8)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    rounds_played = islice(genus.play(model, batches(), {"model": optimizer}), rounds)
    for number, losses in enumerate(rounds_played, 1):
        optimizer.param_groups[0]["lr"] = 2e-3 * (1 - number / rounds)  # a schedule of your own
        if number % max(1, rounds // 4) == 0:
            said = ", ".join(f"{name} {value:.2f}" for name, value in losses.items())
            print(f"round {number}: {said}")

    model.eval()
    with torch.no_grad():
        print(f"held-out rows: elbo {model.elbo(x[1500:]).mean():.2f} nats")
    print(f"samples: {picture(model, out / 'own_data.png')}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1500)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    main(**vars(parser.parse_args()))
