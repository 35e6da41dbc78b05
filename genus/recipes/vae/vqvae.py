"""A VQ-VAE, and then a prior of its codes."""

from collections.abc import Mapping
from typing import Literal, get_args

from ...autoregressive import MADE, Transformer
from ...core import Bits, GenerativeModel, Model, Pixels, Reals, Refused, Tokens
from ...data import Data
from ...errors import RefusedType
from ...measure import scores
from ...train import Run
from ...vae import VQVAE
from .._fitted import Evaluate, fitted, loaded
from .._stages import after, in_two

Prior = Literal["made", "transformer"]
HEADS = 4  # of each attention of a transformer
RUN = Run(rounds=1500, batch=128, lr=2e-3, evaluate_every=100)
ENOUGH = 1000  # rows at whose vectors the codebook begins, and whose codes are counted


def vqvae(
    data: str = "digits",
    second: float = 0.2,
    vocabulary: int = 64,
    size: int = 16,
    width: int = 32,
    halvings: int = 2,
    prior: Prior = "made",
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
        prior: what learns the codes: "made", which is fast, or "transformer", for grids of many places.
        hidden: widths of the prior's hidden layers; of a transformer's blocks, which are all of one width.
        dropout: share of the prior's hidden units set to zero in a round: there are few digits.
        run: length, folder and device of the run; the autoencoder's is saved in its folder `autoencoder`.
    """
    _prior_of(
        prior, Tokens(vocabulary, 1), hidden, dropout
    )  # refused before the autoencoder learns
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
    learner = _prior_of(prior, model.code_space, hidden, dropout)
    return fitted(autoencoder.with_prior(learner), source, after(run, begun))


def _prior_of(
    prior: Prior, space: Tokens, hidden: tuple[int, ...], dropout: float
) -> GenerativeModel:
    """The model of codes that a name stands for."""
    match prior:
        case "made":
            return MADE(space, hidden, dropout=dropout)
        case "transformer":
            if len(set(hidden)) != 1:
                raise Refused(
                    f"vqvae: hidden is {hidden}; one width for all blocks is wanted, such as (128, 128)"
                )
            return Transformer(space, hidden[0], len(hidden), HEADS, dropout)
    wanted = " or ".join(get_args(Prior))
    raise Refused(f"vqvae: prior is {prior!r}; {wanted} is wanted")


def _with_perplexity(source: Data) -> Evaluate:
    """The scores of the validation split, and how many of the codes its pictures use."""
    scored, rows = scores(source.validation), source.validation.first(ENOUGH)[0]

    def figures(model: Model) -> Mapping[str, float]:
        x = rows.to(next(model.parameters()).device)
        used = {"perplexity": model.perplexity(x)} if isinstance(model, VQVAE) else {}
        return {**scored(model), **used}

    return figures
