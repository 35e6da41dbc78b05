"""A VAE that colours grey pictures, each in several ways."""

from collections.abc import Callable
from pathlib import Path

import torch

from ...core import Model, Pixels, sample
from ...data import Split
from ...media import Showing
from ...train import Run
from ...vae.given.colouriser import Colouriser, Colours
from ...vae.likelihoods import NoiseDecoding
from .._fitted import fitted, loaded

RUN = Run(rounds=3000, batch=64, lr=2e-3, ema=0.99, evaluate_every=500)
SHOWN, TIMES = 12, 4  # pictures that are coloured, and colourings of each


def colouriser(
    data: str = "portraits?size=32",
    latent: int = 32,
    components: int = 8,
    width: int = 8,
    hidden: int = 128,
    run: Run = RUN,
) -> Model:
    """Colouriser on drawn faces, given their lightness; target: the best of 10 nearer than a regression.

    Args:
        data: name or path of a data set of colour pictures.
        latent: dimension of z.
        components: number of normal distributions of p(z | grey picture).
        width: channels of the networks at the finest scale.
        hidden: units of the layer between a grey picture and this mixture.
        run: length, folder and device of the run.
    """
    source, whole = loaded("colouriser", data, run, Pixels, axes="channels, height, width")
    colours = Colours(whole)
    source = source.parted(colours)
    model = Colouriser(colours.missing_space, latent, components, width, hidden)
    return fitted(model, source, run, picture=_colourings(colours, source.validation))


def _colourings(colours: Colours, split: Split) -> Callable[[Model, Path], object]:
    """The function that draws validation pictures: in grey, as they were, and coloured."""
    x, grey = split.first(SHOWN)
    lines = [colours.together(torch.zeros_like(x), grey), colours.together(x, grey)]

    def draw(model: Model, path: Path) -> object:
        again = grey.repeat(TIMES, 1, 1, 1)
        seen = again.to(next(model.parameters()))
        found = sample(model, context=seen, decoding=NoiseDecoding(mean=True)).cpu()
        rows = torch.cat([*lines, colours.together(found, again)])
        return Showing(rows, colours.space, columns=len(x)).save(path)

    return draw
