"""Views: the same law for both sides, noise that fades, a chain, and a memory that is kept."""

import pytest
import torch
from laws import within

from genus.adversarial import InstanceNoise, View, Views
from genus.train import artifact


def test_the_plain_view_shows_the_rows_themselves():
    x = torch.randn(4, 3)
    assert View()(x) is x


@pytest.mark.parametrize(("moves", "std"), [(0, 0.5), (5, 0.25), (9, 0.05), (10, 0.0), (40, 0.0)])
def test_instance_noise_falls_linearly_to_zero(moves, std):
    view = InstanceNoise(0.5, rounds=10)
    for _ in range(moves):
        view.adapt(torch.zeros(3))
    torch.manual_seed(0)
    noise = view(torch.zeros(20_000, dtype=torch.float64))
    within(noise, 0.0)
    within(noise.square(), std**2)
    if not std:
        assert (noise == 0).all()


def test_noise_is_each_rows_own():
    x = InstanceNoise(1.0, 2)(torch.zeros(5, 2, 3))
    assert len(x.flatten().unique()) == 30


def test_views_come_one_after_another_and_all_get_scores():
    class Doubles(View):
        def forward(self, x):
            return 2 * x

    first, last = InstanceNoise(1.0, 5), InstanceNoise(0.0, 5)
    views = Views((first, Doubles(), last))
    torch.manual_seed(3)
    x = views(torch.zeros(4))
    torch.manual_seed(3)
    torch.testing.assert_close(x, 2 * torch.randn(4))
    views.adapt(torch.zeros(1))
    assert [int(first.moves), int(last.moves)] == [1, 1]


def test_what_a_view_remembers_is_saved():
    views = Views((InstanceNoise(1.0, 5), View()))
    for _ in range(3):
        views.adapt(torch.zeros(1))
    twin = artifact.decode(artifact.encode(views))
    twin.load_state_dict(views.state_dict())
    assert int(twin.views[0].moves) == 3
    torch.manual_seed(1)
    x = views(torch.zeros(6))
    torch.manual_seed(1)
    assert torch.equal(twin(torch.zeros(6)), x)


@pytest.mark.parametrize("arguments", [(-1.0, 5), (1.0, 0)])
def test_instance_noise_refuses(arguments):
    with pytest.raises(ValueError, match=r"InstanceNoise: (std|rounds) is"):
        InstanceNoise(*arguments)
