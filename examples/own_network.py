"""A network of your own: any module of x_t and t is a denoiser, and flow matching trains it.

    python examples/own_network.py

The network is given noisy rows and their times, and returns a tensor of the same shape. Saving it
needs one thing: each argument of its constructor is kept under its own name.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn

import genus
from genus.diffusion import Diffusion
from genus.functional.densities.distances import energy_distance
from genus.functional.diffusion import Straight
from genus.media import picture
from genus.train.schedules import cosine, warmed


class Waves(nn.Module):
    """(n, d) and (n,) -> (n, d): a perceptron of random waves of x and of t."""

    def __init__(self, features: int, waves: int = 128, width: int = 256):
        super().__init__()
        self.features, self.waves, self.width = features, waves, width
        self.register_buffer("frequencies", torch.randn(features + 1, waves))
        self.net = nn.Sequential(
            nn.Linear(features + 1 + 2 * waves, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, features),
        )  # fmt: skip

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        place = torch.cat([x, t[:, None]], 1)
        phase = place @ self.frequencies
        return self.net(torch.cat([place, phase.sin(), phase.cos()], 1))


def main(rounds: int, out: Path) -> None:
    spirals = genus.data.load("spirals")
    torch.manual_seed(0)
    model = Diffusion(Waves(2), spirals.space, path=Straight())  # a straight path: flow matching
    run = genus.Run(rounds=rounds, batch=256, lr=3e-3, ema=0.99)
    model = genus.fit(model, spirals.train, run, schedule=warmed(cosine))

    (real,), (other,) = spirals.test.batch(0, 1000, 0), spirals.validation.batch(0, 1000, 0)
    for name, x in {"samples": model.sample(1000), "other real rows": other}.items():
        print(f"energy distance of {name} from real rows: {energy_distance(x, real).item():.4f}")
    print(f"samples: {picture(model, out / 'own_network.png')}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5000)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    main(**vars(parser.parse_args()))
