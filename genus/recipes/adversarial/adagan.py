"""AdaGAN on vectors: weak GANs, boosted."""

import torch

from ...adversarial import GAN, AdaGAN
from ...core import Model, Reals
from ...data import load
from ...measure import scores
from ...nn import MLP
from ...show import picture
from ...train.fit import adam, fit
from ...train.run import Run
from ...train.schedules import cosine

RUN = Run(rounds=15_000, batch=256, lr=1e-3)


def adagan(
    data: str = "grid",
    components: int = 5,
    length: int = 3000,
    beta: float | None = None,
    latent: int | None = None,
    width: int = 128,
    run: Run = RUN,
) -> Model:
    """AdaGAN on a grid of 25 normals, of 5 GANs that find 14 each: all 25 found, of each 20 samples.

    Bagging holds 15 and 18 so firmly on two seeds (benchmarks/adagan.py). Boosting finds modes and
    cleans nothing: 0.36 and 0.42 of samples are within 3 sigma, less than of each GAN alone.

    Args:
        data: name or path of a data set of vectors.
        components: how many GANs the mixture has in the end.
        length: rounds for each of them; the last goes on for as long as the run does.
        beta: the share of each new GAN, in (0, 1); 1/t without, which makes the mixture uniform.
        latent: the size of z; by default that of x.
        width: features of the networks' three hidden layers.
        run: how long, where to, on what; the learning rate falls anew for each GAN.
    """
    torch.manual_seed(run.seed)
    source = load(data)
    space = source.space
    if not (isinstance(space, Reals) and len(space.shape) == 1):
        raise ValueError(f"adagan: {data} is of {space}; Reals((d,)) are wanted")
    latent, hidden = latent or space.dims, (width,) * 3
    judge = MLP(space.dims, 1, (width,) * 2, activation="relu")
    stages = (run.rounds or components * length) / length
    return fit(
        AdaGAN(
            GAN(
                space,
                MLP(latent, space.dims, hidden, activation="relu"),
                MLP(space.dims, 1, hidden, activation="relu"),
                latent,
            ),
            judge,
            components,
            length,
            beta,
        ),
        source.train,
        run,
        optimizers=adam(run.lr, betas=(0.5, 0.999)),
        schedule=lambda behind: cosine(stages * behind % 1),
        evaluate=scores(source.validation),
        picture=picture,
    )
