"""Which recipes fit which data: the best first."""

from ..core import Bits, Graphs, Pixels, Reals, Records, Space, Strokes, Tokens

IMAGES = ("dcgan", "edm", "vae", "flow_matching", "r3gan", "ddpm", "realnvp_images", "glow")
OTHER_IMAGES = ("vae_mlp", "pixelcnnpp")  # of any height and width
BITS = ("made", "nade", "rbm", "vae_mlp", "eonade")
BIT_IMAGES = ("pixelsnail", "gatedpixelcnn", "pixelcnn", *BITS)
TABLES = ("rows", "gmm", "nsf", "maf", "gaussian", "realnvp", "ffjord")
VECTORS = ("rows", "gmm", "nsf", "maf", "realnvp", "gaussian", "ffjord")
POINTS = ("nsf", "gan", "flow_matching", "maf", "gmm")
TEXTS = ("transformer", "char_rnn", "masked_diffusion")


def fitting(
    space: Space, context_space: Space | None = None, *, labels: bool = False, sounds: bool = False
) -> tuple[str, ...]:
    """The names of recipes that learn from such data, the best first; empty without any.

    Args:
        space: space of x.
        context_space: space of what is given with each x.
        labels: whether rows have labels.
        sounds: whether x are sounds.
    """
    match space:
        case Pixels() if len(space.shape) == 3:
            if context_space is not None and len(context_space.shape) == 3:
                return ("pix2pix", "bicyclegan")
            if space.shape[1] != space.shape[2] or space.shape[1] % 4:
                return OTHER_IMAGES
            return (*IMAGES, "pixelcnnpp", *(("guided",) if labels else ()))
        case Bits() if len(space.shape) == 3:
            return BIT_IMAGES
        case Bits():
            return BITS
        case Pixels() | Tokens() if sounds:
            return ("wavenet",)
        case Pixels():
            return ("made", "vae_mlp")
        case Tokens():
            return TEXTS if context_space is None else ("translation_transformer", "seq2seq")
        case Strokes():
            return ("handwriting_prediction",) if context_space is None else ("handwriting",)
        case Graphs():
            return ("graphrnn", "graphrnn_s", "dgmg")
        case Records():
            return TABLES
        case Reals() if len(space.shape) == 2:
            return ("pointflow",)
        case Reals() if len(space.shape) == 1:
            return POINTS if space.dims <= 2 else VECTORS
    return ()
