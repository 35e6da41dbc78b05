"""A normalising flow built of parts: an exact density on two moons, beside the true one.

python examples/flow.py
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import torch

import genus
from genus.flow import LU, Coupling, Flow, Spline
from genus.train.schedules import cosine


def main(rounds: int, out: Path) -> None:
    moons = genus.data.load("moons")
    torch.manual_seed(0)
    steps = [part for i in range(4) for part in (LU(2), Coupling(2, Spline(8), flip=i % 2 == 1))]
    model = Flow(moons.space, steps)
    run = genus.Run(rounds=rounds, batch=256, lr=3e-3, ema=0.99)
    model = genus.fit(model, moons.train, run, schedule=cosine).eval()

    (x,) = moons.test.everything()
    with torch.no_grad():
        gap = (moons.log_prob(x) - model.log_prob(x)).mean()
        back = (model.decode(model.encode(x)) - x).abs().max()
    print(f"{gap:.3f} nats from the truth; decoding an encoding is off by {back:.1e} at most")

    side = torch.linspace(x.min().item() - 0.3, x.max().item() + 0.3, 150)
    place = torch.cartesian_prod(side, side)
    figure, panels = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
    with torch.no_grad():
        densities = {"true density": moons.log_prob(place), "the flow's": model.log_prob(place)}
    for panel, (title, log_p) in zip(panels, densities.items(), strict=True):
        panel.pcolormesh(side, side, log_p.exp().reshape(150, 150).T, vmin=0)
        panel.set(title=title, aspect="equal", xticks=[], yticks=[])
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(out / "flow.png")
    print(f"both densities: {out / 'flow.png'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1500)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    main(**vars(parser.parse_args()))
