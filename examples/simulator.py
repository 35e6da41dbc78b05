"""A simulator of your own, and which of its parameters fit the data, without a likelihood.

    python examples/simulator.py

A ball is thrown at an unknown angle with an unknown speed. Seen are, with errors, how far it flies and how long.
"""

import argparse
import math
from pathlib import Path

import torch
from torch import Tensor

import genus
from genus.adversarial import HierarchicalImplicitModel
from genus.core import Reals
from genus.nn import MLP
from genus.train import adam

GRAVITY = 9.81  # m/s^2


def thrown(beta: Tensor) -> tuple[Tensor, Tensor]:
    """Distances in units of 10 m and times in s, (n, 2), of throws; and what they were thrown with, (n, 2).

    The prior: a speed of about 10 m/s, 2 more or less, and an angle of about 45 degrees, 10 more or less. A
    simulator's parameters are standard normal here. `beta` has no columns: no throw shares its parameters.
    """
    z = torch.randn(len(beta), 2)
    speed, angle = 10 + 2 * z[:, 0], (45 + 10 * z[:, 1]) * math.pi / 180
    time = 2 * speed * angle.sin() / GRAVITY
    seen = torch.stack([speed * angle.cos() * time / 10, time], 1)
    return seen + 0.05 * torch.randn(len(beta), 2), z


def main(rounds: int, out: Path) -> None:
    import simulator  # this file as a module: its name is what a saved model says

    torch.manual_seed(0)
    seen, _ = simulator.thrown(torch.empty(20_000, 0))
    critic = MLP(2 + 2, 1, (64, 64), activation="leaky_relu")
    encoder = MLP(2 + 4, 2, (64, 64))
    model = HierarchicalImplicitModel(
        Reals((2,)), simulator.thrown, critic, 2, encoder, encoder_noise=4, critic_rounds=5
    )
    rates = adam({"critic": 4e-3, "guess": 2e-3}, (0.5, 0.99))
    run = genus.Run(rounds=rounds, batch=128)
    genus.fit(model, seen, run, optimizers=rates, schedule=lambda done: 1 - done)

    x, z = simulator.thrown(torch.empty(500, 0))
    draws = torch.stack([model.draw_posterior(x) for _ in range(200)])
    low, high = draws.quantile(0.05, 0), draws.quantile(0.95, 0)
    for k, (name, middle, unit) in enumerate((("speed, m/s", 10, 2), ("angle, degrees", 45, 10))):
        first = [middle + unit * v[0, k].item() for v in (low, high, z)]
        held = ((low < z) & (z < high))[:, k].double().mean()
        print(f"{name}: {first[0]:.1f} to {first[1]:.1f}; it was {first[2]:.1f}")
        print(f"  of 500 throws, {held:.0%} were in their 90 % intervals")

    genus.save(model, out / "simulator")
    again = genus.load(out / "simulator", allow=["simulator.thrown"])
    print(f"loaded: {type(again).__name__} of {again.latent} parameters")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6000)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    main(**vars(parser.parse_args()))
