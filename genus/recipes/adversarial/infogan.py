"""InfoGAN on rows of any shape, or by convolutions on images: a code that is a class, and some that are numbers."""

from typing import cast

from torch import nn

from ...adversarial import DCGANCritic, DCGANGenerator, InfoGAN, NoisyMLP
from ...core import Model, Pixels, Reals, require_images
from ...errors import Refused
from ...measure import scores
from ...nn import MLP
from ...train import Run, adam
from .._fitted import fitted, loaded
from ._classes import error_of

RUN = Run(rounds=3000, batch=128, lr=1e-3, ema=0.99, evaluate_every=500)
DRAWS = 1000  # of codes, by which their information is estimated


def infogan(
    data: str = "digits",
    codes: int = 10,
    continuous: int = 2,
    weight: float = 1.0,
    continuous_weight: float = 1.0,
    learnt_std: bool = False,
    noise: float = 0.5,
    hidden_noise: float = 0.5,
    latent: int = 16,
    width: int = 256,
    coarsest: int = 0,
    norm: str = "layer",
    run: Run = RUN,
) -> Model:
    """InfoGAN on digits; target: the code finds 55 % of their classes, of which it is told nothing.

    Critic and recogniser see rows through noise. Without it codes are found as well, but are less often classes: what
    noise is meant to favour is a division whose boundaries lie where there are few rows.

    The log's figures also hold `information`, a bound of what rows tell of their codes, nats, and where data have
    classes `error`, the share of validation rows that are not of the class of most rows with their code.

    Args:
        data: name or path of a data set of images or vectors; rows are seen as vectors.
        codes: number of classes of the code that is a class, at least 2.
        continuous: number of codes that are real numbers in [-1, 1], at least 0.
        weight: weight of finding the class again, at least 0.
        continuous_weight: weight of finding the real numbers again, at least 0; with 0.1 they stay unused here.
        learnt_std: whether the recogniser says how sure it is of each real number.
        noise: standard deviation of the noise on what the critic sees, in training.
        hidden_noise: standard deviation of the noise on its hidden layer.
        latent: dimension of z, the noise that is no code.
        width: units of the hidden layers: two of the generator, one of the trunk, which has half as many features.
            Of convolutions, their channels next to the image; these double at each halving of its size.
        coarsest: shortest side, in pixels, of the smallest map of convolutions; 0 takes perceptrons.
        norm: of convolutions, the norm of the critic's hidden layers: running, layer, instance or none.
        run: length, folder and device of the run; critic and recogniser have half the learning rate.
    """
    source, space = loaded("infogan", data, run, Pixels, Reals)
    size, numbers = latent + codes + continuous, codes + (1 + learnt_std) * continuous
    if norm == "batch":
        raise Refused(
            "infogan: norm is batch, by which codes of a row would depend on its batch; running, layer, instance or "
            "none is wanted"
        )
    if coarsest:
        features = 16 * width
        shape = require_images(space, "infogan", least=2 * coarsest).shape
        generator: nn.Module = DCGANGenerator(size, shape, width, coarsest)
        trunk: nn.Module = DCGANCritic(shape, width, coarsest, norm, outputs=features)
    else:
        features = width // 2
        trunk = NoisyMLP(space.dims, features, (width,), noise, hidden_noise)
        generator = MLP(size, space.dims, (width, width), activation="relu")
    model = InfoGAN(
        space,
        generator,
        nn.Sequential(trunk, nn.LeakyReLU(0.2)),
        nn.Linear(features, 1),
        MLP(features, numbers, (features,), activation="leaky_relu"),
        latent,
        (codes,),
        continuous,
        weight,
        continuous_weight,
        learnt_std=learnt_std,
    )
    look = scores(source.validation)
    found = None
    if source.classes:
        labelled = source.labelled().validation
        found = error_of(labelled, lambda m, x: cast(InfoGAN, m).codes(x).classes[0], by_code=True)

    def evaluate(model: Model) -> dict[str, float]:
        information = cast(InfoGAN, model).information(DRAWS).item()
        figures = {**look(model), "information": information}
        return {**figures, **(found(model) if found else {})}

    rates = {"critic": run.lr / 2, "generator": run.lr}
    return fitted(model, source, run, adam(rates, (0.5, 0.99)), evaluate=evaluate)
