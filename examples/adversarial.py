"""A GAN on a ring of eight bumps: an objective and a penalty by name, lost modes, and a diagnosis.

python examples/adversarial.py
"""

import argparse
import shutil
from pathlib import Path

import torch

import genus
from genus.adversarial import GAN
from genus.functional.adversarial import OBJECTIVES, Penalty, r1
from genus.measure import scores
from genus.measure.diagnosis import diagnose
from genus.media import picture
from genus.nn import MLP
from genus.train import adam


def main(rounds: int, out: Path) -> None:
    ring = genus.data.load("ring")
    for name, penalties in {"plain": [], "penalised": [Penalty(r1, 0.3)]}.items():
        torch.manual_seed(0)
        generator = MLP(8, 2, (128, 128), activation="relu")
        critic = MLP(2, 1, (128, 128), activation="relu")
        model = GAN(ring.space, generator, critic, 8, OBJECTIVES["non_saturating"], penalties)
        folder = out / f"adversarial_{name}"
        shutil.rmtree(folder, ignore_errors=True)
        run = genus.Run(rounds=rounds, batch=256, evaluate_every=max(1, rounds // 10), out=folder)
        optimizers = adam(1e-3, (0.5, 0.9))
        look = scores(ring.validation)
        genus.fit(model, ring.train, run, optimizers=optimizers, evaluate=look, picture=picture)

        figures = {figure.name: figure for figure in genus.evaluate(model, ring)}
        print(f"{name}: {figures['modes']}, {figures['high_quality']}")
        for finding in diagnose(folder):
            print(f"  {finding.sentence}")
        print(f"  samples: {picture(model, out / f'adversarial_{name}.png')}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=4000)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    main(**vars(parser.parse_args()))
