"""IWAE: a VAE that climbs a tighter bound, by several guesses of z for each x.

The mean of k weights is nearer to p(x) than one, so its logarithm loses less by Jensen's inequality; the bound
rises with k to log p(x). A guess that is bad then costs little, while the best one counts: the encoder may spread.

    L_k(x) = E log (1/k) sum_i w_i,     w_i = p(x, z_i) / q(z_i | x),  z_i = m + s eps_i
    dL_k   = sum_i v_i d log w_i,       v_i = w_i / sum_j w_j

The more draws there are, the less of the gradient of the encoder is left beside its noise. Of d log w_i the part
that only moves q has the mean 0, and is itself a score, which can be written by paths once more: then the encoder
hears the way through z alone, by v_i^2.

    d_phi L_k = sum_i v_i^2 (d log w_i / d z_i) (d z_i / d phi)

Source: Burda, Grosse, Salakhutdinov, "Importance weighted autoencoders", 2016, arXiv:1509.00519, equations 8 and 13;
    Tucker, Lawson, Gu, Maddison, "Doubly reparameterized gradient estimators for Monte Carlo objectives", 2019,
    arXiv:1810.04152, equation 8. That the gradient drowns: Rainforth and others, "Tighter variational bounds are
    not necessarily better", 2018, arXiv:1802.04537.
Departs: as in `amortised`; one layer of latents.
"""

import math

from torch import Tensor, nn

from ..core import Losses, Refused, Space, at_least
from ..functional.densities.densities import log_normal
from .amortised import Amortised
from .likelihoods import Likelihood


class IWAE(Amortised):
    """A latent-variable model.

    Args:
        space, latent, encoder, decoder, likelihood, prior, flow: as in `Amortised`.
        k: number of draws of z for each x in the loss.
        doubly: whether the encoder's gradient is the doubly reparameterised one; not with a flow.
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
        k: int = 5,
        doubly: bool = True,
    ):
        at_least(1, "IWAE", k=k)
        super().__init__(space, latent, encoder, decoder, likelihood, prior, flow)
        if doubly and flow is not None:
            raise Refused(
                "IWAE: doubly is True and a flow is given, whose density is known at its own draws only: "
                "set doubly to False"
            )
        self.k, self.doubly = k, doubly

    def loss(self, x: Tensor) -> Losses:
        log_w = self._log_weights_by_paths(x) if self.doubly else self.log_weights(x, k=self.k)
        return {"bound": (math.log(self.k) - log_w.logsumexp(0)).mean()}

    def elbo(self, x: Tensor) -> Tensor:
        """L_k, the bound that is climbed, from k draws of z, (n,) nats."""
        return self.log_weights(x, k=self.k).logsumexp(0) - math.log(self.k)

    def _log_weights_by_paths(self, x: Tensor) -> Tensor:
        """`log_weights`, whose gradient reaches the encoder through z alone, by the squares of the shares."""
        guess = self.guess(x).repeated(self.k)
        z = guess.noisy()
        log_q = log_normal(z, guess.mean.detach(), guess.log_std.detach())
        rows = x.repeat(self.k, *[1] * (x.dim() - 1))
        joint = self.likelihood.log_prob(rows, self.numbers(z)) + self.log_prior(z)
        log_w = (joint - log_q).unflatten(0, (self.k, len(x)))
        if z.requires_grad:
            share = log_w.detach().softmax(0).flatten()[:, None]
            z.register_hook(lambda slope: share * slope)
        return log_w
