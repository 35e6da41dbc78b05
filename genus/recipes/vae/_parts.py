"""Priors, guesses, likelihoods and penalties that the recipes of VAEs take by name."""

from typing import Literal, get_args

from torch import nn

from ...core import Pixels, Reals, Refused, Space
from ...data import Data
from ...flow import RealNVP
from ...vae import IAF, MMD, LogisticMixture, MixturePrior, TotalCorrelation, VampPrior
from ...vae.likelihoods import Likelihood, fitting
from ...vae.penalties import GuessPenalty

Prior = Literal["normal", "mixture", "vamp", "flow"]
Guess = Literal["normal", "iaf"]
Paid = Literal["nothing", "correlation", "mmd"]
COUPLINGS, WIDTH = 6, 128  # of a flow as prior, or as guess


def prior_of(
    who: str, prior: Prior, components: int, latent: int, source: Data, space: Space
) -> nn.Module | None:
    """The prior of z that a name stands for, whose inputs begin at training rows; None for N(0, I)."""
    match prior:
        case "normal":
            return None
        case "mixture":
            return MixturePrior(latent, components)
        case "vamp":
            vamp = VampPrior(space, components)
            vamp.begin_at(source.train.first(components)[0])
            return vamp
        case "flow":
            return RealNVP(Reals((latent,)), COUPLINGS, WIDTH)
    wanted = ", ".join(get_args(Prior))
    raise Refused(f"{who}: prior is {prior!r}; one of {wanted} is wanted")


def flow_of(who: str, guess: Guess, latent: int) -> IAF | None:
    """What bends the guess of z that a name stands for; None for a normal distribution."""
    if guess not in get_args(Guess):
        wanted = " or ".join(get_args(Guess))
        raise Refused(f"{who}: guess is {guess!r}; {wanted} is wanted")
    return IAF(latent, (2 * WIDTH,)) if guess == "iaf" else None


def likelihood_of(who: str, logistics: int, space: Space) -> Likelihood:
    """What a decoder's numbers mean: of pixels a mixture of so many logistics."""
    if logistics == 1:
        return fitting(space)
    if not isinstance(space, Pixels):
        raise Refused(
            f"{who}: logistics is {logistics}, the space is {space}; Pixels are wanted for a mixture"
        )
    return LogisticMixture(space.levels, logistics)


def penalty_of(who: str, penalty: Paid, weight: float) -> GuessPenalty | None:
    """What is paid beside the bound; None for nothing."""
    match penalty:
        case "nothing":
            return None
        case "correlation":
            return TotalCorrelation(weight)
        case "mmd":
            return MMD(weight)
    wanted = ", ".join(get_args(Paid))
    raise Refused(f"{who}: penalty is {penalty!r}; one of {wanted} is wanted")


def as_bits(source: Data) -> Data:
    """Data whose pixels are drawn as bits; others as they are."""
    return source.binarised() if isinstance(source.space, Pixels) else source
