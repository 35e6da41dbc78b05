"""AdaGAN on vectors: weak GANs, boosted."""

from ...adversarial import GAN, AdaGAN
from ...core import Model, Reals
from ...nn import MLP
from ...train import Run, adam
from ...train.schedules import cosine
from .._fitted import fitted, loaded
from .._stages import rounds_within, settled

LENGTH = 3000
RUN = Run(rounds=15_000, batch=256, lr=1e-3)


def adagan(
    data: str = "grid",
    components: int = 5,
    length: int | None = None,
    beta: float | None = None,
    latent: int | None = None,
    width: int = 128,
    run: Run = RUN,
) -> Model:
    """AdaGAN on a grid of 25 normals, of 5 GANs; target: each mode found by 20 of 1,000 samples.

    Boosting finds modes and cleans nothing: samples are no nearer to the modes than those of each
    GAN alone (benchmarks/adversarial/adagan.py).

    Args:
        data: name or path of a data set of vectors.
        components: number of GANs in the finished mixture.
        length: rounds of training for each GAN, by default 3000, or an equal share of the minutes;
            the last one trains until the run ends.
        beta: weight of each new GAN in the mixture, in (0, 1); by default 1/t, a uniform mixture.
        latent: dimension of z; by default that of x.
        width: units of each of the networks' three hidden layers.
        run: length, folder and device of the run; the learning rate falls anew for each GAN.
    """
    source, space = loaded("adagan", data, run, Reals, axes="d")
    latent, hidden = latent or space.dims, (width,) * 3
    judge = MLP(space.dims, 1, (width,) * 2, activation="relu")
    model = AdaGAN(
        GAN(
            space,
            MLP(latent, space.dims, hidden, activation="relu"),
            MLP(space.dims, 1, hidden, activation="relu"),
            latent,
        ),
        judge,
        components,
        length or LENGTH,
        beta,
    )
    optimizers = adam(run.lr, betas=(0.5, 0.999))
    if length is None and run.rounds is None and run.minutes is not None:
        share = run.minutes / components
        model.rounds, run = settled(
            run, "stage", lambda: rounds_within(share, model, source, run, optimizers)
        )
    stages = (run.rounds or components * model.rounds) / model.rounds
    return fitted(model, source, run, optimizers, schedule=lambda at: cosine(stages * at % 1))
