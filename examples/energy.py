"""A restricted Boltzmann machine on digits: energies, samples by Gibbs steps, and how likely the test is.

    python examples/energy.py

An energy has no probability of its own: its constant is estimated by annealed importance sampling,
and the figure says so by its sign, ~.
"""

import argparse
from pathlib import Path

import torch

import genus
from genus.energy import RBM
from genus.measure.likelihood.likelihood import QUICK
from genus.media import grid, save_png


def main(rounds: int, out: Path) -> None:
    digits = genus.data.load("digits").binarised()  # pixels drawn as bits
    torch.manual_seed(0)
    model = RBM(digits.space, hidden=128)
    genus.fit(model, digits.train, genus.Run(rounds=rounds, batch=64, lr=3e-3, ema=0.99))

    # a test digit, and what it becomes after 1, 10, 100 and 1,000 Gibbs steps
    x = digits.test.everything()[0][:8]
    chain, steps = [x], 0
    for until in (1, 10, 100, 1000):
        x, steps = model.gibbs(x, until - steps), until
        chain.append(x)
    save_png(grid(torch.stack(chain, 1).flatten(0, 1), digits.space, columns=5), out / "energy.png")
    print(f"eight chains, from left to right: {out / 'energy.png'}")

    figures = genus.evaluate(model, digits, effort=QUICK, samples=200)
    print(next(figure for figure in figures if figure.name == "nll"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    main(**vars(parser.parse_args()))
