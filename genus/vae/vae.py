"""VAE: a latent normal, a decoder, and an encoder that guesses which z led to x.

To score x one would have to try every z. The encoder names the few that could have led to it, and
pays for its guess with the KL to the prior; what it leaves of log p(x) is a lower bound, tight where
the guess is the true posterior. Both networks climb that one bound.

    elbo(x) = E_q log p(x | z) - KL(q(z | x) || p(z))  <=  log p(x)
    loss    = -E_q log p(x | z) + beta KL

With beta above 1 the code is squeezed, and what is climbed is a looser bound. A unit of z that tells less than it
costs is given up early, and seldom comes back: warm-up lets the KL count little at first, and free bits leave each
unit some nats at no cost.

    free bits: loss = -E_q log p(x | z) + beta sum_i max(free, KL_i),    KL_i the mean over the batch
    penalty:   loss + weight * what all guesses of a batch cost together, as `penalties` says

Source: Kingma, Welling, "Auto-encoding variational Bayes", 2014, arXiv:1312.6114. beta: Higgins and others,
    "beta-VAE: learning basic visual concepts with a constrained variational framework", 2017. Warm-up: Sønderby
    and others, "Ladder variational autoencoders", 2016, arXiv:1602.02282. Free bits: Kingma and others, "Improving
    variational inference with inverse autoregressive flow", 2016, arXiv:1606.04934, equation 15.
Departs: as in `amortised`; each unit is a group of its own for free bits.
"""

from torch import Tensor, nn

from ..core import Losses, Player, Refused, Space, at_least
from .amortised import Amortised, kl_of_units
from .likelihoods import Likelihood
from .penalties import GuessPenalty
from .warmup import WarmUp


class VAE(Amortised):
    """A latent-variable model.

    Args:
        space, latent, encoder, decoder, likelihood, prior, flow: as in `Amortised`.
        beta: factor on the KL in the loss, at least 0; 1 climbs the bound.
        free: nats of each unit of z that cost nothing; only with the prior N(0, I), and without a flow.
        warm_up: rounds until the KL has its full weight; 0 gives it from the first round on.
        penalty: what is paid beside the bound, such as `TotalCorrelation`, `MMD`, or anything that is a
            `GuessPenalty`; nothing if none is given.
    """

    def __init__(
        self,
        space: Space,
        latent: int = 16,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        likelihood: Likelihood | None = None,
        prior: nn.Module | None = None,
        flow: nn.Module | None = None,
        beta: float = 1.0,
        free: float = 0.0,
        warm_up: int = 0,
        penalty: GuessPenalty | None = None,
    ):
        at_least(0, "VAE", beta=beta, free=free, warm_up=warm_up)
        super().__init__(space, latent, encoder, decoder, likelihood, prior, flow)
        if free and not self.plain:
            raise Refused(
                f"VAE: free is {free}; units have a KL of their own only with the prior N(0, I) and without "
                f"a flow: leave free out, and use warm_up"
            )
        if penalty is not None and penalty.normal and flow is not None:
            raise Refused(
                f"VAE: the penalty is {type(penalty).__name__}, which wants normal guesses, and the flow bends "
                f"them: leave one of them out"
            )
        self.beta, self.free, self.warm_up, self.penalty = beta, free, warm_up, penalty
        self.warming = WarmUp(warm_up)

    def loss(self, x: Tensor) -> Losses:
        """Reconstruction, the KL with its weight, and the penalty with its own."""
        if self.free or self.penalty is not None:
            return self._loss_of_guesses(x)
        reconstruction, kl = self.terms(x)
        return {"reconstruction": reconstruction.mean(), "kl": self._weighed(kl.mean())}

    def _loss_of_guesses(self, x: Tensor) -> Losses:
        """The loss where units, or all rows together, have a part of their own."""
        guess = self.guess(x)
        z, log_q = self.draw(guess)
        if self.plain:
            units = kl_of_units(guess.mean, guess.log_std).mean(0)
            kl = units.clamp(min=self.free).sum()
        else:
            kl = (log_q - self.log_prior(z)).mean()
        reconstruction = -self.likelihood.log_prob(x, self.numbers(z))
        parts = {"reconstruction": reconstruction.mean(), "kl": self._weighed(kl)}
        if self.penalty is not None:
            cost = self.penalty.of(z, guess.mean, guess.log_std, self.draw_prior(len(x)))
            parts[self.penalty.name] = self.penalty.weight * cost
        return parts

    def _weighed(self, kl: Tensor) -> Tensor:
        """The KL by warm-up and beta."""
        if self.warm_up:
            kl = self.warming.share(kl) * kl
        return kl if self.beta == 1 else self.beta * kl

    def players(self) -> dict[str, Player]:
        """The model alone, which counts its rounds while they change the loss."""
        after = self.warming.count if self.warm_up else None
        return {"model": Player([self], self.loss, after=after)}
