"""PixelCNN++: a mixture of logistics for each pixel, and two streams at several sizes of the image.

    p(x) = prod_ij p(x_ij | pixels before)            pixels row by row
    p(x_ij) = sum_k pi_k prod_c P(x_ijc; mu_kc, s_k)         c = red, green, blue
    P(x; mu, s) = sigmoid((x + bin/2 - mu) / s) - sigmoid((x - bin/2 - mu) / s)
    mu_green = m_green + a x_red,    mu_blue = m_blue + b x_red + c x_green

Levels are near each other, and a softmax does not know it: a few logistics, each with the mass that it
leaves in the bins around the levels, do the same with fewer numbers, and learn of all levels from each.
The first and the last bin reach to infinity, so all masses sum to one. The network has outputs for
whole pixels; channels are coupled by means that depend on the channels before, and by the mixture: the
chances of green, given red, are

    P(x_green | x_red) = sum_k w_k P(x_green; mu_k,green, s_k),    w_k ~ pi_k P(x_red; mu_k,red, s_k)

Bits have a logit each instead, coupled in the same way.

Source: Salimans, Karpathy, Chen, Kingma, "PixelCNN++: improving the PixelCNN with discretized logistic
    mixture likelihood and other modifications", 2017, arXiv:1701.05517.
Departs: log sigmoid(u) + log sigmoid(-l) + log(1 - exp(l - u)) is the logarithm of a bin's mass
    exactly, also where it vanishes, so that no density at the bin's middle has to stand in for it;
    weights are not normalised; see `two_streams` for the network.
"""

from collections.abc import Generator

import torch
from torch import Tensor, nn

from ...core import Bits, Refused, Space
from ...functional.densities.densities import log_logistic_mixture_bins, log_logistic_mixture_levels
from ..stepwise import Stepwise, level_count
from .raster import image_shape, raster, signed
from .two_streams import TwoStreams

NARROWEST = -7.0  # log s is at least this, of a range of values from -1 to 1


class PixelCNNPP(Stepwise):
    """A distribution on images of bits or pixels.

    Args:
        space: Bits or Pixels of (channels, height, width).
        width: channels of both streams.
        scales: sizes of the image at which streams run, each half the one before.
        blocks: residual blocks at each size on the way down.
        components: logistics of a mixture; of no meaning for bits.
        dropout: share of the inputs of each block's second layer set to zero in a round of training.
    """

    def __init__(
        self,
        space: Space,
        width: int = 24,
        scales: int = 3,
        blocks: int = 1,
        components: int = 10,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.shape = channels, height, columns = image_shape(space, "PixelCNNPP")
        if scales < 1 or 2 ** (scales - 1) >= 2 * max(height, columns):
            raise Refused(
                f"PixelCNNPP: scales is {scales}; at least 1 is wanted, and no more than the sides "
                f"of {height} x {columns} can be halved"
            )
        self.space, self.width, self.scales, self.blocks = space, width, scales, blocks
        self.levels = level_count(space, "PixelCNNPP")
        self.components, self.dropout = components, dropout
        each, pairs = 2 * channels + channels * (channels - 1) // 2, channels * (channels - 1) // 2
        d_out = channels + pairs if isinstance(space, Bits) else components * (1 + each)
        self.net = TwoStreams(channels + 1, width, scales, blocks, dropout)
        self.head = nn.Conv2d(width, d_out, 1)

    @property
    def order(self) -> Tensor:
        return raster(self.space.shape)

    def logits(self, x: Tensor) -> Tensor:
        out = self.outputs(x)
        if isinstance(self.space, Bits):
            return self._bit_logits(x.movedim(1, -1), out).movedim(-1, 1)
        mixture = self._mixtures(x.movedim(1, -1), out)
        return log_logistic_mixture_levels(*mixture, self.levels).movedim(3, 1)

    def log_probs(self, x: Tensor) -> Tensor:
        """log p of each value given those before it, nats, (n, *shape)."""
        if isinstance(self.space, Bits):
            return super().log_probs(x)
        values = x.movedim(1, -1)
        mixture = self._mixtures(values, self.outputs(x))
        return log_logistic_mixture_bins(values, *mixture, self.levels).movedim(-1, 1)

    def outputs(self, x: Tensor) -> Tensor:
        """The network's outputs for each pixel, given those before it, (n, h, w, numbers)."""
        seen = torch.cat([signed(self.space, x), torch.ones_like(x[:, :1])], 1)
        return self.head(self.net(seen)).to(x.dtype).movedim(1, -1)

    def unroll(self, n: int) -> Generator[Tensor, Tensor, None]:
        channels, height, width = self.shape
        memory = self.net.begin(n, width)
        weight, bias = self.head.weight[:, :, 0, 0], self.head.bias
        above = weight.new_zeros(n, width, channels + 1)
        pixel = above[:, 0]
        for _ in range(height):
            self.net.row(above, memory)
            above = torch.ones_like(above)
            for column in range(width):
                out = nn.functional.linear(self.net.step(pixel, memory), weight, bias)
                x = out.new_zeros(n, channels)
                for channel in range(channels):
                    index = yield self._chances(x, out, channel)
                    x[:, channel] = self.space.values(index, x.dtype)
                above[:, column, :channels] = signed(self.space, x)
                pixel = above[:, column]

    # outputs, and the chances of values

    def _chances(self, x: Tensor, out: Tensor, channel: int) -> Tensor:
        """The logits of one channel, (n, levels), or of bits (n, 1), given those before it in x, (n, c)."""
        if isinstance(self.space, Bits):
            return self._bit_logits(x, out)[:, channel, None]
        mixture = (part[:, channel] for part in self._mixtures(x, out))
        return log_logistic_mixture_levels(*mixture, self.levels)

    def _bit_logits(self, x: Tensor, out: Tensor) -> Tensor:
        """(..., channels), of which each is coupled to those before it in x, (..., channels)."""
        channels = self.shape[0]
        own, coupling = out[..., :channels], iter(out[..., channels:].unbind(-1))
        logits = list(own.unbind(-1))
        for channel in range(channels):
            for before in range(channel):
                logits[channel] = logits[channel] + next(coupling) * x[..., before]
        return torch.stack(logits, -1)

    def _mixtures(self, x: Tensor, out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Weights, means and log s of each channel given those before it, (..., channels, components)."""
        channels, k = self.shape[0], self.components
        log_weight = out[..., :k].log_softmax(-1)
        rest = out[..., k:].unflatten(-1, (-1, k))
        means, log_s = (
            list(rest[..., :channels, :].unbind(-2)),
            rest[..., channels : 2 * channels, :],
        )
        log_s = log_s.clamp(min=NARROWEST)
        coupling = iter(rest[..., 2 * channels :, :].tanh().unbind(-2))
        weights = [log_weight]
        for channel in range(channels):
            for before in range(channel):
                means[channel] = means[channel] + next(coupling) * x[..., before, None]
            if channel + 1 < channels:
                weights.append(
                    weights[-1]
                    + self._by_component(x[..., channel], means[channel], log_s[..., channel, :])
                )
        return torch.stack(weights, -2), torch.stack(means, -2), log_s

    def _by_component(self, x: Tensor, mean: Tensor, log_s: Tensor) -> Tensor:
        """log P(x; mu_k, s_k), (..., components), of x, (...)."""
        each = x[..., None].expand_as(mean)
        alone = mean.new_zeros(1)
        return log_logistic_mixture_bins(
            each, alone, mean[..., None], log_s[..., None], self.levels
        )
