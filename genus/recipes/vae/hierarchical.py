"""A hierarchical variational autoencoder with convolutions, on any pictures that can be drawn as bits."""

from ...core import Model
from ...train import Run
from ...vae.layers.hierarchical import HierarchicalVAE
from .._fitted import fitted, loaded
from ._parts import as_bits

RUN = Run(rounds=3000, batch=128, lr=4e-3, ema=0.99, clip=200.0, evaluate_every=500)


def hierarchical(
    data: str = "digits",
    groups: tuple[int, ...] = (2, 1),
    latents: tuple[int, ...] = (2, 4),
    widths: tuple[int, ...] = (32, 48),
    blocks: tuple[int, ...] = (1, 1),
    patch: int = 2,
    dropout: float = 0.1,
    free: float = 0.5,
    warm_up: int = 500,
    run: Run = RUN,
) -> Model:
    """HierarchicalVAE on digits as bits; target: at most 22.6 nats by the bound.

    Args:
        data: name or path of a data set of images: of bits, of pixels, which are drawn as bits, or of numbers.
        groups: number of groups of latents at each scale, the finest scale first.
        latents: size of a latent at each place of a group, at each scale.
        widths: channels of the maps at each scale.
        blocks: residual blocks after each group, at each scale.
        patch: side of the squares of pixels that are one place of the finest scale: 4 for pictures of 28 x 28.
        dropout: share of hidden channels set to zero in a round of training: there are few digits.
        free: nats of each group that cost nothing.
        warm_up: rounds until the KL has its full weight.
        run: length, folder and device of the run.
    """
    source, space = loaded("hierarchical", data, run, axes="channels, height, width", view=as_bits)
    sizes = [(latent,) * number for number, latent in zip(groups, latents, strict=True)]
    model = HierarchicalVAE(
        space, sizes, widths, blocks, patch, dropout, free=free, warm_up=warm_up
    )
    return fitted(model, source, run)
