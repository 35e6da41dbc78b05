"""The GAN kit: perceptrons on vectors, convolutions on images; objective, penalties, tricks by name."""

import torch

from ...adversarial import GAN
from ...adversarial.nets.augment import AdaptiveAugment, DiffAugment
from ...adversarial.views import InstanceNoise, View, Views
from ...core import Model, Pixels, Reals, Refused, Space
from ...functional.adversarial.objectives import OBJECTIVES, TopK
from ...functional.adversarial.penalties import OF_THE_GENERATOR, PENALTIES, Penalty
from ...nn import MLP, ConvDecoder, ConvEncoder
from ...train import Run, adam
from .._fitted import fitted, loaded

RUN = Run(rounds=6000, batch=256, lr=2e-3, ema=0.999)
AUGMENT = {"diff": DiffAugment, "adaptive": AdaptiveAugment}


def gan(
    data: str = "ring",
    objective: str = "non_saturating",
    penalty: str = "r1",
    weight: float = 0.3,
    every: int = 1,
    critic_rounds: int = 1,
    critic_lr: float | None = None,
    bound: float | None = None,
    packing: int = 1,
    noise: float = 0.0,
    augment: str | None = None,
    history: float = 0.0,
    top: float = 1.0,
    fade: int = 2000,
    latent: int | None = None,
    width: int | None = None,
    run: Run = RUN,
) -> Model:
    """GAN on a ring of 8 normals; target: all found, 0.95 of samples within 3 sigma.

    That figure does not depend on the width of a bump; the figure `width` does.

    Args:
        data: name or path of a data set of vectors or images.
        objective: name of an objective in `genus.functional.adversarial.OBJECTIVES`, such as minimax,
            non_saturating, least_squares, wasserstein, hinge, relativistic. kl and neyman have
            exponentials of scores, and may overflow: a smaller lr, or clip, helps.
        penalty: name in `genus.functional.adversarial.PENALTIES`, such as r1, or several, as in
            r1+r2; wasserstein wants gradient_penalty, or bound.
        weight: weight of each penalty, at least 0; 0 leaves them out.
        every: number of rounds between two penalties, each weighted by that number.
        critic_rounds: number of rounds of the critic for each one of the generator.
        critic_lr: learning rate of the critic; by default that of the generator.
        bound: largest absolute value of a weight of the critic; larger ones are clipped.
        packing: number of rows that the critic sees as one; it must divide the batch.
        noise: initial standard deviation of the noise added to real and fake rows; it falls to 0.
        augment: random augmentation of the images that the critic sees: diff or adaptive.
        history: weight of the distance between each player's weights and their running mean.
        top: final share of the fake rows, the best scored ones, that the generator learns from.
        fade: number of rounds in which `noise` falls to 0, and the share of fake rows from 1 to `top`.
        latent: dimension of z; by default that of x, 32 at most.
        width: width of the networks: channels at full size for images, units for vectors; by default
            16 and 128.
        run: length, folder and device of the run.
    """
    for kind, name, known in (
        ("objective", objective, OBJECTIVES),
        *(("penalty", one, PENALTIES) for one in penalty.split("+")),
        *([("augment", augment, AUGMENT)] if augment else []),
    ):
        if name not in known:
            raise Refused(f"gan: {kind} is {name!r}; one of {', '.join(known)} is wanted")
    source, space = loaded("gan", data, run)
    latent = latent or min(space.dims, 32)
    generator, critic = networks(space, latent, width, packing)
    views: list[View] = [AUGMENT[augment]()] if augment else []
    views += [InstanceNoise(noise, fade)] if noise else []
    terms = [named(name, weight, every) for name in penalty.split("+")] if weight else []
    model = GAN(
        space,
        generator,
        critic,
        latent,
        OBJECTIVES[objective],
        terms,
        critic_rounds,
        packing=packing,
        view=Views(views) if views else None,
        bound=bound,
        history=history,
        top=TopK(top, fade) if top < 1 else None,
    )
    rates = {"critic": critic_lr or run.lr, "generator": run.lr}
    lazy = {term.player: every for term in terms if every > 1}
    return fitted(model, source, run, adam(rates, (0.0, 0.99), lazy))


def named(name: str, weight: float, every: int) -> Penalty:
    """The penalty of a name, for the player whose loss contains it."""
    function = PENALTIES[name]
    return Penalty(
        function, weight, every, "generator" if function in OF_THE_GENERATOR else "critic"
    )


def networks(
    space: Space, latent: int, width: int | None, packing: int = 1
) -> tuple[torch.nn.Module, torch.nn.Module]:
    """A generator and a critic that fit a space."""
    if isinstance(space, Pixels) and len(space.shape) == 3:
        channels, height, breadth = space.shape
        width = width or 16
        generator = ConvDecoder(latent, (channels, height, breadth), width)
        return generator, ConvEncoder((packing * channels, height, breadth), 1, width)
    if isinstance(space, Reals) and len(space.shape) == 1:
        hidden = (width or 128,) * 3  # with kinks, for separate bumps want steep maps
        generator = MLP(latent, space.dims, hidden, activation="relu")
        return generator, MLP(packing * space.dims, 1, hidden, activation="relu")
    raise Refused(f"gan: the data are of {space}; Reals((d,)) or pixels of images are wanted")
