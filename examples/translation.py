"""Pix2pix: digits of coarse blocks become digits, pair by pair.

python examples/translation.py
"""

import argparse
from pathlib import Path

import torch

import genus
from genus.media import save_png, shown
from genus.train import adam
from genus.translation import Pix2Pix


def main(rounds: int, out: Path) -> None:
    pairs = genus.data.load("digits_pairs")  # x, and as its context x in blocks of 2 x 2 pixels
    torch.manual_seed(0)
    model = Pix2Pix(pairs.space, pairs.context_space, width=32)
    run = genus.Run(rounds=rounds, batch=32)
    genus.fit(model, pairs.train, run, optimizers=adam(1e-3, (0.5, 0.999)))

    x, context = pairs.test.everything()
    made = model.sample(context=context)
    before, after = ((x - y).abs().mean() for y in (context, made))
    print(f"mean difference from the true digit: {before:.3f} before, {after:.3f} after")

    picture = shown(made[:20], pairs.space, context[:20], pairs.context_space)
    save_png(picture, out / "translation.png")
    print(f"what was given, and what was made of it: {out / 'translation.png'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=800)
    parser.add_argument("--out", type=Path, default=Path("runs/examples"))
    main(**vars(parser.parse_args()))
