"""BEGAN on images."""

from ...adversarial import BEGAN, Reconstruction
from ...core import Model, Pixels
from ...measure import scores
from ...nn import ConvDecoder, ConvEncoder
from ...train import Run, adam
from .._fitted import fitted, loaded

RUN = Run(rounds=4000, batch=64, lr=3e-4, ema=0.999)


def began(
    data: str = "digits",
    gamma: float = 0.9,
    rate: float = 0.3,
    latent: int = 32,
    code: int = 8,
    width: int = 16,
    run: Run = RUN,
) -> Model:
    """BEGAN on digits; target: all ten classes, which a lower gamma trades for sharpness.

    The balance is one of means, and a generator can reach a low gamma with only those images that
    the autoencoder reconstructs best (benchmarks/adversarial/began.py).

    The log's figures also hold `convergence`, the paper's M, of the round before they were taken.

    Args:
        data: name or path of a data set of images.
        gamma: error of fake rows over that of data, in (0, 1]: low for clean samples, high for
            various ones.
        rate: step size of the controller, above 0; the paper's 0.001 is meant for a hundred times
            as many rounds.
        latent: dimension of z.
        code: dimension of the critic's code, well below the number of values in an image.
        width: channels of the networks at the full size of the image.
        run: length, folder and device of the run.
    """
    source, space = loaded("began", data, run, Pixels, axes="channels, height, width")
    channels, height, breadth = space.shape
    shape = (channels, height, breadth)
    critic = Reconstruction(ConvEncoder(shape, code, width), ConvDecoder(code, shape, width), 1)
    look = scores(source.validation)

    def evaluate(model: Model) -> dict[str, float]:
        return look(model) | {"convergence": float(model.get_buffer("convergence"))}

    model = BEGAN(space, ConvDecoder(latent, shape, width), critic, latent, gamma, rate)
    return fitted(model, source, run, adam(run.lr, betas=(0.5, 0.999)), evaluate=evaluate)
