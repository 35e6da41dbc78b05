"""Two players on a saddle: matrices, eigenvalues, rates and limits against each other."""

import math

import numpy as np
import pytest
import torch

from genus.laboratory.dynamics import (
    METHODS,
    Game,
    dynamics,
    eigenvalues,
    largest_step,
    radius,
    update,
    walk,
)

GAMES = [Game(3.0, 0.0), Game(3.0, 1.0), Game(0.7, 0.4), Game(-2.0, 0.3)]
STEPS = [0.02, 0.15, 0.6]


def by_autograd(method, game, h, gamma, moves):
    """The same walk with torch: x descends f, y ascends it."""

    def f(w):
        return game.a * w[0] * w[1] + game.c * (w[0] ** 2 - w[1] ** 2)

    def v(w):
        return torch.func.grad(f)(w) * torch.tensor([1.0, -1.0])

    w = torch.ones(2, dtype=torch.float64)
    path, before = [w], v(w)
    for _ in range(moves):
        now = v(w)
        if method == "alternating":
            x = w[0] - h * now[0]
            w = torch.stack([x, w[1] - h * v(torch.stack([x, w[1]]))[1]])
        elif method == "extragradient":
            w = w - h * v(w - h * now)
        elif method == "consensus":
            w = w - h * (now + gamma * torch.func.grad(lambda u: v(u).square().sum() / 2)(w))
        elif method == "optimistic":
            w, before = w - 2 * h * now + h * before, now
        else:
            w = w - h * now
        path.append(w)
    return torch.stack(path).numpy()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("step", STEPS)
def test_eigenvalues_in_closed_form_are_those_of_the_matrix(method, game, step):
    closed = eigenvalues(method, game, step, 0.3)
    solved = np.linalg.eigvals(update(method, game, step, 0.3))
    for value in closed:  # the same set, double ones included
        assert np.abs(solved - value).min() < 1e-7
    assert abs(closed.sum() - np.trace(update(method, game, step, 0.3))) < 1e-12
    assert radius(method, game, step, 0.3) == pytest.approx(np.abs(solved).max(), abs=1e-7)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("game", GAMES)
def test_the_walk_is_that_of_autograd_and_of_the_matrix(method, game):
    path = walk(method, game, 0.1, 0.3, 12)
    assert np.allclose(path, by_autograd(method, game, 0.1, 0.3, 12), rtol=1e-12)
    matrix = update(method, game, 0.1, 0.3)
    state = np.ones(len(matrix))  # for optimistic: w, and w before
    for w in path:
        assert np.allclose(state[:2], w, rtol=1e-12)
        state = matrix @ state


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("step", [0.05, 0.15])
def test_the_simulated_rate_is_the_spectral_radius(method, game, step):
    values, vectors = np.linalg.eig(update(method, game, step, 0.3))
    top = np.sort(np.abs(values))[::-1]
    assert len(top) == 2 or top[2] < 0.9 * top[0]  # what else there is has died out by then
    path = np.linalg.norm(walk(method, game, step, 0.3, 300), axis=1)
    grown = np.log(path[300] / path[100]) / 200
    slack = 2 * np.log(np.linalg.cond(vectors)) / 200 + 1e-9  # how far a norm may swing
    assert abs(grown - np.log(top[0])) <= slack
    assert slack < 0.04


def test_x_wants_f_small_and_y_wants_it_large():
    game, h = Game(3.0, 1.0), 1e-3

    def f(x, y):
        return game.a * x * y + game.c * (x * x - y * y)

    x, y = walk("simultaneous", game, h, 0.3, 1)[1]
    assert f(x, 1.0) < f(1.0, 1.0) < f(1.0, y)
    path = walk("simultaneous", Game(0.0, 1.0), 0.1, 0.3, 1)
    assert np.allclose(path[1], [0.8, 0.8])  # each falls to the middle: the saddle pulls inward


@pytest.mark.parametrize(
    ("method", "game", "limit"),
    [
        ("simultaneous", Game(3.0, 0.0), 0.0),
        ("alternating", Game(3.0, 0.0), 0.0),
        ("simultaneous", Game(3.0, 1.0), 4 / 13),  # 4c / (4c^2 + a^2)
        ("extragradient", Game(3.0, 0.0), 1 / 3),  # 1 / a
        ("optimistic", Game(3.0, 0.0), 1 / (3 * math.sqrt(3))),  # 1 / (a sqrt 3)
        ("consensus", Game(3.0, 0.0), 0.6 / (0.09 * 9 + 1)),  # 2g / (g^2 a^2 + 1)
    ],
)
def test_the_largest_step(method, game, limit):
    assert largest_step(method, game, 0.3, 1.0) == pytest.approx(limit, abs=1e-6)


def test_taking_turns_circles_until_the_step_is_too_large():
    game = Game(2.0, 0.0)
    assert radius("alternating", game, 0.99, 0.3) == pytest.approx(1, abs=1e-12)
    assert radius("alternating", game, 1.01, 0.3) > 1.1


def test_the_sentence_is_computed():
    outcome = dynamics()
    assert "9.7 % farther out" in outcome.sentence
    assert "all five ways to move come to rest" in outcome.sentence
    other = dynamics(step=0.35)
    assert "no way to move comes to rest" in other.sentence
    assert len(outcome.rows) == 2 * len(METHODS)


@pytest.mark.filterwarnings("error")
def test_a_walk_that_diverges_stays_finite():
    outcome = dynamics(step=5, moves=500)
    assert all(np.isfinite(array).all() for array in outcome.arrays.values())
    assert "taking turns diverges" in outcome.sentence


def test_options_are_checked():
    with pytest.raises(ValueError, match="dynamics: step is 0; a number above 0 is wanted"):
        dynamics(step=0)
    with pytest.raises(ValueError, match="dynamics: moves is 0; at least 1 is wanted"):
        dynamics(moves=0)
