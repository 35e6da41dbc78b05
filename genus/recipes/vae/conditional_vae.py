"""A conditional VAE with perceptrons: of pictures given their labels, or of what is missing given what is known."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import torch

from ...core import Classes, Model, Refused, Space, sample
from ...data import Split
from ...media import Showing
from ...media.ways import masked
from ...nn import MLP, Flat, Labels
from ...train import Run
from ...vae.given.conditional import ConditionalVAE, Parting
from ...vae.likelihoods import fitting
from .._fitted import context_of, fitted, loaded
from ._parts import as_bits

RUN = Run(rounds=3000, batch=128, lr=2e-3, ema=0.99, evaluate_every=500)
Known = Literal["label", "upper", "left", "quadrant"]
SHOWN, TIMES = 12, 4  # pictures of which a part is known, and completions of each


def conditional_vae(
    data: str = "digits",
    known: Known = "label",
    latent: int = 8,
    width: int = 256,
    depth: int = 2,
    dropout: float = 0.1,
    alpha: float = 1.0,
    run: Run = RUN,
) -> Model:
    """ConditionalVAE on digits as bits, given labels; target: at most 21.9 nats by the bound.

    Args:
        data: name or path of a data set of bits, of pixels, which are drawn as bits, or of vectors.
        known: what is given with each x: its label, or a part of the picture of which the rest is learnt: the
            upper half, the left half, or the lower left quadrant.
        latent: dimension of z.
        width: units of each hidden layer.
        depth: number of hidden layers of each network.
        dropout: share of hidden units set to zero in a round of training: there are few digits.
        alpha: share of the bound in the loss, in (0, 1]; the rest is reconstruction from draws of the prior.
        run: length, folder and device of the run.
    """
    who = "conditional_vae"
    if known == "label":
        source, space = loaded(who, data, run, view=lambda source: as_bits(source).labelled())
        classes = context_of(who, source, Classes, "digits")
        embed, given, parting = Labels(classes.count), classes.count, None
    else:
        source, whole = loaded(who, data, run, view=as_bits, axes="channels, height, width")
        parting = parting_of(known, whole)
        source = source.parted(parting)
        space, embed, given = parting.missing_space, Flat(), parting.known_space.dims
    hidden = (width,) * depth
    model = ConditionalVAE(
        space,
        classes if parting is None else parting.known_space,
        embed,
        given,
        latent,
        MLP(space.dims + given, 2 * latent, hidden, dropout),
        MLP(latent + given, fitting(space).numbers * space.dims, hidden, dropout),
        MLP(given, 2 * latent, hidden, dropout),
        alpha=alpha,
        whole=parting and parting.space,
        known=() if parting is None else parting.known.flatten().nonzero()[:, 0].tolist(),
    )
    if parting is None:
        return fitted(model, source, run)
    return fitted(model, source, run, picture=_completions(parting, source.validation))


def parting_of(known: Known, space: Space) -> Parting:
    """The part of a picture that a name stands for as known, and the rest as missing."""
    height, breadth = (side // 2 for side in space.shape[1:])
    mask = torch.zeros(space.shape, dtype=torch.bool)
    match known:
        case "upper":
            mask[:, :height] = True
        case "left":
            mask[:, :, :breadth] = True
        case "quadrant":
            mask[:, height:, :breadth] = True
        case _:
            wanted = ", ".join(get_args(Known))
            raise Refused(f"conditional_vae: known is {known!r}; one of {wanted} is wanted")
    return Parting(space, mask)


def _completions(parting: Parting, split: Split) -> Callable[[Model, Path], object]:
    """The function that draws validation pictures: what is known, the whole, and completions of it."""
    missing, known = split.first(SHOWN)
    whole = parting.together(missing, known)

    def draw(model: Model, path: Path) -> object:
        again = known.repeat(TIMES, 1).to(next(model.parameters()))
        found = parting.together(sample(model, context=again).cpu(), known.repeat(TIMES, 1))
        lines = [masked(whole, parting.known, parting.space), whole, found]
        return Showing(torch.cat(lines), parting.space, columns=len(known)).save(path)

    return draw
