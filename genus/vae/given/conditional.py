"""ConditionalVAE: a VAE of x given a context, whose latent says what the context leaves open.

One context has many answers: a 3 can be written in many hands, and what is hidden of a picture can be one thing or
another. A network that gives one answer gives their mean, which is none of them. Here a latent chooses among them,
and the networks learn which are left by the context c.

    p(x | c)    = E_{p(z | c)} p(x | z, c),     p(z | c) = N(mu_p(c), sigma_p(c)^2), or N(0, I) whatever c is
    q(z | x, c) = N(mu_q(x, c), sigma_q(x, c)^2)
    elbo(x, c)  = E_q log p(x | z, c) - KL(q(z | x, c) || p(z | c))  <=  log p(x | c)
    w           = p(x | z, c) p(z | c) / q(z | x, c),     E_q w = p(x | c)
    loss        = -alpha elbo(x, c) - (1 - alpha) E_{p(z | c)} log p(x | z, c)

A bound is climbed by z that were drawn knowing x, while samples are made of z that were not. With alpha below 1 the
loss also counts how well these do, which is a bound too, and a loose one: it blurs.

A code is z in the unit of its prior, (z - mu_p(c)) / sigma_p(c), so that codes of all contexts are N(0, I). What a
label leaves open is the hand, so that a code with another label is another digit by the same hand: `reconstruct`.
Where a part of a picture is the context, and x is the rest, samples are completions: `Parting`.

Source: Sohn, Lee, Yan, "Learning structured output representation using deep conditional generative models", NIPS
    2015, section 4, with the estimates of p(x | c) in 4.1, and the loss with alpha in 4.2. Another label for the same
    z: Kingma, Rezende, Mohamed, Welling, "Semi-supervised learning with deep generative models", 2014,
    arXiv:1406.5298, section 5.2.
Departs: x is what they call y, and c what they call x; networks see c alone, without the first guess of x that their
    prior network is given; the likelihood of pixels and of real numbers is as in `amortised`.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from ...core import (
    Bits,
    GenerativeModel,
    Losses,
    Pixels,
    Reals,
    Refused,
    Space,
    at_least,
    in_range,
    require,
)
from ...functional.densities.estimates import log_mean_exp
from ...nn import MLP
from ..amortised import HIDDEN, check_likelihood
from ..belief import Belief, Rung
from ..likelihoods import NOISY, Likelihood, NoiseDecoding, fitting

TOGETHER = 2**14  # rows that are decoded in one pass where many weights are drawn


class ConditionalVAE(GenerativeModel):
    """A latent-variable model of x, given a context.

    Args:
        space: Bits, Reals or Pixels.
        context_space: what each x is given: Classes, the visible part of a picture, or any other.
        embed: makes a context, (n, *context_space.shape), (n, context) floats.
        context: number of these, at least 1.
        latent: the size of z.
        encoder: x beside the embedded context to the means and log deviations of q(z | x, c), (n, 2 * latent). An MLP,
            which is the default, is given both as one vector, (n, space.dims + context); another network is given x
            with further channels, each of them one number of the context, (n, c + context, ...).
        decoder: z beside the embedded context, (n, latent + context), to the likelihood's numbers, (n, numbers * c,
            ...) for an x of c channels; an MLP if none is given.
        prior: embedded context, (n, context), to the means and log deviations of p(z | c), (n, 2 * latent); N(0, I)
            if none is given.
        likelihood: what the decoder's numbers mean; the one that fits the space if none is given.
        alpha: share of the bound in the loss, in (0, 1]; the rest is reconstruction from draws of p(z | c).
        whole: space of the rows of which x is a part, and c the rest; None if c is not a part of them.
        known: numbers of the places of a row, read as one vector, that are c.
    """

    sampling_options = NoiseDecoding

    def __init__(
        self,
        space: Space,
        context_space: Space,
        embed: nn.Module,
        context: int,
        latent: int = 16,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        prior: nn.Module | None = None,
        likelihood: Likelihood | None = None,
        alpha: float = 1.0,
        whole: Space | None = None,
        known: Sequence[int] = (),
    ):
        super().__init__()
        self.whole, self.known = whole, tuple(known)
        self.parting = None if whole is None else Parting.at(whole, self.known)
        if self.parting is not None and (space, context_space) != (
            self.parting.missing_space,
            self.parting.known_space,
        ):
            raise Refused(
                f"ConditionalVAE: x is {space}, given {context_space}; {self.parting.missing_space} given "
                f"{self.parting.known_space} are the parts of {whole}"
            )
        require("ConditionalVAE", space, Bits, Reals, Pixels)
        at_least(1, "ConditionalVAE", context=context, latent=latent)
        in_range("ConditionalVAE", "(0, 1]", alpha=alpha)
        self.space, self.context_space, self.embed = space, context_space, embed
        self.context, self.latent, self.alpha = context, latent, alpha
        self.likelihood = fitting(space) if likelihood is None else likelihood
        check_likelihood("ConditionalVAE", self.likelihood, space)
        numbers = self.likelihood.numbers * space.dims
        beside = space.dims + context
        self.encoder = MLP(beside, 2 * latent, HIDDEN) if encoder is None else encoder
        self.decoder = MLP(latent + context, numbers, HIDDEN) if decoder is None else decoder
        self.prior = prior
        self._check_networks()

    @torch.no_grad()
    def _check_networks(self) -> None:
        """One pass through all: they must fit the space and each other."""
        channels, *sides = self.space.shape
        x, z, h = (
            self.noise(2, *one) for one in (self.space.shape, (self.latent,), (self.context,))
        )
        numbers = self.likelihood.numbers * channels, *sides
        if isinstance(self.decoder, MLP):
            numbers = (self.likelihood.numbers * self.space.dims,)
        for name, network, seen, wanted in (
            ("encoder", self.encoder, self._beside(x, h), (2 * self.latent,)),
            ("decoder", self.decoder, torch.cat([z, h], 1), numbers),
            ("prior", self.prior, h, (2 * self.latent,)),
        ):
            if network is None:
                continue
            if isinstance(network, MLP) and network.d_in != seen.shape[1]:
                raise Refused(
                    f"ConditionalVAE: the {name} takes {network.d_in} numbers a row; it is given "
                    f"{seen.shape[1]}, of which {self.context} are the context's"
                )
            came = network(seen).shape[1:]
            if came != wanted:
                gives, wish = ("x".join(map(str, one)) for one in (came, wanted))
                raise Refused(
                    f"ConditionalVAE: the {name} gives {gives} numbers a row; wanted are {wish}"
                )

    # the distributions

    def embedded(self, context: Tensor | None) -> Tensor:
        """What the networks see of a context, (n, context)."""
        self.check_context(context)
        h = self.embed(context)
        if h.shape[1:] != (self.context,):
            raise Refused(
                f"ConditionalVAE: embed makes {'x'.join(map(str, h.shape[1:]))} numbers of a context; "
                f"{self.context} are wanted: set context to it"
            )
        return h

    def _beside(self, x: Tensor, h: Tensor) -> Tensor:
        """x and its embedded context, as the encoder is given them."""
        if isinstance(self.encoder, MLP):
            return torch.cat([x.flatten(1), h], 1)
        h = h.reshape(*h.shape, *[1] * (x.dim() - 2))
        return torch.cat([x, h.expand(-1, -1, *x.shape[2:])], 1)

    def prior_given(self, h: Tensor) -> Belief:
        """p(z | c), of each row of embedded contexts."""
        if self.prior is None:
            return Belief.standard(h.new_empty(len(h), self.latent))
        return Belief(*self.prior(h).chunk(2, dim=1))

    def guessed(self, x: Tensor, h: Tensor, k: int = 1, noisy: bool = True) -> Rung:
        """k draws of q(z | x, c) for each row, or means, (k n, latent), all rows once before any row again."""
        q = Belief(*self.encoder(self._beside(x, h)).chunk(2, dim=1)).repeated(k)
        return Rung(q.draw(noisy), q, self.prior_given(h).repeated(k))

    def numbers(self, z: Tensor, h: Tensor) -> Tensor:
        """What the likelihood makes of z and of embedded contexts, (n, numbers * c, ...)."""
        out = self.decoder(torch.cat([z, h], 1))
        if isinstance(self.decoder, MLP):
            out = out.unflatten(1, (-1, *self.space.shape[1:]))
        return out

    # scores

    def terms(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The halves of -elbo, each (n,) nats: what reconstruction costs, and the exact KL of the guess."""
        return self._terms(x, self.embedded(context))

    def _terms(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        guess = self.guessed(x, h)
        return -self.likelihood.log_prob(x, self.numbers(guess.z, h)), guess.kl()

    def loss(self, x: Tensor, context: Tensor | None = None) -> Losses:
        h = self.embedded(context)
        reconstruction, kl = self._terms(x, h)
        parts = {
            "reconstruction": self.alpha * reconstruction.mean(),
            "kl": self.alpha * kl.mean(),
        }
        if self.alpha < 1:
            blind = self.likelihood.log_prob(x, self.numbers(self.prior_given(h).draw(), h))
            parts["blind"] = -(1 - self.alpha) * blind.mean()
        return parts

    def elbo(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The bound from one draw of z, (n,) nats; its KL is exact."""
        reconstruction, kl = self.terms(x, context)
        return -reconstruction - kl

    def log_weight(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """log w of one draw of z, (n,) nats."""
        return self.log_weights(x, context, k=1)[0]

    def log_weights(self, x: Tensor, context: Tensor | None = None, *, k: int) -> Tensor:
        """log w of k draws of z, (k, n) nats; each x and each context is looked at once."""
        h = self.embedded(context)
        guess = self.guessed(x, h, k)
        rows, h = (one.repeat(k, *[1] * (one.dim() - 1)) for one in (x, h))
        log_p = self.likelihood.log_prob(rows, self.numbers(guess.z, h))
        return (log_p - guess.log_ratio()).unflatten(0, (k, len(x)))

    @torch.no_grad()
    def log_p(
        self, x: Tensor, context: Tensor | None = None, *, k: int = 100
    ) -> tuple[Tensor, Tensor]:
        """log p(x | c) by the mean of k importance weights, (n,) float64 nats, and the standard error of each.

        In expectation it is too low, the less the more weights there are. The error is that of the delta method: where
        few weights outweigh all others it is too small itself.
        """
        at_least(2, "ConditionalVAE.log_p", k=k)
        at_once = max(1, TOGETHER // max(1, len(x)))
        parts = [at_once] * (k // at_once) + [k % at_once] * bool(k % at_once)
        log_w = torch.cat([self.log_weights(x, context, k=part).cpu() for part in parts]).double()
        found = [log_mean_exp(row) for row in log_w.T]
        value, error = torch.tensor(found, dtype=torch.float64).reshape(-1, 2).T
        return value, error

    # codes and samples

    def encode(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The mean of q(z | x, c) in the unit of p(z | c), (n, latent)."""
        guess = self.guessed(x, self.embedded(context), noisy=False)
        return guess.standard(guess.z)

    def decode(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """The mean of p(x | z, c), (n, *space.shape), of codes in the unit of p(z | c), (n, latent)."""
        return self.likelihood.mean(self._numbers_of(z, self.embedded(context)))

    def _numbers_of(self, code: Tensor, h: Tensor) -> Tensor:
        mean, log_std = self.prior_given(h)
        return self.numbers(mean + log_std.exp() * code, h)

    def reconstruct(
        self, x: Tensor, context: Tensor | None = None, other: Tensor | None = None
    ) -> Tensor:
        """The mean of p(x | z, c) at the code of x, (n, *space.shape), with its own context or with another.

        Args:
            x: rows, (n, *space.shape).
            context: their contexts, (n, *context_space.shape), by which they are encoded.
            other: contexts by which they are decoded, of the same shape; by default their own.
        """
        return self.decode(self.encode(x, context), context if other is None else other)

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: NoiseDecoding = NOISY,
    ) -> Tensor:
        """x, (n, *space.shape), one for each row of context: draws of p(x | z, c), or means of it by `decoding`."""
        context = self.context_given(n, context)
        numbers = self._numbers_of(self.noise(len(context), self.latent), self.embedded(context))
        if decoding.mean:
            return self.likelihood.mean(numbers)
        return self.likelihood.sample(numbers, decoding.temperature)


class Parting:
    """What is known of an x, and what is missing, each as a vector: the context, and the x, of a completion.

    Args:
        space: space of the whole: Bits, Reals or Pixels.
        known: true where x is known, (*space.shape); some of x, and not all of it.
    """

    def __init__(self, space: Space, known: Tensor):
        whole = require("Parting", space, Bits, Reals, Pixels)
        if known.dtype != torch.bool or known.shape != space.shape:
            came = f"{known.dtype} of shape {tuple(known.shape)}"
            raise Refused(f"Parting: known is {came}; booleans of {tuple(space.shape)} are wanted")
        count = int(known.sum())
        if count in (0, space.dims):
            raise Refused(f"Parting: known is {count > 0} everywhere; a part of x is wanted")
        self.space, self.known, self.words = space, known, "in parts"
        self.known_space = replace(whole, shape=(count,))
        self.missing_space = replace(whole, shape=(space.dims - count,))

    @staticmethod
    def at(space: Space, places: Sequence[int]) -> "Parting":
        """The parting where these places of a row, read as one vector, are known."""
        whole = require("Parting", space, Bits, Reals, Pixels)
        if any(not 0 <= place < whole.dims for place in places):
            raise Refused(f"Parting: places are {tuple(places)}; 0 .. {whole.dims - 1} are wanted")
        known = torch.zeros(whole.dims, dtype=torch.bool)
        known[list(places)] = True
        return Parting(space, known.reshape(whole.shape))

    def apart(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What is missing of x, (n, missing), and what is known of it, (n, known)."""
        known = self.known.to(x.device)
        return x[:, ~known], x[:, known]

    def together(self, missing: Tensor, known: Tensor) -> Tensor:
        """x, (n, *space.shape), of its two parts."""
        x = missing.new_empty(len(missing), *self.space.shape)
        where = self.known.to(x.device)
        x[:, ~where], x[:, where] = missing, known
        return x

    def completed(
        self, model: ConditionalVAE, x: Tensor, decoding: NoiseDecoding = NOISY
    ) -> Tensor:
        """x whose known part is kept, and whose rest a model draws, (n, *space.shape).

        Args:
            model: model of the missing part, given the known one.
            x: rows, (n, *space.shape); what is missing may hold any numbers.
            decoding: what is drawn of p(x | z, c).
        """
        _, known = self.apart(x)
        return self.together(model.sample(context=known, decoding=decoding), known)
