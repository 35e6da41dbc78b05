"""Hierarchical implicit model: the posterior of a simulator, whose likelihood nobody can compute.

A simulator says how data come about, and its parameters mean something: rates of growth, forces, ages. What is
asked is which parameters fit the data. All that a simulator can do is to draw; so a critic learns to tell its draws
from the data, beside what is guessed to lie behind them. The critic's best score is the logarithm of a ratio of
densities, the very one that stands in the variational bound, and the guess climbs it.

    p(x, z, beta)      = p(beta) prod_n p(z_n | beta) p(x_n | z_n, beta)
    x_n                = g(z_n, eps_n | beta)                                         the simulator
    q(z, beta | x)     = q(beta) prod_n q(z_n | x_n, beta)                            the guess
    z_n                = f(x_n, beta, eps_n)                                          may be implicit too
    r*(x, z, beta)     = log p(x, z | beta) - log (q(x) q(z | x, beta)),              q(x) is that of the data
    critic minimises   E_p(x,z|beta) sp(-r) + E_q(x)q(z|x,beta) sp(r),                least at r = r*
    guess maximises    E_q(beta) [log p(beta) - log q(beta)] + sum_n E_q r(x_n, z_n, beta)

with beta ~ q(beta) in all expectations, and sp(a) = log(1 + e^a). Up to the entropy of q(x), which no guess can
change, the last line is the evidence lower bound. It is divided by N here, so that it is in nats a row.

There are three ways to use it:

    beta and z    N rows that share parameters, each with a latent of its own
    beta alone    N rows that share parameters: the posterior of one data set
    z alone       each row is a data set by itself, and z its parameters; trained on rows x that the simulator
                  draws from the prior, f knows the posterior of any of them (it is amortised), and
                  what it minimises is E_p(x) KL(q(z | x) || p(z | x))

It is sometimes listed as "Bayesian GAN", since the paper also has a generator whose weights are beta. `BayesianGAN`
is another model: there the critic's score itself is the likelihood, and weights are drawn by a Markov chain.

Source: Tran, Ranganath, Blei, "Hierarchical implicit models and likelihood-free variational inference", 2017,
    arXiv:1702.08896, sections 2 and 3; the two losses are also those of the authors' library Edward (ImplicitKLqp,
    github.com/blei-lab/edward).
Departs: each row of a batch has its own draw of beta, where the paper draws one for all: the same mean, and less
    noise. Of the ratio's losses there is the log loss, and not the hinge loss. A simulator has nothing to learn.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn

from ...core import (
    Bits,
    GenerativeModel,
    Losses,
    Pixels,
    Player,
    Reals,
    Refused,
    Space,
    at_least,
    require,
)
from ...functional.adversarial.objectives import logistic_critic
from ...functional.adversarial.sides import Sides, sides
from ...functional.densities.densities import log_multivariate_normal, log_normal

Simulator = Callable[[Tensor], "Tensor | tuple[Tensor, Tensor]"]


class BetaPrior(Protocol):
    """What a prior of beta has to give."""

    def log_prob(self, x: Tensor, /) -> Tensor: ...


class BetaGuess(BetaPrior, Protocol):
    """What q(beta) has to give."""

    def rsample(self, n: int, /) -> Tensor: ...


class ImplicitDeal(NamedTuple):
    """What each loss is given, as many rows of each."""

    x: Tensor  # of the data
    z: Tensor  # of the guess q(z | x, beta), (n, latent)
    beta: Tensor  # of the guess q(beta), (n, shared)
    drawn_x: Tensor  # of the simulator, given the same beta
    drawn_z: Tensor  # (n, latent)


class FullNormal(nn.Module):
    """N(m, L L'), which learns both: a guess of parameters that knows how they hang together. It begins at N(0, I).

    Args:
        size: number of parameters.
    """

    def __init__(self, size: int):
        super().__init__()
        at_least(1, "FullNormal", size=size)
        self.size = size
        self.mean = nn.Parameter(torch.zeros(size))
        self.log_diagonal = nn.Parameter(torch.zeros(size))
        self.below = nn.Parameter(torch.zeros(size, size))

    @property
    def scale(self) -> Tensor:
        """L, lower triangular, (size, size)."""
        return self.below.tril(-1) + self.log_diagonal.exp().diag()

    def log_prob(self, beta: Tensor) -> Tensor:
        """(n,) nats, of (n, size)."""
        return log_multivariate_normal(beta, self.mean, self.scale)

    def rsample(self, n: int) -> Tensor:
        """Draws through which gradients flow, (n, size)."""
        return self.mean + self.mean.new_empty(n, self.size).normal_() @ self.scale.T


class NetworkSimulator(nn.Module):
    """A network as a simulator: x = g(beta, z, eps), with z and eps standard normal.

    Args:
        network: rows of beta, z and eps side by side, (n, shared + latent + noise), to x.
        latent: size of z, at least 1.
        noise: size of eps.
    """

    def __init__(self, network: nn.Module, latent: int, noise: int = 0):
        super().__init__()
        at_least(1, "NetworkSimulator", latent=latent)
        at_least(0, "NetworkSimulator", noise=noise)
        self.network, self.latent, self.noise = network, latent, noise

    def forward(self, beta: Tensor) -> tuple[Tensor, Tensor]:
        """x and z, of n rows each."""
        own = beta.new_empty(len(beta), self.latent + self.noise).normal_()
        return self.network(torch.cat([beta, own], 1)), own[:, : self.latent]


class HierarchicalImplicitModel(GenerativeModel):
    """A simulator, and what is guessed of its parameters: a critic learns the ratio by which the guess learns.

    Parameters are real numbers without bounds: take the logarithm of a rate and the logit of a share, inside the
    simulator. Bring what the networks see to about unit scale. Look at the guess for rows whose parameters are
    known: where the critic is not at its best, the guess is too sure of itself.

    Args:
        space: space of x: Reals, Pixels or Bits.
        simulator: a module, or a function that can be imported: beta, (n, shared), to x, (n, *space.shape); and with
            a latent to the pair of x and z, (n, latent), drawn from p(x, z | beta). Its random numbers come
            from torch. It need not be differentiable, and may choose from draws that it has made before.
        critic: r, rows of x, z and beta side by side, (n, space.dims + latent + shared), to a number each.
        latent: size of z, which each row has for itself; 0 if there is none.
        encoder: f, rows of x, beta and standard normal noise side by side, (n, space.dims + shared + encoder_noise),
            to z.
        encoder_noise: size of its noise, at least 1 with an encoder: a guess without noise would be a point.
        shared: size of beta, which all rows share; 0 if there is none.
        rows: number of rows of the data set, N, against which the prior of beta is weighed.
        prior: p(beta), a module with `log_prob`: (n, shared) to (n,) nats; None is N(0, I).
        guess: q(beta), a module with `log_prob` and `rsample(n)`, (n, shared); None is a `FullNormal`.
        critic_rounds: the guess plays in every so many rounds, the critic in all. A critic that lags behind knows
            a guess that was, and lets the guess grow too narrow.

    Raises:
        Refused: an argument is out of range, or there are neither parameters nor latents, or one without its guess.
    """

    def __init__(
        self,
        space: Space,
        simulator: Simulator,
        critic: nn.Module,
        latent: int = 0,
        encoder: nn.Module | None = None,
        encoder_noise: int = 0,
        shared: int = 0,
        rows: int = 1,
        prior: nn.Module | None = None,
        guess: nn.Module | None = None,
        critic_rounds: int = 1,
    ):
        super().__init__()
        require("HierarchicalImplicitModel", space, Reals, Pixels, Bits)
        at_least(0, "HierarchicalImplicitModel", latent=latent, shared=shared)
        at_least(1, "HierarchicalImplicitModel", rows=rows, critic_rounds=critic_rounds)
        check_parts(latent, encoder, encoder_noise, shared, prior, guess)
        self.space, self.simulator, self.critic = space, simulator, critic
        self.latent, self.encoder, self.encoder_noise = latent, encoder, encoder_noise
        self.shared, self.rows, self.prior = shared, rows, prior
        self.critic_rounds = critic_rounds
        self.guess = FullNormal(shared) if shared and guess is None else guess

    # the distributions

    def promises(self) -> set[str]:
        """Those of its methods; there is no draw of z where there is no z."""
        return super().promises() - (set() if self.latent else {"draw_posterior"})

    def draw_beta(self, n: int) -> Tensor:
        """Draws of q(beta), (n, shared), through which gradients flow."""
        if self.guess is None:
            return self.noise(n, 0)
        return cast(BetaGuess, self.guess).rsample(n)

    def draw_latent(self, x: Tensor, beta: Tensor) -> Tensor:
        """A draw of q(z | x, beta) for each row, (n, latent), through which gradients flow."""
        if self.encoder is None:
            return self.noise(len(x), 0)
        noise = self.noise(len(x), self.encoder_noise)
        return self.encoder(torch.cat([x.flatten(1), beta, noise], 1))

    @torch.no_grad()
    def draw_posterior(self, x: Tensor) -> Tensor:
        """A draw of the latent behind each row, (n, latent), each with its own draw of beta."""
        return self.draw_latent(x, self.draw_beta(len(x)))

    @torch.no_grad()
    def simulate(self, beta: Tensor) -> tuple[Tensor, Tensor]:
        """x, (n, *space.shape), and z, (n, latent), that the simulator draws for each row of beta, (n, shared).

        Raises:
            Refused: the simulator gives something else.
        """
        drawn = self.simulator(beta)
        x, z = drawn if isinstance(drawn, tuple) else (drawn, self.noise(len(beta), 0))
        wanted = (len(beta), *self.space.shape), (len(beta), self.latent)
        if (x.shape, z.shape) != wanted:
            raise Refused(
                f"HierarchicalImplicitModel: the simulator gave x of shape {tuple(x.shape)} and z of shape "
                f"{tuple(z.shape)} for {len(beta)} rows of beta; {wanted[0]} and {wanted[1]} are wanted"
            )
        return x, z

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """x of the posterior predictive, (n, *space.shape): each row has its own draw of q(beta)."""
        n = self.sample_count(n, context)
        return self.space.quantise(self.simulate(self.draw_beta(n))[0])

    # the game

    def log_ratio(self, x: Tensor, z: Tensor, beta: Tensor) -> Tensor:
        """r, the critic's estimate of log p(x, z | beta) - log (q(x) q(z | x, beta)), (n,) nats."""
        return self.critic(torch.cat([x.flatten(1), z, beta], 1)).flatten()

    def log_prior(self, beta: Tensor) -> Tensor:
        """log p(beta), (n,) nats."""
        if self.prior is None:
            return log_normal(beta)
        return cast(BetaPrior, self.prior).log_prob(beta)

    def deal(self, x: Tensor) -> ImplicitDeal:
        """Both sides, with one draw of q(beta) for each row: what is guessed behind x, and what is simulated."""
        beta = self.draw_beta(len(x))
        return ImplicitDeal(x, self.draw_latent(x, beta), beta, *self.simulate(beta.detach()))

    def judged(self, dealt: ImplicitDeal) -> Sides:
        """The critic's scores, -r, of rows of the data beside what is guessed, and of simulated rows."""
        x, z, beta, drawn_x, drawn_z = dealt
        with torch.no_grad():
            real, fake = self.log_ratio(x, z, beta), self.log_ratio(drawn_x, drawn_z, beta)
        return sides(logistic_critic, -real, -fake)

    def critic_loss(
        self, x: Tensor, z: Tensor, beta: Tensor, drawn_x: Tensor, drawn_z: Tensor
    ) -> Losses:
        """The log loss of telling both sides apart, nats: large r for what the simulator draws."""
        z, beta = z.detach(), beta.detach()
        data = self.log_ratio(x, z, beta)
        terms = logistic_critic(self.log_ratio(drawn_x, drawn_z, beta), data)
        return {"simulated": terms["real"], "data": terms["fake"]}

    def guess_loss(
        self, x: Tensor, z: Tensor, beta: Tensor, drawn_x: Tensor, drawn_z: Tensor
    ) -> Losses:
        """The negative bound, nats a row: the ratio, and of beta the prior and the guess's own density."""
        losses = {"ratio": -self.log_ratio(x, z, beta).mean()}
        if self.guess is not None:
            losses["prior"] = -self.log_prior(beta).mean() / self.rows
            losses["entropy"] = cast(BetaGuess, self.guess).log_prob(beta).mean() / self.rows
        return losses

    def players(self) -> dict[str, Player]:
        """The critic, then the guess, which waits for `critic_rounds` and climbs what the critic has found."""
        guesses = [part for part in (self.guess, self.encoder) if part is not None]
        return {
            "critic": Player([self.critic], self.critic_loss, role="critic"),
            "guess": Player(guesses, self.guess_loss, self.critic_rounds, role="generator"),
        }


def check_parts(
    latent: int,
    encoder: nn.Module | None,
    encoder_noise: int,
    shared: int,
    prior: nn.Module | None,
    guess: nn.Module | None,
) -> None:
    """Raises Refused unless there is something to guess, and each has what it needs, and nothing else."""
    who = "HierarchicalImplicitModel"
    if not latent and not shared:
        raise Refused(
            f"{who}: latent and shared are both 0, so nothing is to be guessed; give the size of z as latent, "
            f"of beta as shared, or both"
        )
    if bool(latent) != (encoder is not None) or bool(latent) != (encoder_noise > 0):
        wanted = "a module and at least 1 are" if latent else "None and 0 are"
        raise Refused(
            f"{who}: latent is {latent}, encoder {type(encoder).__name__} and encoder_noise {encoder_noise}; with "
            f"such a latent {wanted} wanted"
        )
    for name, part, methods in (
        ("prior", prior, ("log_prob",)),
        ("guess", guess, ("log_prob", "rsample")),
    ):
        if part is not None and not shared:
            raise Refused(
                f"{who}: {name} is {type(part).__name__}, and shared is 0, so there is no beta; leave {name} out, "
                f"or give the size of beta as shared"
            )
        missing = [m for m in methods if part is not None and not callable(getattr(part, m, None))]
        if missing:
            raise Refused(
                f"{who}: {name} is {type(part).__name__}, without {' and '.join(missing)}; a module with "
                f"{' and '.join(methods)} is wanted, such as FullNormal"
            )
