"""A recurrent layer from both ends: each place knows all that is before and all that is after it."""

import torch
from torch import Tensor, nn


class Bidirectional(nn.Module):
    """Two GRUs, one from each end: (n, length, d_in) -> (n, length, 2 width).

    Source: Schuster, Paliwal, "Bidirectional recurrent neural networks", 1997,
        doi:10.1109/78.650093.

    Args:
        d_in: numbers of a place.
        width: numbers of the state of each of the two.
    """

    def __init__(self, d_in: int, width: int):
        super().__init__()
        self.d_in, self.width, self.d_out = d_in, width, 2 * width
        self.there = nn.GRU(d_in, width, batch_first=True)
        self.back = nn.GRU(d_in, width, batch_first=True)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """States at each place; `seen`, (n, length) bool: the first places, which are there.

        What is at other places changes nothing at these.
        """
        turned = self._turned(seen)
        forth = self.there(x)[0]
        back = self.back(_picked(x, turned))[0]
        return torch.cat([forth, _picked(back, turned)], 2)

    def ends(self, states: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """The last state of each direction, (n, width) twice: at the last place, and at the first."""
        last = seen.sum(1) - 1
        rows = torch.arange(len(states), device=states.device)
        return states[rows, last, : self.width], states[:, 0, self.width :]

    def _turned(self, seen: Tensor) -> Tensor:
        """Numbers of places, (n, length), those that are there from the last to the first."""
        place = torch.arange(seen.shape[1], device=seen.device)
        count = seen.sum(1, keepdim=True)
        return torch.where(place < count, count - 1 - place, place)


def _picked(x: Tensor, places: Tensor) -> Tensor:
    """The places of these numbers, row by row: (n, length, d), (n, length) -> (n, length, d)."""
    return x.gather(1, places[:, :, None].expand_as(x))
