"""The recipes gaussian and gmm: what would hang is refused or announced before it begins."""

import pytest
import torch

from genus.core import Reals
from genus.density.gaussian import check_size
from genus.media import save_png
from genus.recipes.density.gaussian import gaussian
from genus.recipes.density.gmm import gmm
from genus.train.run import Run

ONE = Run(rounds=1, device="cpu")


@pytest.fixture
def large(tmp_path):
    """A folder of ten colour pictures of 64 pixels."""
    for number in range(10):
        save_png((torch.rand(64, 64, 3) * 255).byte().numpy(), tmp_path / f"{number}.png")
    return str(tmp_path)


def test_a_full_covariance_of_large_pictures_is_refused(large):
    with pytest.raises(ValueError, match=r"gaussian: x has 12,288 dimensions; .*--covariance diag"):
        gaussian(large, run=ONE)
    with pytest.raises(ValueError, match=r"gmm: x has 12,288 dimensions; 3 full covariances"):
        gmm(large, 3, "full", run=ONE)
    gaussian(large, "diagonal", ONE)


def test_the_bound_counts_components():
    check_size("gmm", Reals((5000,)), "full")
    check_size("gmm", Reals((784,)), "full", 60)
    check_size("gmm", Reals((10**6,)), "spherical", 60)
    with pytest.raises(ValueError, match=r"at most 1,077 dimensions are wanted"):
        check_size("gmm", Reals((1200,)), "full", 100)


def test_long_steps_of_a_mixture_are_announced(monkeypatch):
    monkeypatch.setattr("genus.recipes.density.gmm.LONG", 1e-6)
    with pytest.warns(
        UserWarning,
        match="passes 3 times over 1,297 rows of 64 numbers, which takes about 0.0 minutes before",
    ):
        gmm("digits", 3, run=ONE)
