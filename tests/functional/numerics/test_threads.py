import pytest
import torch

from genus.autoregressive import GatedPixelCNN
from genus.core import Bits
from genus.functional.numerics.threads import one_thread


@pytest.fixture(autouse=True)
def as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_one_thread_and_then_as_many_as_before():
    torch.set_num_threads(3)
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert torch.get_num_threads() == 3


def test_steps_are_drawn_by_one_thread(monkeypatch):
    torch.set_num_threads(2)
    model, threads = GatedPixelCNN(Bits((1, 2, 2)), 1, 4, 3, 3, 4), []
    unroll = model.unroll
    monkeypatch.setattr(
        model, "unroll", lambda n: (threads.append(torch.get_num_threads()), unroll(n))[1]
    )
    model.sample(2)
    assert threads == [1]
    assert torch.get_num_threads() == 2
