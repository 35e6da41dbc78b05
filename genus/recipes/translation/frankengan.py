"""FrankenGAN on pictures that come in stages."""

from ...core import Model, Pixels, Refused, Space
from ...data import Data
from ...train import Run, adam
from ...translation import BicycleGAN, FrankenGAN
from .._fitted import context_of, fitted, loaded

RUN = Run(rounds=1000, batch=32, lr=1e-3, ema=0.999)


def frankengan(
    data: str = "digits_stages",
    channels: tuple[int, ...] = (),
    latent: int = 8,
    width: int = 32,
    conditional: bool = False,
    run: Run = RUN,
) -> Model:
    """FrankenGAN from 2 x 2 blocks to 4 x 4 to digits; target: styles that agree as in the data.

    Styles are read from both stages of samples that are drawn around training rows: their first canonical correlation
    should be at least 0.7, as that of true digits.

    Args:
        data: name or path of a data set whose x stacks the pictures of all stages along the channels, given the
            first question; images alone are stacked above their means over blocks, given those of larger blocks.
        channels: channels of the picture of each stage; by default each has as many as the question.
        latent: dimension of the style of each stage.
        width: channels of the first layer of all networks.
        conditional: whether critics see the question beside the answer.
        run: length, folder and device of the run.
    """
    source, space = loaded("frankengan", data, run, Pixels, view=staged)
    asked = given = context_of("frankengan", source, Space, "digits_stages")
    stages = list[BicycleGAN]()
    for count in channels or _alike(space, given):
        answer = Pixels((count, *space.shape[1:]), space.levels)
        stages.append(BicycleGAN(answer, asked, latent, width, conditional=conditional))
        asked = answer
    model = FrankenGAN(stages)
    if model.space != space:
        raise Refused(
            f"frankengan on {data}: channels are {channels}; {space.shape[0]} together are wanted"
        )
    optimizers = adam(run.lr, betas=(0.5, 0.999))
    return fitted(model, source, run, optimizers, schedule=None)


def staged(source: Data) -> Data:
    """Stages as they are; other images stacked above their means over blocks of 2 x 2 pixels."""
    return source.staged() if source.context_space is None else source


def _alike(space: Space, given: Space) -> list[int]:
    """The channels of stages that have as many as the question."""
    each, total = given.shape[0], space.shape[0]
    if total % each:
        raise Refused(
            f"frankengan: x has {total} channels and the question {each}; how many has each stage? "
            f"give channels"
        )
    return [each] * (total // each)
