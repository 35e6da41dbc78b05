"""A conditional GAN: both networks are told the class."""

from typing import Literal, get_args

from ...adversarial import GAN
from ...adversarial.nets.given import BesideCritic, ProjectionCritic
from ...core import Model, Refused
from ...functional.adversarial.objectives import OBJECTIVES
from ...train import Run, adam
from .._fitted import fitted, loaded
from ._given import critic_of, generator_of, steepness, told_of, with_labels

RUN = Run(rounds=4000, batch=64, lr=1e-3, ema=0.999)
Form = Literal["projection", "beside"]


def cgan(
    data: str = "digits",
    form: Form = "projection",
    objective: str = "non_saturating",
    weight: float = 1.0,
    latent: int = 32,
    width: int = 16,
    run: Run = RUN,
) -> Model:
    """GAN on digits, given their classes; target: 95 % of samples are of the class asked for.

    Args:
        data: name or path of a data set of images or vectors with classes, or with labels that are asked for,
            as in portraits?context=smile,glasses.
        form: how the critic is told the class: "projection", or "beside" the row.
        objective: name of an objective in `genus.functional.adversarial.OBJECTIVES`.
        weight: weight of the penalty on the critic's slope at data (R1), at least 0.
        latent: dimension of z.
        width: width of the networks: channels at full size for images, an eighth of the units for vectors.
        run: length, folder and device of the run.
    """
    if objective not in OBJECTIVES:
        wanted = ", ".join(OBJECTIVES)
        raise Refused(f"cgan: objective is {objective!r}; one of {wanted} is wanted")
    source, space = loaded("cgan", data, run, view=with_labels)
    told = told_of("cgan", source)
    generator = generator_of("cgan", space, told, latent, width)
    match form:
        case "projection":
            trunk = critic_of("cgan", space, 8 * width, width)
            critic = ProjectionCritic(trunk, 8 * width, told.embed(), told.numbers)
        case "beside":
            critic = BesideCritic(critic_of("cgan", space, 1, width, told.numbers), told.embed())
        case _:
            wanted = " or ".join(get_args(Form))
            raise Refused(f"cgan: form is {form!r}; {wanted} is wanted")
    model = GAN(
        space,
        generator,
        critic,
        latent,
        OBJECTIVES[objective],
        steepness(weight),
        context_space=told.space,
    )
    return fitted(model, source, run, adam(run.lr, (0.0, 0.99)))
