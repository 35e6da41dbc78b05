"""A mixture of Gaussians: learnt in closed steps, compared with the truth, used to find odd rows.

    python examples/density.py

Data whose distribution is known show how far a model is from it: the gap is a Kullback-Leibler
divergence, in nats. Rows of low density are the odd ones.
"""

import argparse
from pathlib import Path

import torch

import genus
from genus.density import GaussianMixture
from genus.media import grid, save_png


def main(rounds: int, out: Path) -> None:
    moons = genus.data.load("moons")  # endless rows of two numbers, whose density is known
    torch.manual_seed(0)
    model = GaussianMixture(moons.space, components=12)
    genus.fit(model, moons.train, genus.Run(rounds=rounds))  # each round is a step of EM

    (x,) = moons.test.everything()
    with torch.no_grad():
        gap = (moons.log_prob(x) - model.log_prob(x)).mean()
    print(f"the model is {gap:.3f} nats from the truth")

    mixed = torch.cat([x[:990], 3 * torch.rand(10, 2) + 2])  # ten rows that are none of the moons'
    found = model.log_prob(mixed).argsort()[:10]
    print(f"{(found >= 990).sum()} of the 10 odd rows are among the 10 least likely")

    save_png(grid(model.sample(2000), moons.space), out / "density.png")
    print(f"samples: {out / 'density.png'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    main(**vars(parser.parse_args()))
