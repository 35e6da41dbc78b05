"""Skip-gram: its loss by hand, what its minimum is, and analogies that are planted in vectors."""

import laws
import pytest
import torch
from models import build
from torch.nn.functional import logsigmoid

from genus.autoregressive import SkipGram
from genus.autoregressive.text.word_vectors import analogies, factorised, neighbours, ppmi
from genus.core import Classes

LAW = torch.tensor(
    [[0.1, 0.6, 0.3, 0.0], [0.6, 0.1, 0.1, 0.2], [0.4, 0.2, 0.2, 0.2], [0.1, 0.5, 0.3, 0.1]]
)


def test_the_loss_by_hand():
    """With one word that can be drawn: q is certain, and nothing is left to chance."""
    model = build(lambda: SkipGram(Classes(3), 4, negatives=2, power=1.0))
    model.counts.copy_(torch.tensor([1e12, 1e-12, 1e-12]))
    x, context = torch.tensor([1, 2]), torch.tensor([0, 2])
    u, v = model.u.weight, model.v.weight
    met = [-logsigmoid(u[c] @ v[w]) for c, w in ((1, 0), (2, 2))]
    made_up = [-2 * logsigmoid(-u[0] @ v[w]) for w in (0, 2)]
    found = model.loss(x, context)
    torch.testing.assert_close(found["met"], sum(met) / 2)
    torch.testing.assert_close(found["made_up"], sum(made_up) / 2)


def test_words_are_drawn_by_the_power_of_their_counts():
    model = build(lambda: SkipGram(Classes(3), 4))
    model.prepare(torch.tensor([0] * 15 + [1] * 80), torch.zeros(95, dtype=torch.int64))
    q = torch.tensor([16.0, 81.0, 1.0], dtype=torch.float64) ** 0.75
    torch.testing.assert_close(model.noise_log_prob().exp(), q / q.sum())


def test_its_minimum_is_the_distribution_of_neighbours():
    """The gradient of the exact loss vanishes where u v = log p(c | w) - log k q(c), and p is then p."""
    torch.set_default_dtype(torch.float64)
    law, k = (LAW.double() + 0.01) / (LAW.double() + 0.01).sum(1, keepdim=True), 3
    model = SkipGram(Classes(4), 4, negatives=k)
    model.counts.copy_(torch.tensor([4.0, 3.0, 2.0, 1.0]))
    q = model.noise_log_prob().exp()
    with torch.no_grad():
        model.v.weight.copy_(torch.eye(4))
        model.u.weight.copy_((law.log() - (k * q).log()).T)
    states = torch.arange(4)
    for w in range(4):
        p = model.log_prob(states, torch.full((4,), w)).exp()
        torch.testing.assert_close(p, law[w])
    products = (model.v.weight @ model.u.weight.T).detach().requires_grad_()
    exact = -(law * logsigmoid(products) + k * q * logsigmoid(-products)).sum()
    (slope,) = torch.autograd.grad(exact, products)
    torch.testing.assert_close(slope, torch.zeros(4, 4))


def test_it_learns_that_distribution():
    torch.manual_seed(0)
    model = SkipGram(Classes(4), 4, negatives=2)
    word = torch.randint(4, (20_000,))
    x = LAW[word].multinomial(1)[:, 0]
    model.prepare(x, word)
    optimizer = torch.optim.Adam(model.parameters(), 2e-2)
    for i in range(400):
        part = slice(2000 * (i % 10), 2000 * (i % 10) + 2000)
        loss = sum(model.loss(x[part], word[part]).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for w in range(4):
        p = model.log_prob(torch.arange(4), torch.full((4,), w)).exp()
        assert (p - LAW[w]).abs().max() < 0.05


class ForgetsTheNoise(SkipGram):
    """Draws from the softmax of the products alone, and scores with q."""

    def sample(self, n=None, context=None):
        logits = self.v(context) @ self.u.weight.T
        return logits.softmax(1).multinomial(1)[:, 0]


def test_a_law_bites():
    model = build(lambda: ForgetsTheNoise(Classes(4), 3))
    model.counts.copy_(torch.tensor([9.0, 1.0, 1.0, 1.0]))
    torch.set_default_dtype(torch.float64)
    with pytest.raises(AssertionError):
        laws.samples_come_from_the_density(model, *laws.sample(model, 6))


def test_analogies_of_planted_vectors():
    """Three things, each in two forms: what differs is one vector."""
    torch.manual_seed(0)
    things, form = torch.randn(3, 8), torch.randn(8)
    vectors = torch.cat([things, things + form])
    questions = torch.tensor([[0, 3, 1, 4], [1, 4, 2, 5], [3, 0, 4, 1]])
    assert torch.equal(analogies(vectors, questions[:, :3]), questions[:, 3])
    still = torch.cat([things, things + 0.01 * form])
    assert (analogies(still, questions[:, :3]) != questions[:, 1]).all()  # never one of the three


def test_neighbours_are_nearest_first_and_never_the_word():
    vectors = torch.tensor([[1.0, 0], [5, 0.1], [1, 1], [-1, 0]])
    assert neighbours(vectors, torch.tensor([0, 3]), 3).tolist() == [[1, 2, 3], [2, 1, 0]]


def test_ppmi_by_hand():
    counts = torch.tensor([[0.0, 4, 1], [4, 0, 1], [1, 1, 0]])
    expected = torch.log(torch.tensor(4 / 12) / (5 / 12) ** 2).double()
    found = ppmi(counts)
    torch.testing.assert_close(found[0, 1], expected)
    assert found[0, 0] == 0  # never met
    assert found.min() == 0


def test_factorised_vectors_give_the_matrix_back():
    torch.manual_seed(0)
    half = torch.rand(6, 3, dtype=torch.float64)
    vectors = factorised(half @ half.T, 3)
    torch.testing.assert_close(vectors @ vectors.T, half @ half.T)


def test_what_is_refused():
    with pytest.raises(ValueError, match="negatives is 0"):
        SkipGram(Classes(3), 4, negatives=0)
    with pytest.raises(ValueError, match="power 2"):
        SkipGram(Classes(3), 4, power=2.0)
