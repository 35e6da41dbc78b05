"""BS-GAN on bits or tokens."""

from ...adversarial import BSGAN
from ...core import Bits, Model, Pixels, Refused, Tokens
from ...data import Data
from ...nn import MLP, ConvDecoder, ConvEncoder
from ...train import Run, adam
from .._fitted import fitted, loaded

RUN = Run(rounds=4000, batch=64, lr=1e-3, ema=0.999)


def bsgan(
    data: str = "digits",
    samples: int = 20,
    latent: int = 32,
    width: int | None = None,
    run: Run = RUN,
) -> Model:
    """BS-GAN on digits as bits; target: all ten classes, at most 4 times the Frechet floor.

    Untrained networks show all classes too, for the oracle sees digits in noise.

    Args:
        data: name or path of a data set of bits or tokens, or of pixels, which are drawn as bits.
        samples: number of rows sampled for each z in a round, at least 2.
        latent: dimension of z.
        width: width of the networks: channels at full size for images, units for other data; by default
            16 and 256.
        run: length, folder and device of the run.
    """
    source, space = loaded("bsgan", data, run, view=bits_of_pixels)
    if isinstance(space, Bits) and len(space.shape) == 3:
        channels, height, breadth = space.shape
        shape, width = (channels, height, breadth), width or 16
        generator, critic = ConvDecoder(latent, shape, width), ConvEncoder(shape, 1, width)
    elif len(space.shape) == 1 and isinstance(space, Bits | Tokens):
        shown = space.dims * (space.vocabulary if isinstance(space, Tokens) else 1)
        hidden = (width or 256,) * 2
        generator, critic = MLP(latent, shown, hidden), MLP(shown, 1, hidden)
    else:
        raise Refused(
            f"bsgan: {data} is of {space}; tokens, or bits or pixels of images are wanted"
        )
    model = BSGAN(space, generator, critic, latent, samples)
    return fitted(model, source, run, adam(run.lr, betas=(0.0, 0.99)))


def bits_of_pixels(source: Data) -> Data:
    """Pixels as bits, drawn anew in each batch; other data as they are."""
    return source.binarised() if isinstance(source.space, Pixels) else source
