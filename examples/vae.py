"""A variational autoencoder on digits: a bound, a tighter bound, and a walk from one digit to another.

python examples/vae.py
"""

import argparse
import math
from pathlib import Path

import torch

import genus
from genus.media import grid, save_png
from genus.train.schedules import cosine
from genus.vae import VAE


def main(rounds: int, out: Path) -> None:
    digits = genus.data.load("digits")
    torch.manual_seed(0)
    model = VAE(digits.space, latent=8)
    run = genus.Run(rounds=rounds, batch=64, lr=2e-3, ema=0.99)
    model = genus.fit(model, digits.train, run, schedule=cosine).eval()

    (x,) = digits.test.everything()
    with torch.no_grad():
        bound = model.elbo(x).mean()
        weights = torch.stack([model.log_weight(x) for _ in range(100)])
        tighter = (weights.logsumexp(0) - math.log(100)).mean()
        print(f"elbo {bound:.2f} nats, with 100 importance samples {tighter:.2f} nats")

        a, b = model.encode(x[:5]), model.encode(x[5:10])
        steps = torch.linspace(0, 1, 9)[:, None, None]
        z = (a + steps * (b - a)).transpose(0, 1).flatten(0, 1)  # five walks of nine steps
        walks = digits.space.quantise(model.decode(z))
    save_png(grid(walks, digits.space, columns=9), out / "vae.png")
    print(f"from a digit to another: {out / 'vae.png'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    main(**vars(parser.parse_args()))
