"""GoGAN on vectors."""

from ...adversarial import GoGAN
from ...core import Model, Reals
from ...functional.adversarial.penalties import Penalty, one_sided_gradient_penalty
from ...measure import scores
from ...nn import MLP
from ...train import Run, adam
from .._fitted import fitted, loaded
from .._stages import rounds_within, settled

LENGTH = 2500
RUN = Run(rounds=7500, batch=256, lr=1e-3, ema=0.999)


def gogan(
    data: str = "grid",
    length: int | None = None,
    stages: int = 3,
    margin: float = 1.0,
    rank: float = 0.5,
    weight: float = 10.0,
    latent: int | None = None,
    width: int = 128,
    run: Run = RUN,
) -> Model:
    """GoGAN on a grid of 25 normals; target: all found, 0.9 of samples within 3 sigma.

    The gap falls from stage to stage, but not because of the ranking: the same rounds
    without it do at least as well (benchmarks/adversarial/gogan.py).

    The log's figures also hold `gap`, by how much the critic scores data above samples.

    Args:
        data: name or path of a data set of vectors.
        length: number of rounds in a stage, by default 2500, or an equal share of the minutes.
        stages: number of stages; the last one lasts until the run ends.
        margin: margin by which the critic must score data above samples, above 0.
        rank: weight of the ranking loss against the samples of the stage before, at least 0.
        weight: weight of the penalty on gradient norms above 1, at least 0.
        latent: dimension of z; by default that of x.
        width: units of each hidden layer of the networks.
        run: length, folder and device of the run.
    """
    source, space = loaded("gogan", data, run, Reals, axes="d")
    latent = latent or space.dims
    generator = MLP(latent, space.dims, (width,) * 3, activation="relu")
    critic = MLP(space.dims, 1, (width,) * 3, activation="relu")
    penalties = (Penalty(one_sided_gradient_penalty, weight),) if weight else ()
    look = scores(source.validation)
    (real,) = source.validation.batch(0, 2000, 0)

    def evaluate(model: Model) -> dict[str, float]:
        gap = model.gap(real.to(next(model.parameters()))) if isinstance(model, GoGAN) else 0.0
        return look(model) | {"gap": gap}

    model = GoGAN(
        space, generator, critic, latent, length or LENGTH, stages, margin, rank, penalties
    )
    optimizers = adam(run.lr, betas=(0.0, 0.99))
    if length is None and run.rounds is None and run.minutes is not None:
        share = run.minutes / stages
        model.length, run = settled(
            run, "stage", lambda: rounds_within(share, model, source, run, optimizers)
        )
    return fitted(model, source, run, optimizers, schedule=None, evaluate=evaluate)
