"""A model of your own, outside genus: trained, judged and saved as the others are.

    python examples/own_model.py

The names of its methods are promises: `log_prob` is exact, so `genus.evaluate` scores it. Loading builds
a class, which runs its code: so a class outside genus must be allowed by its name.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn

import genus
from genus.core import GenerativeModel, Losses, Reals, require
from genus.train import ArtifactError


class Laplace(GenerativeModel):
    """Independent Laplace distributions: p(x) = prod_i exp(-|x_i - m_i| / s_i) / (2 s_i)."""

    def __init__(self, space: Reals):
        super().__init__()
        self.space = require("Laplace", space, Reals)
        self.middle = nn.Parameter(torch.zeros(space.shape))
        self.log_scale = nn.Parameter(torch.zeros(space.shape))

    def log_prob(self, x: Tensor) -> Tensor:
        """(n,) nats."""
        away = (x - self.middle).abs() / self.log_scale.exp()
        return -(away + self.log_scale + torch.tensor(2.0).log()).flatten(1).sum(1)

    def loss(self, x: Tensor) -> Losses:
        return {"nll": -self.log_prob(x).mean()}

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *space.shape)."""
        n = self.sample_count(n, context)
        noise = torch.distributions.Laplace(self.middle, self.log_scale.exp())
        return noise.sample(torch.Size([n]))


def main(rounds: int, out: Path) -> None:
    import own_model  # this file as a module: its name is what a saved model says

    moons = genus.data.load("moons")
    torch.manual_seed(0)
    model = own_model.Laplace(moons.space)
    genus.fit(model, moons.train, genus.Run(rounds=rounds, lr=1e-2))
    print(*genus.evaluate(model, moons), sep="\n")

    genus.save(model, out / "own_model")
    try:
        genus.load(out / "own_model")
    except ArtifactError as error:
        print(f"refused: {error}")
    again = genus.load(out / "own_model", allow=["own_model.Laplace"])
    print(f"loaded: {type(again).__name__} in the middle of {again.middle.tolist()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=800)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    main(**vars(parser.parse_args()))
