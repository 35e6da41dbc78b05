"""Sounds from .wav files, one channel of 16 bits."""

import io
import wave

import numpy as np
import torch
from torch import Tensor

from ...errors import Refused


def read_wave(content: bytes, name: str) -> tuple[Tensor, int]:
    """Samples, (length,) int16, and their number per second.

    Args:
        content: bytes of the file.
        name: name of the file in messages.
    """
    try:
        with wave.open(io.BytesIO(content)) as file:
            kind = (file.getnchannels(), file.getsampwidth())
            rate, frames = file.getframerate(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise Refused(f"{name}: is no wav file, or a damaged one: {error}") from None
    if kind != (1, 2):
        raise Refused(f"{name}: has {kind[0]} channels of {8 * kind[1]} bits; 1 of 16 is wanted")
    return torch.from_numpy(np.frombuffer(frames, "<i2").astype(np.int16)), rate
