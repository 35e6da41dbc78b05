"""The generator's gradient as the critic gets sure."""

import numpy as np
import pytest
import torch

from genus.functional.adversarial.objectives import OBJECTIVES
from genus.laboratory.judging import pull
from genus.laboratory.saturating import saturating, slopes


@pytest.fixture(scope="module")
def outcome():
    torch.set_num_threads(1)
    return saturating()


def test_the_closed_form_is_the_slope_of_the_objectives():
    logit = torch.linspace(-30, 8, 50, dtype=torch.float64, requires_grad=True)
    for name, closed in zip(
        ("minimax", "non_saturating"), slopes(logit.detach().numpy()), strict=True
    ):
        loss = OBJECTIVES[name].generator(logit[:0], logit)["fool"] * len(logit)
        (slope,) = torch.autograd.grad(loss, logit)
        assert np.allclose(-slope.numpy(), closed, rtol=1e-8, atol=0)


def test_the_pull_on_a_row_is_the_slope_times_the_critics():
    critic, x = torch.nn.Linear(2, 1).double(), torch.randn(7, 2, dtype=torch.float64)
    for name, closed in zip(
        ("minimax", "non_saturating"), slopes(critic(x).detach().numpy()), strict=True
    ):
        found = pull(OBJECTIVES[name], critic, x).numpy()
        assert np.allclose(found, -closed * critic.weight.detach().numpy(), atol=1e-15)


def test_minimax_fades_and_non_saturating_does_not(outcome):
    marks = outcome.arrays["marks"]
    assert marks[:, 0].tolist() == [0, 25, 100, 400]
    assert marks[0, 2] == pytest.approx(marks[0, 3], rel=0.1)  # an untaught critic: both alike
    assert marks[-1, 2] < marks[1, 2] / 20
    assert marks[-1, 3] > marks[1, 3]
    assert marks[-1, 3] > 1000 * marks[-1, 2]
    assert (np.diff(marks[:, 1]) < 0).all()


def test_the_ratio_is_what_the_logit_says(outcome):
    """Rows of one logit f have gradients in the ratio s(f) / (1 - s(f)) = e^f."""
    last = outcome.arrays["marks"][-1]
    assert np.log(last[2] / last[3]) == pytest.approx(last[1], abs=0.3)


def test_it_is_pure():
    torch.manual_seed(5)
    first = saturating(rounds=(0, 10))
    after = torch.rand(())
    torch.manual_seed(5)
    assert torch.rand(()) == after  # no chance was taken from outside
    again, other = saturating(rounds=(0, 10)), saturating(rounds=(0, 10), seed=1)
    assert first.to_json() == again.to_json() != other.to_json()


def test_options_are_checked():
    for rounds in ((), (5, 3), (0,), (-1, 3), (2, 2)):
        with pytest.raises(
            ValueError, match=r"saturating: rounds is .*; a rising list of at least two"
        ):
            saturating(rounds=rounds)
    with pytest.raises(ValueError, match="saturating: gap is 0; a number above 0 is wanted"):
        saturating(gap=0)
