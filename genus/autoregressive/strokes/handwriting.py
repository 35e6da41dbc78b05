"""Handwriting: an LSTM that predicts where the pen goes next, and one that is given what to write.

    y_t = features of x_1 .. x_t-1 (and of the text)
    p(x_t) = p(pen_t) sum_j pi_j N(dx_t, dy_t; mu_j, sigma_j, rho_j)

A step of the pen is the mixture's, for where a line may go there are several ways, and each of them
has a direction of its own: a mean of all would go nowhere. A pen that has three states, on, up and
over, makes this a distribution of whole drawings.

To write a text c_1 .. c_U, a window is moved along it. Its k Gaussians only ever move on, by as much
as the first LSTM gives, so that characters are written one after another, each as long as it takes:

    (alpha, beta, kappa-hat)_t = exp(W h^1_t)              kappa_t = kappa_t-1 + kappa-hat_t
    phi(t, u) = sum_k alpha_k exp(-beta_k (kappa_k - u)^2) w_t = sum_u phi(t, u) c_u

Given the first steps of a drawing, either continues in its style; a bias makes a hand neater.

Source: Graves, "Generating sequences with recurrent neural networks", 2013, arXiv:1308.0850,
    sections 2, 4 and 5.
Departs: the LSTMs have no peepholes; the pen has a third state, and is chosen by a softmax, where the
    paper has a Bernoulli and ends a text when the window has left it; in the synthesis, all layers see
    the first one, and the window begins with steps of a tenth of a character.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ...core import GenerativeModel, Refused, See, Strokes, Tokens, at_least, require
from ...functional.numerics.threads import one_thread
from ...nn.recurrent import Recurrent
from .pen import (
    AS_LEARNED,
    SEEN,
    PenDecoding,
    before_each,
    log_step,
    uniform,
    used_steps,
    whole,
    written,
    written_watched,
)


class StrokePrediction(GenerativeModel):
    """A distribution on drawings, step by step.

    Args:
        space: Strokes(length).
        width: size of each LSTM's state.
        layers: LSTM layers; all of them see the last step, and are seen by the output layer.
        mixtures: normals that a step is drawn from.
    """

    sampling_options = PenDecoding

    def __init__(self, space: Strokes, width: int = 256, layers: int = 1, mixtures: int = 20):
        super().__init__()
        require("StrokePrediction", space, Strokes)
        at_least(1, "StrokePrediction", mixtures=mixtures)
        self.space, self.width, self.layers, self.mixtures = space, width, layers, mixtures
        self.stack = Recurrent(SEEN, width, layers, skips=True)
        self.output = nn.Linear(self.stack.d_out, 3 + 6 * mixtures)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x), nats, (n,)."""
        return self.log_probs(x).sum(1)

    def log_probs(self, x: Tensor) -> Tensor:
        """log p(x_t | x_<t) of each step, nats, (n, length); 0 after the end of a drawing."""
        used = used_steps(x)
        each = log_step(self.output(self.stack(before_each(x[:, :used]))), x[:, :used])
        return whole(each, x)

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: PenDecoding = AS_LEARNED,
        prefix: Tensor | None = None,
    ) -> Tensor:
        """(n, length, 3).

        Args:
            n: drawings.
            context: none.
            decoding: bias and temperature.
            prefix: (n, k, 3): the first k steps, which stay as they are.
        """
        n = self.sample_count(n, context)
        return self.sample_from(uniform(self.output.weight, n, self.space), decoding, prefix)

    def sample_watched(
        self,
        see: See,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: PenDecoding = AS_LEARNED,
    ) -> Tensor:
        """`sample`, (n, length, 3), with looks at the first steps of the pen."""
        return written_watched(see, self.sample(n, context, decoding))

    @torch.no_grad()
    @one_thread()
    def sample_from(
        self,
        u: Tensor,
        decoding: PenDecoding = AS_LEARNED,
        prefix: Tensor | None = None,
    ) -> Tensor:
        """(n, length, 3), from uniform noise in [0, 1), (n, length, 4): u_t decides over step t."""
        memory = self.stack.begin(len(u))

        def step(before: Tensor) -> Tensor:
            return self.output(self.stack.step(before, memory))

        return written(step, u, decoding, prefix)


