"""VAE: a latent normal, a decoder, and an encoder that guesses which z led to x.

To score x one would have to try every z. The encoder names the few that could have led to it, and
pays for its guess with the KL to the prior; what it leaves of log p(x) is a lower bound, tight where
the guess is the true posterior. Both networks climb that one bound.

    elbo(x) = E_q log p(x | z) - KL(q(z | x) || p(z))  <=  log p(x)
    loss    = -E_q log p(x | z) + beta KL

With beta above 1 the code is squeezed, and what is climbed is a looser bound.

Source: Kingma, Welling, "Auto-encoding variational Bayes", 2014, arXiv:1312.6114. beta: Higgins and others,
    "beta-VAE: learning basic visual concepts with a constrained variational framework", 2017.
Departs: as in `amortised`.
"""

from torch import Tensor, nn

from ..core import Losses, Space, at_least
from .amortised import Amortised
from .likelihoods import Likelihood


class VAE(Amortised):
    """A latent-variable model.

    Args:
        space, latent, encoder, decoder, likelihood, prior: as in `Amortised`.
        beta: factor on the KL in the loss, at least 0; 1 climbs the bound.
    """

    def __init__(
        self,
        space: Space,
        latent: int = 16,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        likelihood: Likelihood | None = None,
        prior: nn.Module | None = None,
        beta: float = 1.0,
    ):
        at_least(0, "VAE", beta=beta)
        super().__init__(space, latent, encoder, decoder, likelihood, prior)
        self.beta = beta

    def loss(self, x: Tensor) -> Losses:
        reconstruction, kl = self.terms(x)
        kl = kl.mean()
        return {
            "reconstruction": reconstruction.mean(),
            "kl": kl if self.beta == 1 else self.beta * kl,
        }
