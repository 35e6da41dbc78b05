"""DRAW: a picture that is drawn in several strokes, each for a latent of its own.

A VAE makes a whole picture at once. DRAW adds to a canvas, step by step: the encoder sees the picture and what the
canvas still lacks of it, and gives a few numbers, which the decoder turns into one stroke. Two recurrent networks
remember what came before, so late strokes correct early ones. Each z_t pays its own KL, and the sum is that of the
whole chain, so the bound is a VAE's.

    e_t = x - E[x | c_t-1]                            what the canvas still lacks
    r_t = read(x, e_t, h^dec_t-1)
    h^enc_t = LSTM(h^enc_t-1, [r_t, h^dec_t-1])       q(z_t | x, z_<t) = N(m_t, s_t^2),  (m_t, log s_t) = W h^enc_t
    h^dec_t = LSTM(h^dec_t-1, z_t)                    p(z_t) = N(0, I)
    c_t = c_t-1 + write(h^dec_t)                      p(x | z) = likelihood(c_T)
    elbo(x) = E_q [log p(x | c_T) - sum_t KL(q(z_t | x, z_<t) || p(z_t))]  <=  log p(x)

Without attention, read is [x, e_t] and write is linear. With it, both look through N x N normal filters, whose
centre, stride, width and strength a linear layer takes from the decoder's state, for a picture A wide and B high:

    (gX~, gY~, log sigma^2, log delta~, log gamma) = W h^dec
    gX = (A + 1)/2 (gX~ + 1)     gY = (B + 1)/2 (gY~ + 1)     delta = (max(A, B) - 1)/(N - 1) delta~
    mX_i = gX + (i - N/2 - 1/2) delta                 mY_j = gY + (j - N/2 - 1/2) delta
    FX_ia = exp(-(a - mX_i)^2 / 2 sigma^2) / ZX_i     FY_jb = exp(-(b - mY_j)^2 / 2 sigma^2) / ZY_j
    read = gamma [FY x FX', FY e FX']                 write = 1/gamma^ FY^' w FX^,  w = W h^dec, filters of its own

Source: Gregor, Danihelka, Graves, Rezende, Wierstra, "DRAW: a recurrent neural network for image generation", 2015,
    arXiv:1502.04623, equations 1 to 29.
Departs: log sigma^2, log delta~ and log gamma are held in [-8, 8], where numbers stay finite; 1/gamma^ begins near
    2 pi and not near 1, so that a fresh stroke's peak is w and not a sixth of it; the memories of both LSTMs begin at
    learned numbers, as c_0 and the states do; pixels and reals have the likelihoods of `likelihoods`, and e_t compares
    pixels with the middle of the logistic; a grid of one point has no stride.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...core import Bits, GenerativeModel, Losses, Pixels, Reals, See, Space, at_least, require
from ...functional.densities.densities import kl_normal, log_normal
from ...nn import Recurrent, State
from ..amortised import kl_of_units
from ..likelihoods import NOISY, Logistic, NoiseDecoding, fitting

MOST = 8.0  # of what is exponentiated for a grid: a factor of 3000


class Glimpse(NamedTuple):
    """A grid of N x N normal filters over each of n pictures: FY, (n, N, h), FX, (n, N, w), and gamma, (n,)."""

    rows: Tensor
    columns: Tensor
    gamma: Tensor

    def read(self, x: Tensor) -> Tensor:
        """What the grid sees of x: (n, c, h, w) -> (n, c, N, N)."""
        return self._strength() * (self.rows[:, None] @ x @ self.columns[:, None].mT)

    def write(self, patch: Tensor) -> Tensor:
        """A patch laid where the grid is: (n, c, N, N) -> (n, c, h, w)."""
        return self.rows[:, None].mT @ patch @ self.columns[:, None] / self._strength()

    def _strength(self) -> Tensor:
        return self.gamma[:, None, None, None]


def attention(numbers: Tensor, points: int, height: int, width: int) -> Glimpse:
    """The filters that five numbers stand for, equations 19 to 26.

    Args:
        numbers: gX~, gY~, log sigma^2, log delta~ and log gamma of each row, (n, 5).
        points: points along a side of the grid, N.
        height, width: those of the pictures.
    """
    across, down = numbers[:, 0], numbers[:, 1]
    log_variance, log_stride, log_gamma = numbers[:, 2:].clamp(-MOST, MOST).unbind(1)
    stride = (max(height, width) - 1) / max(points - 1, 1) * log_stride.exp()

    def filters(centre: Tensor, side: int) -> Tensor:
        steps = torch.arange(points, dtype=numbers.dtype, device=numbers.device) - (points - 1) / 2
        places = torch.arange(1, side + 1, dtype=numbers.dtype, device=numbers.device)
        means = (side + 1) / 2 * (centre[:, None] + 1) + stride[:, None] * steps
        away = (places - means[:, :, None]).square()
        # the quotient by Z, even where every exponential is zero in floating point
        return (-0.5 * (-log_variance).exp()[:, None, None] * away).softmax(2)

    return Glimpse(filters(down, height), filters(across, width), log_gamma.exp())


class Stroke(NamedTuple):
    """One step of the guess for n rows: z_t, the mean and log deviation of q, and the canvas after it."""

    z: Tensor
    mean: Tensor
    log_std: Tensor
    canvas: Tensor


class DRAW(GenerativeModel):
    """A latent-variable model of pictures. Its z is that of all steps, one after another, (n, latent).

    Args:
        space: Bits, Pixels or Reals of (channels, height, width).
        steps: number of strokes, T.
        step_latent: size of each z_t.
        width: units of the encoder's LSTM, and of the decoder's.
        read_points: points along a side of the grid that reads; None reads all of x without attention.
        write_points: points along a side of the grid that writes; None writes everywhere.
    """

    sampling_options = NoiseDecoding

    def __init__(
        self,
        space: Space,
        steps: int = 10,
        step_latent: int = 10,
        width: int = 256,
        read_points: int | None = 2,
        write_points: int | None = 5,
    ):
        super().__init__()
        require("DRAW", space, Bits, Pixels, Reals, axes="channels, height, width")
        at_least(1, "DRAW", steps=steps, step_latent=step_latent, width=width)
        at_least(1, "DRAW", read_points=read_points, write_points=write_points)
        self.space, self.steps, self.step_latent, self.width = space, steps, step_latent, width
        self.read_points, self.write_points = read_points, write_points
        self.likelihood = fitting(space)
        channels, *sides = space.shape
        self.drawn = self.likelihood.numbers * channels  # numbers of each place of the canvas
        seen = channels * (read_points**2 if read_points else sides[0] * sides[1])
        patch = (write_points, write_points) if write_points else sides
        self.encoder = Recurrent(2 * seen + width, width)
        self.decoder = Recurrent(step_latent, width)
        self.guess = nn.Linear(width, 2 * step_latent)
        self.stroke = nn.Sequential(
            nn.Linear(width, self.drawn * patch[0] * patch[1]),
            nn.Unflatten(1, (self.drawn, *patch)),
        )
        self.read_grid = nn.Linear(width, 5) if read_points else None
        self.write_grid = nn.Linear(width, 5) if write_points else None
        if self.write_grid is not None:
            with torch.no_grad():  # a filter's mass, 1, lies on about 2 pi pixels: their peak is w
                self.write_grid.bias[4] = -math.log(2 * math.pi)
        self.begin = nn.Parameter(torch.zeros(4, width))  # h and memory, of encoder and decoder
        self.blank = nn.Parameter(torch.zeros(self.drawn, *sides))  # c_0

    @property
    def latent(self) -> int:
        """The size of z."""
        return self.steps * self.step_latent

    def read(self, x: Tensor, h_dec: Tensor) -> Tensor:
        """What the encoder is given of pictures, (n, k, h, w) -> (n, ...), by the decoder's state."""
        if self.read_grid is None or self.read_points is None:
            return x.flatten(1)
        return attention(self.read_grid(h_dec), self.read_points, *x.shape[2:]).read(x).flatten(1)

    def write(self, h_dec: Tensor) -> Tensor:
        """What the decoder's state adds to the canvas, (n, numbers * c, h, w)."""
        patch = self.stroke(h_dec)
        if self.write_grid is None or self.write_points is None:
            return patch
        sides = self.space.shape[1:]
        return attention(self.write_grid(h_dec), self.write_points, *sides).write(patch)

    def shown(self, canvas: Tensor) -> Tensor:
        """The picture on a canvas, (n, c, h, w), in the range of x; of pixels the middle of the logistic."""
        if isinstance(self.likelihood, Logistic):
            return self.space.clip(self.likelihood.split(canvas)[0])
        return self.likelihood.mean(canvas)

    def guessed(self, x: Tensor, noisy: bool = True) -> Iterator[Stroke]:
        """The strokes that lead to x, with z_t drawn from q, or at its mean."""
        encoder_state, decoder_state, canvas = self._begun(len(x))
        h_dec = decoder_state.layers[0][0]
        for _ in range(self.steps):
            seen = self.read(torch.cat([x, x - self.shown(canvas)], 1), h_dec)
            h_enc = self.encoder.step(torch.cat([seen, h_dec], 1), encoder_state)
            mean, log_std = self.guess(h_enc).chunk(2, dim=1)
            z = mean + log_std.exp() * torch.randn_like(mean) if noisy else mean
            h_dec = self.decoder.step(z, decoder_state)
            canvas = canvas + self.write(h_dec)
            yield Stroke(z, mean, log_std, canvas)

    def canvases(self, z: Tensor) -> Iterator[Tensor]:
        """The canvas after each stroke, (n, numbers * c, h, w), for z, (n, latent)."""
        _, state, canvas = self._begun(len(z))
        for part in z.split(self.step_latent, 1):
            canvas = canvas + self.write(self.decoder.step(part, state))
            yield canvas

    def _begun(self, n: int) -> tuple[State, State, Tensor]:
        """The encoder's state, the decoder's, and the canvas, before the first stroke."""
        parts = self.begin[:, None].expand(-1, n, -1).unbind(0)
        canvas = self.blank.expand(n, *self.blank.shape)
        return State([parts[:2]]), State([parts[2:]]), canvas

    def terms(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The halves of -elbo, each (n,) nats: what reconstruction costs, and what the guesses cost."""
        canvas, kl = self.blank, x.new_zeros(len(x))
        for stroke in self.guessed(x):
            kl, canvas = kl + kl_normal(stroke.mean, stroke.log_std), stroke.canvas
        return -self.likelihood.log_prob(x, canvas), kl

    def loss(self, x: Tensor) -> Losses:
        reconstruction, kl = self.terms(x)
        return {"reconstruction": reconstruction.mean(), "kl": kl.mean()}

    def elbo(self, x: Tensor) -> Tensor:
        """The bound from one draw of all z_t, (n,) nats; the KL of each step is exact, given those before."""
        reconstruction, kl = self.terms(x)
        return -reconstruction - kl

    def log_weight(self, x: Tensor) -> Tensor:
        """log p(x, z) / q(z | x) of one draw of all z_t, (n,) nats."""
        canvas, ratio = self.blank, x.new_zeros(len(x))
        for z, mean, log_std, after in self.guessed(x):
            ratio, canvas = ratio + log_normal(z) - log_normal(z, mean, log_std), after
        return self.likelihood.log_prob(x, canvas) + ratio

    def encode(self, x: Tensor) -> Tensor:
        """z, (n, latent): the mean of q at each step, where those before were means too."""
        return torch.cat([stroke.mean for stroke in self.guessed(x, noisy=False)], 1)

    @torch.no_grad()
    def draw_posterior(self, x: Tensor) -> Tensor:
        """A draw of all z_t for each row, (n, latent)."""
        return torch.cat([stroke.z for stroke in self.guessed(x)], 1)

    def draw_prior(self, n: int) -> Tensor:
        """n draws of N(0, I), (n, latent)."""
        return self.noise(n, self.latent)

    @torch.no_grad()
    def unit_nats(self, x: Tensor) -> Tensor:
        """The KL of each unit of all z_t, (latent,) nats, the mean over the rows."""
        strokes = self.guessed(x)
        return torch.cat([kl_of_units(one.mean, one.log_std).mean(0) for one in strokes])

    def decode(self, z: Tensor) -> Tensor:
        """The mean of p(x | z), (n, *space.shape): in the range of x, but not on its grid."""
        *_, canvas = self.canvases(z)
        return self.likelihood.mean(canvas)

    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: NoiseDecoding = NOISY,
    ) -> Tensor:
        """x, (n, *space.shape): draws of p(x | z), unless `decoding` takes its means."""
        return self.sample_watched(lambda x: None, n, context, decoding)

    @torch.no_grad()
    def sample_watched(
        self,
        see: See,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: NoiseDecoding = NOISY,
    ) -> Tensor:
        """`sample`, with looks at what is on the canvas after each stroke."""
        canvas = self.blank
        for canvas in self.canvases(self.noise(self.sample_count(n, context), self.latent)):
            see(self.shown(canvas))
        if decoding.mean:
            return self.likelihood.mean(canvas)
        return self.likelihood.sample(canvas, decoding.temperature)
