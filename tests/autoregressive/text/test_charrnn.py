"""CharRNN: what it carries from window to window, and what it would be caught at."""

import pytest
import torch
from laws import (
    drawing_by_steps_is_drawing_by_whole_passes,
    logits_are_blind_to_what_comes_later,
    probability_sums_to_one,
)

from genus.autoregressive import CharRNN, Decoding
from genus.core import Tokens

CELLS = ["elman", "gru", "lstm"]


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)


def model(cell="lstm", length=4, **options):
    return CharRNN(Tokens(3, length), width=6, layers=2, cell=cell, **options).eval()


@pytest.mark.parametrize("cell", CELLS)
def test_a_state_is_carried_over_any_length(cell, monkeypatch):
    """A long text in pieces is the same text in one: no piece begins anew."""
    monkeypatch.setattr("genus.autoregressive.text.charrnn.PIECE", 5)
    long = model(cell, length=23)
    x = torch.randint(3, (2, 23))
    torch.testing.assert_close(long.along(x), long.log_probs(x), rtol=0, atol=1e-12)
    short = model(cell, length=4)
    short.load_state_dict(long.state_dict())
    torch.testing.assert_close(short.along(x), long.log_probs(x), rtol=0, atol=1e-12)
    afresh = torch.cat([short.log_probs(part) for part in x.split(4, 1)], 1)
    assert (afresh - long.log_probs(x)).abs().max() > 1e-3  # what a forgotten state would give


@pytest.mark.parametrize("cell", CELLS)
def test_what_follows_is_what_draw_would_have_drawn(cell, monkeypatch):
    monkeypatch.setattr("genus.autoregressive.text.charrnn.PIECE", 2)
    net = model(cell, length=12)
    prompt = torch.randint(3, (20, 5))
    torch.manual_seed(4)
    followed = net.extend(prompt, 7)
    torch.manual_seed(4)
    u = torch.cat([torch.zeros(20, 5), torch.rand(20, 7)], 1)
    assert torch.equal(net.sample_from(u, prefix=prompt)[:, 5:], followed)
    assert net.extend(prompt[:, :0], 30).shape == (20, 30)
    coldest = net.extend(prompt[:1].expand(9, -1), 6, Decoding(temperature=0))
    assert len(coldest.unique(dim=0)) == 1


def test_skips_and_dropout_are_what_they_say():
    net = model(skips=True, dropout=0.5)
    assert net.last.in_features == 12
    x = torch.randint(3, (5, 4))
    assert torch.equal(net.log_prob(x), net.log_prob(x))
    net.train()
    assert not torch.equal(net.log_prob(x), net.log_prob(x))


class Shifted(CharRNN):
    """Teacher forcing shifted by one: each symbol is shown to its own logits."""

    def _before(self, x):
        return x


class Forgetful(CharRNN):
    """A step that begins with an empty state."""

    def _next(self, came, memory):
        return super()._next(came, self.net.begin(len(came)))


def test_liars_are_found_out():
    space = Tokens(3, 4)
    with pytest.raises(AssertionError):
        logits_are_blind_to_what_comes_later(Shifted(space, 6), torch.zeros(1, 4).long())
    with pytest.raises(AssertionError):
        probability_sums_to_one(Shifted(space, 6), torch.zeros(1, 4).long())
    with pytest.raises(AssertionError):
        drawing_by_steps_is_drawing_by_whole_passes(Forgetful(space, 6), torch.zeros(1, 4).long())


def test_it_learns_what_a_count_of_pairs_cannot():
    """Sentences a..., b... that repeat their first symbol at the end, five places later."""
    torch.set_default_dtype(torch.float32)
    net = CharRNN(Tokens(4, 6), width=16, layers=1, cell="gru")
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(150):
        first = torch.randint(2, (64, 1))
        x = torch.cat([first, torch.randint(2, 4, (64, 4)), first], 1)
        optimizer.zero_grad()
        net.loss(x)["nll"].backward()
        optimizer.step()
    entropy = 5 * torch.tensor(2.0).log()
    assert abs(-net.log_prob(x).mean() - entropy) < 0.1  # ln 2 more without a memory


def test_a_text_that_ends_is_not_of_any_length():
    net, x = CharRNN(Tokens(3, 4, end=0), 6), torch.ones(2, 3).long()
    with pytest.raises(ValueError, match="ends at token 0"):
        net.along(x)
    with pytest.raises(ValueError, match="ends at token 0"):
        net.extend(x, 5)
