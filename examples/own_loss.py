"""A loss of your own: an adversarial objective that genus does not know, in the GAN kit.

    python examples/own_loss.py

An objective is what critic and generator want small, as functions of the critic's scores of real and of
fake rows. Whatever it is, the kit trains it, penalties and tricks included, and `genus diagnose`
understands its game.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

import genus
from genus.adversarial import GAN
from genus.functional.adversarial import Objective, Penalty, r1
from genus.media import picture
from genus.nn import MLP
from genus.train import adam
from genus.train.schedules import cosine


def exponential_critic(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """AdaBoost's loss: its best score is half the log odds of being real."""
    return {"real": (-real).exp().mean(), "fake": fake.exp().mean()}


def exponential_generator(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """The loss of the wrong label."""
    return {"fool": (-fake).exp().mean()}


EXPONENTIAL = Objective("exponential", exponential_critic, exponential_generator)


def main(rounds: int, out: Path) -> None:
    ring = genus.data.load("ring")  # eight bumps
    torch.manual_seed(0)
    generator = MLP(8, 2, (128, 128), activation="relu")
    critic = MLP(2, 1, (128, 128), activation="relu")
    model = GAN(ring.space, generator, critic, 8, EXPONENTIAL, [Penalty(r1, 0.02)])
    run = genus.Run(rounds=rounds, batch=256, ema=0.99)
    optimizers = adam(1e-3, (0.5, 0.9))
    model = genus.fit(model, ring.train, run, optimizers=optimizers, schedule=cosine)

    figures = {figure.name: figure for figure in genus.evaluate(model, ring)}
    print(f"{figures['modes']} of 8; {figures['high_quality']}")
    print(f"samples: {picture(model, out / 'own_loss.png')}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5000)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    main(**vars(parser.parse_args()))
