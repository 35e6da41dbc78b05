"""CIE L*a*b*, against values that others publish, and its own inverse."""

import pytest
import torch

from genus.errors import Refused
from genus.vae.given.lab import lab_of, rgb_of

KNOWN = {  # sRGB in [0, 255]: L, a, b under D65, of Lindbloom's calculator
    (255, 0, 0): (53.2408, 80.0925, 67.2032),
    (0, 255, 0): (87.7347, -86.1827, 83.1793),
    (0, 0, 255): (32.2970, 79.1875, -107.8602),
    (255, 255, 255): (100.0, 0.0, 0.0),
    (0, 0, 0): (0.0, 0.0, 0.0),
    (119, 119, 119): (50.0344, 0.0, 0.0),
}


@pytest.mark.parametrize("colour", KNOWN)
def test_primaries_are_where_others_find_them(colour):
    x = torch.tensor(colour, dtype=torch.float64).view(1, 3, 1, 1) / 127.5 - 1
    assert torch.allclose(lab_of(x).flatten(), torch.tensor(KNOWN[colour]).double(), atol=2e-2)


def test_colours_come_back():
    x = 2 * torch.rand(50, 3, 4, 5, dtype=torch.float64) - 1
    assert torch.allclose(rgb_of(lab_of(x)), x, atol=1e-9)
    x[0], x[1] = -1, 1
    assert torch.allclose(rgb_of(lab_of(x.float())), x.float(), atol=1e-4)


def test_slopes_are_finite_where_a_root_has_none():
    x = torch.full((1, 3, 1, 1), -1.0, requires_grad=True)
    lab_of(x).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_what_no_screen_shows_is_cut_off():
    assert torch.equal(
        rgb_of(torch.tensor([[100.0, 0.0, 110.0]])).clamp(-1, 1).abs() <= 1, torch.ones(1, 3).bool()
    )
    assert rgb_of(torch.tensor([[50.0, -200.0, 0.0]]))[0, 0] == -1


def test_other_numbers_of_channels_are_refused():
    for call in (lab_of, rgb_of):
        with pytest.raises(Refused, match=r"x is \(2, 1, 4, 4\); \(n, 3, ...\) is wanted"):
            call(torch.zeros(2, 1, 4, 4))
