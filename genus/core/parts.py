"""How many rows go through a model at once, where it is, and what that place computes with."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from .spaces import Space


def rows_of(space: Space, number: int) -> int:
    """The rows of the block of this number: the first two alike, and each later one twice as many.

    The first has 4 to 64 rows, the fewer the larger a row is. The largest have about 500,000 numbers,
    but at least 64 rows; and no more than 512, unless rows have few numbers.
    """
    dims = max(1, space.dims)
    first = min(64, max(4, _power(2**14 // dims)))
    largest = max(min(512, max(64, _power(2**19 // dims))), _power(2**15 // dims))
    return min(largest, first << max(0, number - 1)) if number < 32 else largest


def _power(number: int) -> int:
    """The largest power of two that is at most this number; 0 of 0."""
    return 1 << number.bit_length() >> 1


def whole(part: Tensor, size: int) -> Tensor:
    """Rows that fill a block: themselves, then again from the first on."""
    return part if len(part) in (0, size) else part[torch.arange(size) % len(part)]


def device_of(model: nn.Module) -> torch.device:
    """The device that a model is on."""
    tensors = (*model.parameters(), *model.buffers())
    return tensors[0].device if tensors else torch.device("cpu")


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device has arithmetic of bfloat16; otherwise it is imitated, ten times as slow."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type != "cpu" or torch.backends.cpu.get_cpu_capability().startswith("AVX512")


@contextmanager
def undisturbed(model: nn.Module, device: torch.device) -> Iterator[None]:
    """A context that leaves random streams, and the model's buffers and mode, as they were."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    own = random.getstate()
    apple = torch.mps.get_rng_state() if device.type == "mps" else None
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        for module, training in modes:
            module.training = training
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        random.setstate(own)
        if apple is not None:
            torch.mps.set_rng_state(apple)
