"""ArtGAN: the critic tells the class, and draws each row again."""

from torch import nn

from ...adversarial import ArtGAN
from ...adversarial.given.artgan import RedrawingCritic
from ...core import Model
from ...nn import MLP, ConvDecoder
from ...train import Run, adam
from .._fitted import fitted
from ._given import begun, critic_of, image_of, steepness

RUN = Run(rounds=4000, batch=64, lr=1e-3, ema=0.999)


def artgan(
    data: str = "digits",
    redrawn: float = 1.0,
    weight: float = 1.0,
    latent: int = 32,
    width: int = 16,
    run: Run = RUN,
) -> Model:
    """ArtGAN on digits, given their classes; target: 95 % of samples are of the class asked for.

    Args:
        data: name or path of a data set of images or vectors with classes, or with labels that are asked for,
            as in portraits?context=smile,glasses: each combination is a class.
        redrawn: weight of what redrawing misses in both losses, at least 0.
        weight: weight of the penalty on the critic's slope at data (R1), at least 0.
        latent: dimension of z.
        width: width of the networks: channels at full size for images, an eighth of the units for vectors.
        run: length, folder and device of the run.
    """
    source, space, count, generator = begun("artgan", data, run, latent, width)
    hidden = 8 * width
    trunk = nn.Sequential(critic_of("artgan", space, hidden, width), nn.SiLU())
    shape = image_of(space)
    if shape is not None:
        drawing: nn.Module = ConvDecoder(hidden, shape, width)
    else:
        drawing = MLP(hidden, space.dims, (hidden,), activation="relu")
    critic = RedrawingCritic(trunk, nn.Linear(hidden, count), drawing)
    model = ArtGAN(space, count, generator, critic, latent, redrawn, steepness(weight))
    return fitted(model, source, run, adam(run.lr, (0.0, 0.99)))
