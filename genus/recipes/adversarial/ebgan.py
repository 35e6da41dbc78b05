"""EBGAN: the GAN kit with an autoencoder for a critic, whose error is an energy with a margin.

The critic gives not a verdict, but an energy: low where data are, and above a margin m
where they are not. That of an autoencoder is its error, a richer signal than a yes or no.

    E(x) = mean over numbers of (x - Dec(Enc(x)))^2
    critic      minimises  E E(x) + E (m - E(G(z)))+
    generator   minimises  E E(G(z)) + 0.1 PT,    PT = mean over pairs of fake rows of cos^2(code, code)

The pulling-away term PT keeps the fake rows of a batch from having one code; without it the recipe is
EBGAN, with it EBGAN-PT. A code of two numbers reproduces every row of a plane: use images.

Source: Zhao, Mathieu, LeCun, "Energy-based generative adversarial network", 2017, arXiv:1609.03126,
    equations 1 and 2, and its pulling-away term.
Departs: the energy is the mean of squares, not the norm; m is in that unit. z is normal.
"""

from ...adversarial import GAN, Reconstruction
from ...core import Model, Pixels
from ...functional.adversarial.objectives import EnergyMargin
from ...functional.adversarial.penalties import Penalty, pulling_away
from ...nn import ConvDecoder, ConvEncoder
from ...train import Run, adam
from .._fitted import fitted, loaded

RUN = Run(rounds=4000, batch=64, lr=1e-3, ema=0.999)


def ebgan(
    data: str = "digits",
    margin: float = 0.05,
    weight: float = 0.1,
    latent: int = 16,
    code: int = 16,
    width: int = 16,
    run: Run = RUN,
) -> Model:
    """EBGAN on digits; target: all ten classes, which the game loses without the pulling-away term.

    Args:
        data: name or path of a data set of images.
        margin: energy up to which generated rows are pushed, above 0; pixels are in [-1, 1].
        weight: weight of the pulling-away term, at least 0; 0 leaves it out.
        latent: dimension of z.
        code: dimension of the critic's code, well below the number of values in an image.
        width: channels of the networks at the full size of the image.
        run: length, folder and device of the run.
    """
    source, space = loaded("ebgan", data, run, Pixels, axes="channels, height, width")
    channels, height, breadth = space.shape
    shape = (channels, height, breadth)
    critic = Reconstruction(ConvEncoder(shape, code, width), ConvDecoder(code, shape, width))
    pull = (Penalty(pulling_away, weight, player="generator"),) if weight else ()
    model = GAN(
        space, ConvDecoder(latent, shape, width), critic, latent, EnergyMargin(margin), pull
    )
    return fitted(model, source, run, adam(run.lr, betas=(0.5, 0.999)))
