"""A critic that scores patches of an image, alone or beside what it was made from."""

import torch
from torch import Tensor, nn


class PatchCritic(nn.Module):
    """Scores patches of an image, beside its context if it is shown one: (n, c, h, w) -> a map of logits.

    Args:
        d_in: channels of all that it is shown.
        side: the shorter side, in pixels.
        width: channels of the first layer.
    """

    def __init__(self, d_in: int, side: int, width: int):
        super().__init__()
        self.d_in, self.side, self.width = d_in, side, width
        same = nn.ZeroPad2d((1, 2, 1, 2))  # a 4 x 4 convolution keeps the size
        halvings = max(1, min(3, side.bit_length() - 4))
        layers: list[nn.Module] = [nn.Conv2d(d_in, width, 4, stride=2, padding=1)]
        for i in range(halvings):
            before, after = width << i, width << i + 1
            last = i + 1 == halvings
            if last:
                layers.append(same)
            layers += [
                nn.LeakyReLU(0.2),
                nn.Conv2d(before, after, 4, stride=1 if last else 2, padding=0 if last else 1),
                nn.InstanceNorm2d(after, affine=True),
            ]
        layers += [same, nn.LeakyReLU(0.2), nn.Conv2d(width << halvings, 1, 4)]
        self.net = nn.Sequential(*layers)

    def forward(self, y: Tensor, *x: Tensor) -> Tensor:
        return self.net(torch.cat([y, *x], 1))
