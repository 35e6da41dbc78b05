"""The network of a reader: the whole picture, and what matters of it from near.

    features    of the whole picture, by convolutions
    places      where the eyes and the mouth are, by a linear layer
    crops       a square around each place, in full resolution, by convolutions of their own
    heads       all parameters, by a linear layer on both

A smile is a few pixels that move with the head. In a square that moves with them they are always in the same
place, and little has to be learnt. In training the squares lie around the true places, a little off, or
around those that the network finds; later always around the latter.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample, pixel_unshuffle

SIDE = 64  # pixels of the side of a picture as the network takes it
NEAR = 20  # pixels of the side of a square around a place
OFF = 0.03  # by which true places are off in training, a standard deviation, in halves of the side
CROPPED = 64  # features of a square


class Net(nn.Module):
    """Pictures to what is read of them.

    Args:
        width: channels of the first convolution.
        features: features of the whole picture.
        places: number of places that are looked at from near; 0 looks at none.
        outputs: number of outputs.
    """

    def __init__(self, width: int, features: int, places: int, outputs: int):
        super().__init__()
        self.width, self.features, self.places, self.outputs = width, features, places, outputs
        wide, wider, last = 2 * width, 14 * width // 5, 6 * width // 5
        self.body = nn.Sequential(
            _layer(12, width),
            Skipped(width),
            _layer(width, wide, 2),
            Skipped(wide),
            _layer(wide, wider, 2),
            Skipped(wider),
            _layer(wider, last, 2),
            nn.Flatten(),
            *_dense(last * (SIDE // 16) ** 2, features),
        )
        self.where = nn.Linear(features, 2 * places) if places else None
        if self.where is not None:
            nn.init.zeros_(self.where.weight)  # all places begin in the middle
            nn.init.zeros_(self.where.bias)
            self.near = nn.Sequential(
                _layer(3, width),
                Skipped(width),
                _layer(width, wide, 2),
                Skipped(wide),
                _layer(wide, wide, 2),
                nn.Flatten(),
            )
            size = wide * (NEAR // 4) ** 2
            # the two eyes have one, the mouth has another
            kinds = min(places, 2)
            self.kinds = nn.ModuleList(nn.Sequential(*_dense(size, CROPPED)) for _ in range(kinds))
        self.heads = nn.Linear(features + CROPPED * places, outputs)

    def forward(self, x: Tensor, true: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Outputs, (n, outputs), and places, (n, places, 2): x and y, -1 to 1.

        Args:
            x: pictures, (n, 3, 64, 64).
            true: true places, in training.
        """
        shuffled = pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
        features = self.body(shuffled)
        if self.where is None:
            return self.heads(features).float(), x.new_zeros(len(x), 0, 2)
        found = self.where(features).float().reshape(len(x), self.places, 2)
        at = found.detach()
        if true is not None:
            near = true + OFF * torch.randn_like(true)
            own = torch.rand(len(x), 1, 1, device=x.device) < 0.5
            at = torch.where(own, at, near)
        crops = squares(x, at).transpose(0, 1).flatten(0, 1)  # all of the first place, ...
        seen = self.near(crops.contiguous(memory_format=torch.channels_last))
        parts = [self.kinds[i // 2](part) for i, part in enumerate(seen.split(len(x)))]
        return self.heads(torch.cat([features, *parts], 1)).float(), found


def squares(x: Tensor, places: Tensor) -> Tensor:
    """The squares of 20 pixels around places, (n, 3, h, w) and (n, k, 2) -> (n, k, 3, 20, 20)."""
    n, k, _ = places.shape
    step = ((torch.arange(NEAR, device=x.device) + 0.5) * 2 - NEAR) / SIDE
    across = places[..., 0, None, None] + step[None, None, None, :]
    down = places[..., 1, None, None] + step[None, None, :, None]
    grid = torch.stack(torch.broadcast_tensors(across, down), -1)
    tall = grid.reshape(n, k * NEAR, NEAR, 2).to(x)
    found = grid_sample(x, tall, padding_mode="border", align_corners=False)
    return found.reshape(n, -1, k, NEAR, NEAR).transpose(1, 2)


def _layer(before: int, after: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())


def _dense(before: int, after: int) -> tuple[nn.Module, ...]:
    return nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.ReLU()


class Skipped(nn.Module):
    """x and what a convolution makes of it: (n, width, h, w).

    Args:
        width: channels.
    """

    def __init__(self, width: int):
        super().__init__()
        self.width, self.layer = width, _layer(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layer(x)
