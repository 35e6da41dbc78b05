"""Transformer: windows that overlap, texts beyond the window, and what it would be caught at."""

import pytest
import torch
from laws import (
    drawing_by_steps_is_drawing_by_whole_passes,
    logits_are_blind_to_what_comes_later,
    probability_sums_to_one,
)
from torch.nn.functional import pad

from genus.autoregressive import Decoding, Transformer
from genus.core import Tokens


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)


def model(length=4, **options):
    return Transformer(Tokens(3, length), width=8, layers=2, heads=2, **options).eval()


@pytest.mark.parametrize(("window", "length"), [(6, 6), (6, 4), (6, 7), (6, 20), (5, 19), (1, 4)])
def test_each_symbol_of_a_long_text_has_half_a_window_before_it(window, length):
    """Its score is that of some window that holds it and at least half a window before it."""
    net, x = model(window), torch.randint(3, (2, length))
    found = net.along(x)
    assert found.shape == x.shape
    for place in range(length):
        scores = [
            net.log_probs(x[:, start : start + window])[:, place - start]
            for start in range(max(0, length - window) + 1)
            if (start == 0 or place - start >= window // 2) and 0 <= place - start < window
        ]
        gap = torch.stack([(score - found[:, place]).abs().max() for score in scores]).min()
        assert gap < 1e-12, place


def test_what_follows_within_the_window_is_what_draw_would_have_drawn():
    net, prompt = model(12), torch.randint(3, (20, 5))
    torch.manual_seed(4)
    followed = net.extend(prompt, 7)
    torch.manual_seed(4)
    u = torch.cat([torch.zeros(20, 5), torch.rand(20, 7)], 1)
    assert torch.equal(net.sample_from(u, prefix=prompt)[:, 5:], followed)


def test_beyond_the_window_its_second_half_is_read_anew():
    """By hand, from whole passes: at temperature 0, from what is left of the text at each place."""
    net, text = model(6), torch.randint(3, (4, 2))
    followed = net.extend(text, 15, Decoding(temperature=0))
    begins = 0
    for _ in range(15):
        if text.shape[1] - begins == 6:  # full
            begins = text.shape[1] - 3
        kept = text[:, begins:]
        logits = net.logits(pad(kept, (0, 1)))[:, -1]
        text = torch.cat([text, logits.argmax(1, keepdim=True)], 1)
    assert torch.equal(text[:, 2:], followed)
    assert net.extend(torch.randint(3, (2, 50)), 3).shape == (2, 3)
    assert model(1).extend(text, 4).shape == (4, 4)


class Shifted(Transformer):
    """A mask off by one: each symbol is shown to its own logits."""

    def logits(self, x):
        return self._logits(self.net(self.embedding(x)))


class Forgetful(Transformer):
    """A cache that forgets the first place."""

    def _next(self, came, memory):
        for keys, _ in memory:
            if keys.count:
                keys.keys[:, :, 0] = 0
        return super()._next(came, memory)


def test_liars_are_found_out():
    def built(liar):
        torch.manual_seed(0)
        net = liar(Tokens(3, 4), 8, 2, 2).eval()
        with torch.no_grad():
            for p in net.parameters():
                p.mul_(5)  # so that attention is not all but even
        return net

    x = torch.zeros(1, 4).long()
    with pytest.raises(AssertionError):
        logits_are_blind_to_what_comes_later(built(Shifted), x)
    with pytest.raises(AssertionError):
        probability_sums_to_one(built(Shifted), x)
    with pytest.raises(AssertionError):
        drawing_by_steps_is_drawing_by_whole_passes(built(Forgetful), x)
    drawing_by_steps_is_drawing_by_whole_passes(built(Transformer), x)


def test_one_matrix_reads_and_says():
    net = model()
    assert sum("embedding" in name for name, _ in net.named_parameters()) == 1
    said = net.logits(torch.zeros(1, 4, dtype=torch.int64))
    with torch.no_grad():
        net.embedding.weight[1] += 10 * torch.randn(8)
    other = net.logits(torch.zeros(1, 4, dtype=torch.int64))
    assert ((said - other).abs() > 1e-9).all(1).all(0).tolist() == [False, True, False]


def test_dropout_is_of_training_alone():
    net, x = model(dropout=0.5), torch.randint(3, (5, 4))
    assert torch.equal(net.log_prob(x), net.log_prob(x))
    net.train()
    assert not torch.equal(net.log_prob(x), net.log_prob(x))


def test_a_text_that_ends_is_not_of_any_length():
    net, x = Transformer(Tokens(3, 4, end=0), 8, 1, 2), torch.ones(2, 3).long()
    with pytest.raises(ValueError, match="ends at token 0"):
        net.along(x)
    with pytest.raises(ValueError, match="ends at token 0"):
        net.extend(x, 5)
