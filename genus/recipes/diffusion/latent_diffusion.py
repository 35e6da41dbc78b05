"""Latent diffusion: a variational autoencoder of images, and then a diffusion of its z."""

from dataclasses import replace

from ...core import Model, Reals
from ...diffusion import DDIM, Diffusion, LatentDiffusion, TimeMLP
from ...train import Run
from ...train.schedules import cosine, warmed
from .._fitted import fitted, loaded
from .._stages import after, in_two
from ..vae.vae import RUN as FIRST
from ..vae.vae import vae

RUN = Run(rounds=4000, batch=256, lr=2e-3, ema=0.995)
SCHEDULE = warmed(cosine)
ENOUGH = 10_000  # rows to measure the scale of z with


def latent_diffusion(
    data: str = "digits",
    first: float = 0.75,
    latent: int = 8,
    width: int = 128,
    blocks: int = 3,
    evaluations: int = 50,
    eta: float = 0.0,
    run: Run = RUN,
) -> Model:
    """Latent diffusion on digits; target: at most 3 times the Frechet floor, far below the VAE's.

    Args:
        data: name or path of a data set of images.
        first: rounds of the autoencoder, by the recipe `vae`, over those of the run; of minutes
            both have a share in this proportion.
        latent: dimension of z.
        width: units of the diffusion model's network.
        blocks: number of residual blocks of the diffusion model's network.
        evaluations: number of evaluations of the diffusion model's network for a sample.
        eta: noise that sampling adds, from 0, none, to 1, as much as the noise process has.
        run: length, folder and device of the run of the diffusion model; the autoencoder's is saved
            in its folder `autoencoder`.
    """
    before, run = in_two(run, "autoencoder", (first, 1.0))
    autoencoder = vae(data, latent, run=_autoencoder(before))
    begun = run.time()
    source, _ = loaded("latent_diffusion", data, run)
    net = TimeMLP(latent, width, blocks)
    diffusion = Diffusion(net, Reals((latent,)), sampler=DDIM(evaluations, eta))
    model = LatentDiffusion(autoencoder, diffusion)  # pyright: ignore[reportArgumentType]
    model.prepare(source.train.batch(0, ENOUGH, run.seed)[0].to(next(autoencoder.parameters())))
    return fitted(model, source, after(run, begun), schedule=SCHEDULE)


def _autoencoder(run: Run) -> Run:
    """The run of the recipe `vae` in the place of a run."""
    names = ("rounds", "minutes", "seed", "device", "progress", "out", "resume", "accept_change")
    return replace(FIRST, **{name: getattr(run, name) for name in names})