class HandwritingSynthesis(GenerativeModel):
    """A distribution on drawings for each text.

    Args:
        space: Strokes(length).
        context_space: Tokens: the text.
        width: size of each LSTM's state.
        layers: LSTM layers, at least 2; the first one moves the window.
        mixtures: normals that a step is drawn from.
        windows: Gaussians of the window.
    """

    sampling_options = PenDecoding

    def __init__(
        self,
        space: Strokes,
        context_space: Tokens,
        width: int = 128,
        layers: int = 2,
        mixtures: int = 10,
        windows: int = 5,
    ):
        super().__init__()
        require("HandwritingSynthesis", space, Strokes)
        at_least(1, "HandwritingSynthesis", mixtures=mixtures)
        if layers < 2 or windows < 1:
            raise Refused(
                f"HandwritingSynthesis: there are {layers} layers and {windows} windows; at least "
                f"2 layers and 1 window are wanted"
            )
        self.space, self.context_space = space, context_space
        self.width, self.layers, self.mixtures, self.windows = width, layers, mixtures, windows
        letters = self.vocabulary = context_space.vocabulary
        self.first = nn.LSTMCell(SEEN + letters, width)
        self.window = nn.Linear(width, 3 * windows)
        with torch.no_grad():
            self.window.bias[2 * windows :] -= 2.3  # exp of it is a tenth of a character
        self.stack = Recurrent(SEEN + letters + width, width, layers - 1, skips=True)
        self.output = nn.Linear(width + self.stack.d_out, 3 + 6 * mixtures)

    def log_prob(self, x: Tensor, context: Tensor) -> Tensor:
        """log p(x | context), nats, (n,)."""
        return self.log_probs(x, context).sum(1)

    def log_probs(self, x: Tensor, context: Tensor) -> Tensor:
        """log p(x_t | x_<t, context) of each step, nats, (n, length); 0 after the end."""
        used = used_steps(x)
        seen = self.read(before_each(x[:, :used]), context)[0]
        each = log_step(self.output(self.features(seen, self.stack(seen))), x[:, :used])
        return whole(each, x)

    def read(self, before: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs of the first layer at each step, (n, steps, d), and phi, (n, steps, U).

        Args:
            before: the step before each, (n, steps, 5).
            context: the texts, (n, U).
        """
        text, place = self.letters(context), self.beginning(context)
        seen, looks = [], []
        for one in before.unbind(1):
            came, place, look = self.move(one, text, place)
            seen.append(came)
            looks.append(look)
        return torch.stack(seen, 1), torch.stack(looks, 1)

    def move(
        self, before: Tensor, text: Tensor, place: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...], Tensor]:
        """What the other layers see, (n, d); the place after the step; phi, (n, U).

        Args:
            before: the last step, (n, 5).
            text: one-hot characters, of `letters`.
            place: h, c, kappa and w before the step.
        """
        h, c, kappa, shown = place
        h, c = self.first(torch.cat([before, shown], 1), (h, c))
        alpha, beta, on = self.window(h).exp().chunk(3, 1)
        kappa = kappa + on
        u = torch.arange(1, text.shape[1] + 1, dtype=h.dtype, device=h.device)
        away = (kappa[:, :, None] - u) ** 2
        phi = (alpha[:, :, None] * torch.exp(-beta[:, :, None] * away)).sum(1)
        shown = torch.bmm(phi[:, None], text)[:, 0]
        return torch.cat([before, shown, h], 1), (h, c, kappa, shown), phi

    def features(self, seen: Tensor, found: Tensor) -> Tensor:
        """Outputs of all layers: the first, whose state is the end of `seen`, and the others."""
        return torch.cat([seen[..., -self.width :], found], -1)

    def letters(self, context: Tensor) -> Tensor:
        """One-hot characters, (n, U, vocabulary)."""
        return one_hot(context, self.vocabulary).to(self.output.weight)

    def beginning(self, context: Tensor) -> tuple[Tensor, ...]:
        """h, c, kappa and w before the first step: zeros."""
        zeros, sizes = self.output.weight, (self.width, self.width, self.windows)
        return tuple(zeros.new_zeros(len(context), size) for size in (*sizes, self.vocabulary))

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: PenDecoding = AS_LEARNED,
        prefix: Tensor | None = None,
    ) -> Tensor:
        """(n, length, 3), one for each row of context.

        Args:
            n: number of drawings; that of context's rows.
            context: the texts, (n, U); where there is a prefix, first the text of that.
            decoding: bias and temperature.
            prefix: (n, k, 3): the first k steps, which stay as they are.
        """
        context = self.context_given(n, context)
        u = uniform(self.output.weight, len(context), self.space)
        return self.sample_from(u, context, decoding, prefix)

    def sample_watched(
        self,
        see: See,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: PenDecoding = AS_LEARNED,
    ) -> Tensor:
        """`sample`, (n, length, 3), with looks at the first steps of the pen."""
        return written_watched(see, self.sample(n, context, decoding))

    @torch.no_grad()
    @one_thread()
    def sample_from(
        self,
        u: Tensor,
        context: Tensor,
        decoding: PenDecoding = AS_LEARNED,
        prefix: Tensor | None = None,
    ) -> Tensor:
        """(n, length, 3), from uniform noise in [0, 1), (n, length, 4): u_t decides over step t."""
        text, place, memory = (
            self.letters(context),
            self.beginning(context),
            self.stack.begin(len(u)),
        )

        def step(before: Tensor) -> Tensor:
            nonlocal place
            seen, place, _ = self.move(before, text, place)
            return self.output(self.features(seen, self.stack.step(seen, memory)))

        return written(step, u, decoding, prefix)
