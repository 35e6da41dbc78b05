"""Every test: one thread, a fixed seed, and its own default type given back."""

import pytest
import torch


@pytest.fixture(autouse=True)
def quiet_torch():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)
