"""A diffusion of digits that is given the class, and guidance that makes samples more typical of it.

python examples/diffusion.py
"""

import argparse
from pathlib import Path

import torch

import genus
from genus.diffusion import DDIM, Diffusion, Guided, UNet
from genus.media import grid, save_png
from genus.nn import Labels
from genus.train.schedules import cosine, warmed


def main(rounds: int, out: Path) -> None:
    digits = genus.data.load("digits").labelled()
    classes = digits.context_space
    torch.manual_seed(0)
    net = UNet(1, width=16, context=classes.count)
    context = {"context_space": classes, "embed": Labels(classes.count)}  # one-hot features
    model = Diffusion(net, digits.space, sampler=DDIM(20), **context)
    run = genus.Run(rounds=rounds, batch=64, lr=3e-3, ema=0.99)
    model = genus.fit(model, digits.train, run, schedule=warmed(cosine)).eval()

    labels = torch.arange(10).repeat(4)
    judge = genus.measure.oracle("digits")  # a classifier that ships, and knows the classes
    for scale in (0.0, 2.0):
        torch.manual_seed(0)
        x = Guided(model, scale).sample(context=labels.repeat(5))
        right = (judge.see(x, digits.space).classes == labels.repeat(5)).double().mean()
        print(f"guidance {scale:g}: {right:.0%} are of the class that was asked for")
    save_png(grid(x[:40], digits.space, columns=10), out / "diffusion.png")
    print(f"guided samples, a class in each column: {out / 'diffusion.png'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=600)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    main(**vars(parser.parse_args()))
