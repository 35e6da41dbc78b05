"""A VQ-VAE, and then a prior of its codes."""

from collections.abc import Mapping

from ...autoregressive import MADE
from ...core import Bits, Model, Pixels, Reals
from ...data import Data
from ...errors import RefusedType
from ...measure import scores
from ...train import Run
from ...vae import VQVAE
from .._fitted import Evaluate, fitted, loaded
from .._stages import after, in_two

RUN = Run(rounds=1500, batch=128, lr=2e-3, evaluate_every=100)
ENOUGH = 1000  # rows at whose vectors the codebook begins, and whose codes are counted


def vqvae(
    data: str = "digits",
    second: float = 0.2,
    vocabulary: int = 64,
    size: int = 16,
    width: int = 32,
    halvings: int = 2,
    hidden: tuple[int, ...] = (128,),
    dropout: float = 0.5,
    run: Run = RUN,
) -> Model:
    """VQ-VAE on digits; target: at most 2.1 bits per dimension by the bound, three quarters of codes used.

    Args:
        data: name or path of a data set of images.
        second: rounds of the prior over those of the run, which the autoencoder has, with a uniform prior;
            of minutes both have a share in this proportion.
        vocabulary: number of vectors in the codebook.
        size: the size of each.
        width: channels of the autoencoder's networks.
        halvings: number of times that the image's sides are halved, rounded up, for its grid of codes.
        hidden: widths of the hidden layers of the prior, a MADE.
        dropout: share of the prior's hidden units set to zero in a round: there are few digits.
        run: length, folder and device of the run; the autoencoder's is saved in its folder `autoencoder`.
    """
    before, run = in_two(run, "autoencoder", (1.0, second))
    axes = "channels, height, width"
    source, space = loaded("vqvae", data, before, Pixels, Bits, Reals, axes=axes)
    model = VQVAE(space, vocabulary, size, width, halvings)
    model.prepare(source.train.batch(0, ENOUGH, before.seed)[0])
    autoencoder = fitted(model, source, before, evaluate=_with_perplexity(source))
    begun = run.time()
    if not isinstance(autoencoder, VQVAE):
        raise RefusedType(f"vqvae: the autoencoder is a {type(autoencoder).__name__}")
    source, _ = loaded("vqvae", data, run, Pixels, Bits, Reals, axes=axes)
    prior = MADE(model.code_space, hidden, dropout=dropout)
    return fitted(autoencoder.with_prior(prior), source, after(run, begun))


def _with_perplexity(source: Data) -> Evaluate:
    """The scores of the validation split, and how many of the codes its pictures use."""
    scored, rows = scores(source.validation), source.validation.first(ENOUGH)[0]

    def figures(model: Model) -> Mapping[str, float]:
        x = rows.to(next(model.parameters()).device)
        used = {"perplexity": model.perplexity(x)} if isinstance(model, VQVAE) else {}
        return {**scored(model), **used}

    return figures
