"""MADE on digits: exact probabilities, sharper samples by temperature, and the lower half completed.

    python examples/autoregressive.py

A model that draws one value after another can be given the first values: the rest is drawn from their
exact conditional distribution.
"""

import argparse
from pathlib import Path

import torch

import genus
from genus.autoregressive import MADE, Decoding
from genus.media import grid, save_png
from genus.train.schedules import cosine


def main(rounds: int, out: Path) -> None:
    digits = genus.data.load("digits")  # 8 x 8 pixels of 17 levels
    torch.manual_seed(0)
    model = MADE(digits.space, hidden=(500,), rank=4, dropout=0.5)
    run = genus.Run(rounds=rounds, batch=128, lr=3e-3, ema=0.99)
    model = genus.fit(model, digits.train, run, schedule=cosine).eval()  # the averaged weights

    (x,) = digits.test.everything()
    with torch.no_grad():
        nats = -model.log_prob(x).mean()
    print(f"test: {nats:.2f} nats, {nats / digits.space.dims / torch.tensor(2).log():.3f} bits/dim")

    sharper = model.sample(30, decoding=Decoding(temperature=0.8))
    save_png(grid(sharper, digits.space, columns=10), out / "autoregressive.png")
    upper = x[:6].repeat_interleave(5, 0)
    completed = model.complete(upper, known=32)  # the first 32 pixels are kept
    rows = torch.cat([x[:6, None], completed.unflatten(0, (6, 5))], 1).flatten(0, 1)
    save_png(grid(rows, digits.space, columns=6), out / "completed.png")
    print(f"samples: {out / 'autoregressive.png'}")
    print(f"a digit, then five completions of its upper half: {out / 'completed.png'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    main(**vars(parser.parse_args()))
