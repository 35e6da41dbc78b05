"""What the benchmark of ConditionalVAE measures: moments of a bar that is known, and the best of several draws."""

import pytest
import torch

from benchmarks.vae.conditional import correlations, moments, nearest, within


def bar(slant, wide):
    """An upright bar of 41 rows, wide + 1 pixels with its soft edges, leaning right by `slant`, (1, 1, 60, 60)."""
    y, x = torch.meshgrid(torch.arange(60.0), torch.arange(60.0), indexing="ij")
    across = (x - 30 + slant * (y - 30)).abs() - wide / 2
    return ((1 - across).clamp(0, 1) * ((y - 30).abs() <= 20))[None, None]


@pytest.mark.parametrize(("slant", "wide"), [(0.0, 3.0), (0.3, 3.0), (-0.3, 3.0), (0.0, 6.0)])
def test_slant_and_thickness_are_those_of_a_bar(slant, wide):
    found = moments(bar(slant, wide))[0]
    assert found[0] == pytest.approx(slant, abs=0.02)
    assert found[2] == pytest.approx(wide + 1, rel=0.2)


def test_width_does_not_hear_of_slant_nor_of_place():
    bars = torch.cat([bar(0.0, 3.0), bar(0.3, 3.0), bar(0.0, 6.0)])
    plain, leaning, wide = moments(bars)[:, 1].tolist()
    assert leaning == pytest.approx(plain, rel=0.05)
    assert wide > 1.6 * plain
    torch.testing.assert_close(moments(bar(0.3, 3.0).roll((4, -5), (2, 3))), moments(bar(0.3, 3.0)))


def test_what_is_left_within_labels_has_no_mean_and_correlates_as_it_should():
    labels = torch.arange(1000) % 10
    noise = torch.randn(1000, 3, dtype=torch.float64)
    left = within(noise + 100.0 * labels[:, None], labels)
    torch.testing.assert_close(left, within(noise, labels))
    assert correlations(left, -2 * left) == pytest.approx(
        {"slant": -1, "width": -1, "thickness": -1}
    )
    assert max(map(abs, correlations(left, torch.randn_like(left)).values())) < 0.2


def test_the_nearest_of_several_draws_is_counted_over_all_groups():
    found = nearest(torch.arange(1.0, 101.0).sqrt()[:, None, None], torch.zeros(1, 1))
    assert found[1] == pytest.approx(50.5)
    assert found[10] == pytest.approx(sum(range(1, 101, 10)) / 10)
    assert found[100] == pytest.approx(1.0)
