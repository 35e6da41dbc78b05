"""What is found again of a trained model, and what a container may use."""

import pytest
import torch

from genus.cli.trained import contexts, drawn, fit_threads, share, view_for
from genus.core import Bits, Classes, ConditionalModel, Pixels, Reals
from genus.data import load
from genus.energy import RBM


class Echo(ConditionalModel):
    """Draws what it is given."""

    def __init__(self, space, context_space):
        super().__init__()
        self.space, self.context_space = space, context_space

    def sample(self, context):
        return context.float() + torch.rand(len(context), *[1] * (context.ndim - 1))


def test_views():
    digits = load("digits")
    x = Pixels((1, 8, 8), 17)
    assert view_for(RBM(Bits((1, 8, 8)), 2), digits).space == Bits((1, 8, 8))
    assert view_for(Echo(x, Classes(10)), digits).context_space == Classes(10)
    assert view_for(Echo(Bits((1, 8, 8)), Classes(10)), digits).space == Bits((1, 8, 8))
    assert view_for(Echo(x, Reals((1, 8, 8))), digits).context_space == Reals((1, 8, 8))
    with pytest.raises(ValueError, match=r"digits: is Pixels.*; Echo was made for .* given Reals"):
        view_for(Echo(x, Reals((3, 8, 8))), digits)


def test_contexts_are_labels_in_turn_or_the_test_sets():
    pairs = load("digits_pairs")

    def never():
        raise AssertionError("labels need no data")

    labelled = Echo(Reals(()), Classes(3))
    assert contexts(labelled, 7, never).tolist() == [0, 1, 2, 0, 1, 2, 0]
    pictures = contexts(Echo(Reals((1, 8, 8)), Reals((1, 8, 8))), 301, lambda: pairs)
    assert torch.equal(pictures[300], pictures[0])  # there are 300 of them
    assert contexts(RBM(Bits((4,)), 2), 7, never) is None


def test_large_draws_are_made_in_parts():
    model = Echo(Reals((2,)), Reals((2,)))
    context = torch.zeros(1201, 2)
    first = drawn(model, 1201, context, seed=3)
    assert first.shape == (1201, 2)
    assert torch.equal(first, drawn(model, 1201, context, seed=3))


@pytest.mark.parametrize(
    ("files", "processors"),
    [
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_share_of_a_container(tmp_path, monkeypatch, files, processors):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert share(tmp_path) == processors
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    torch.set_num_threads(3)
    fit_threads(tmp_path)
    assert torch.get_num_threads() == min(3, processors or 3)
