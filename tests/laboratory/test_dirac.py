"""The smallest GAN, against autograd through the library's own objectives and penalties."""

import numpy as np
import pytest
import torch

from genus.functional.adversarial.objectives import OBJECTIVES
from genus.functional.adversarial.penalties import gradient_penalty, r1, r2
from genus.laboratory.dirac import dirac, left, methods, walk

WAYS = methods(gamma=0.3, sigma=0.8, clip=0.5, ratio=4.0)
GAMES = {  # objective, penalty with weight 0.3, how much faster the critic is
    "minimax": ("minimax", None, 1),
    "non_saturating": ("non_saturating", None, 1),
    "clipped": ("wasserstein", None, 1),
    "gradient_penalty": ("wasserstein", gradient_penalty, 1),
    "two_scales": ("minimax", None, 4),
    "r1": ("minimax", r1, 1),
}


def losses(name, theta, psi, penalty):
    def critic(x):
        return psi * x

    real, fake = torch.zeros(1, 1, dtype=torch.float64), theta.reshape(1, 1)
    game = OBJECTIVES[name]
    cost = sum(game.critic(critic(real), critic(fake)).values())
    if penalty is not None:
        cost = cost + 0.3 * penalty(critic, real, fake)
    return sum(game.generator(critic(real), critic(fake)).values()), cost


def field(key, theta, psi):
    """How fast theta and psi move, by autograd."""
    name, penalty, faster = GAMES[key]
    t, p = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (theta, psi))
    generator, critic = losses(name, t, p, penalty)
    (slow,) = torch.autograd.grad(generator, t, retain_graph=True, allow_unused=True)
    (fast,) = torch.autograd.grad(critic, p, allow_unused=True)
    return -float(slow), -faster * float(fast)


@pytest.mark.parametrize("key", GAMES)
def test_fields_are_those_of_the_objectives_and_penalties(key):
    for theta, psi in ((0.7, -1.2), (-0.4, 0.3), (1.5, 1.1)):
        ours = WAYS[key].field(np.array(theta), np.array(psi))
        assert np.allclose(ours, field(key, theta, psi), atol=1e-12)


def test_r2_is_r1_here():
    theta, psi = torch.tensor([0.7, -1.2], dtype=torch.float64)
    first, second = (losses("minimax", theta, psi, penalty)[1] for penalty in (r1, r2))
    assert torch.allclose(first, second, rtol=1e-15)


@pytest.mark.parametrize("key", [key for key, way in WAYS.items() if way.eigenvalues])
def test_eigenvalues_in_closed_form_are_those_of_the_jacobian(key):
    h, columns = 1e-5, []
    for theta, psi in ((h, 0.0), (0.0, h)):
        ahead = np.array(WAYS[key].field(np.array(theta), np.array(psi)))
        behind = np.array(WAYS[key].field(np.array(-theta), np.array(-psi)))
        columns.append((ahead - behind) / (2 * h))
    solved = np.linalg.eigvals(np.stack(columns, 1))
    closed = np.array(WAYS[key].eigenvalues)
    assert np.allclose(np.sort_complex(solved.astype(complex)), np.sort_complex(closed), atol=1e-8)


def test_the_jacobian_of_r1_by_autograd():
    """[[0, f'], [-f', -gamma]], through the penalty's own double backward."""

    def v(w):
        t, p = w
        generator, critic = losses("minimax", t, p, r1)
        slow = torch.autograd.grad(generator, t, create_graph=True)[0]
        return torch.stack([-slow, -torch.autograd.grad(critic, p, create_graph=True)[0]])

    w = torch.tensor([0.0, 1e-9], dtype=torch.float64)  # a norm has no second slope at 0
    jacobian = torch.autograd.functional.jacobian(v, w)
    assert torch.allclose(jacobian, torch.tensor([[0, 0.5], [-0.5, -0.3]]).double(), atol=1e-7)


def test_instance_noise_is_the_mean_over_noise():
    n, theta, psi = 200_000, 0.7, -1.2
    x, y = 0.8 * torch.randn(2, n, dtype=torch.float64)
    t = torch.full((n,), theta, dtype=torch.float64, requires_grad=True)
    p = torch.full((n,), psi, dtype=torch.float64, requires_grad=True)
    game = OBJECTIVES["minimax"]
    real, fake = p * x, p * (t + y)
    (slow,) = torch.autograd.grad(
        n * sum(game.generator(real, fake).values()), t, retain_graph=True
    )
    (fast,) = torch.autograd.grad(n * sum(game.critic(real, fake).values()), p)
    ours = WAYS["noise"].field(np.array(theta), np.array(psi))
    for exact, drawn in zip(ours, (-slow, -fast), strict=True):
        assert abs(float(exact) - float(drawn.mean())) < 5 * float(drawn.std()) / n**0.5


def test_consensus_descends_the_square_of_the_field():
    def v(w):
        t, p = w
        return torch.stack([p, -t]) * torch.sigmoid(t * p)

    for point in ((0.7, -1.2), (1.5, 1.1)):
        w = torch.tensor(point, dtype=torch.float64)
        wanted = v(w) - 0.3 * torch.func.grad(lambda u: v(u).square().sum() / 2)(w)
        assert np.allclose(WAYS["consensus"].field(*map(np.array, point)), wanted, atol=1e-12)


def test_the_spectral_norm_turns_no_slope_on_psi():
    theta, psi = WAYS["spectral"].field(np.array(0.4), np.array(-0.01))
    assert psi == 0
    assert theta < 0


def test_near_rest_the_distance_falls_as_the_eigenvalue_says():
    way = WAYS["r1"]
    path = np.linalg.norm(walk(way, (1e-3, 1e-3), 0.01, 4000), axis=1)
    turn = round(np.pi / (way.eigenvalues[0].imag * 0.01))  # half a turn: the same angle again
    rate = np.log(path[4 * turn] / path[2 * turn]) / (2 * turn * 0.01)
    assert rate == pytest.approx(way.eigenvalues[0].real, rel=0.02)


def test_who_comes_to_rest():
    outcome = dirac()
    ends = {row[0].partition(",")[0]: row[3] for row in outcome.rows}
    rest = [name for name, end in ends.items() if end == "rests"]
    assert rest == ["instance noise", "R1 (here also R2)", "consensus"]
    assert ends["non-saturating"] == "creeps inward"
    assert "3 of 9 ways" in outcome.sentence
    assert np.abs(outcome.arrays["clipped/path"][1:, 1]).max() <= 0.5
    assert left(outcome.arrays["minimax/path"]) == pytest.approx(1, abs=0.05)


def test_a_path_that_diverges_stays_finite():
    outcome = dirac(step=50, rounds=2000)
    assert all(np.isfinite(array).all() for array in outcome.arrays.values())
    assert "0 of 9 ways" in outcome.sentence


def test_options_are_checked():
    with pytest.raises(ValueError, match="dirac: gamma is -1; a number above 0 is wanted"):
        dirac(gamma=-1)
    with pytest.raises(ValueError, match="dirac: rounds is 9; at least 10 is wanted"):
        dirac(rounds=9)
