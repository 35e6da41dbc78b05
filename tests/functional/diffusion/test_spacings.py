"""Times fall, and their last is where a spacing says that it is."""

import pytest
import torch

from genus.core import Reals
from genus.diffusion import DDIM, DDPM, Heun, TimeMLP
from genus.diffusion.noise import ChainPath, LinearSchedule
from genus.functional.diffusion.paths import VP, LinearVE, Straight
from genus.functional.diffusion.spacings import Karras, WithoutLast, by_log_snr, even

PATHS = [VP(), LinearVE(), Straight(), ChainPath(LinearSchedule()(50))]


@pytest.mark.parametrize("path", PATHS, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize(
    "spacing", [even, by_log_snr, Karras()], ids=lambda s: getattr(s, "__name__", str(s))
)
def test_the_last_is_left_out(path, spacing):
    whole, most = spacing(path, 6, 0.9), WithoutLast(spacing)(path, 5, 0.9)
    assert list(most) == list(whole[:-1])
    assert most[-1] > path.first
    assert WithoutLast(spacing)(path, 1, 0.9) == whole[:1]


def test_steps_on_a_straight_path_are_as_long_as_each_other():
    times = torch.tensor([*WithoutLast(even)(Straight(1e-9), 4, 1.0), 0.0])
    torch.testing.assert_close(times, torch.tensor([1.0, 0.75, 0.5, 0.25, 0.0]))


def test_one_time_is_left_where_there_is_but_one():
    """From the first time itself no spacing has two."""
    path = ChainPath(LinearSchedule()(50))
    assert WithoutLast(even)(path, 3, path.first) == [path.first]


@pytest.mark.parametrize(("kind", "count"), [(DDIM, 4), (Heun, 7)])
def test_samplers_still_count_right(kind, count):
    torch.set_default_dtype(torch.float64)
    calls = []

    class Counts(TimeMLP):
        def forward(self, x, t):
            calls.append(1)
            return super().forward(x, t)

    model = DDPM(Counts(2, 4, 1), Reals((2,)), 50)
    kind(count, spacing=WithoutLast(even))(model, torch.randn(3, 2))
    assert len(calls) == count
