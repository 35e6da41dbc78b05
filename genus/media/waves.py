"""Sounds as .wav files, one channel of 16 bits."""

import io
import wave

import torch
from torch import Tensor

from ..core import Pixels, Refused, Space, Tokens
from ..functional.sequences.sound import mu_law_undone

RATE = 8000  # samples in a second, of sounds of unknown rate
PAUSE = 0.15  # seconds between two sounds in one file


def as_wave(x: Tensor, space: Space) -> Tensor:
    """The sound of rows of a space, (n, length): samples in [-1, 1], float32.

    Tokens and 256 levels are taken as companded by the mu-law; more levels are samples themselves.
    """
    if isinstance(space, Tokens) and space.end is None:
        return mu_law_undone(x, space.vocabulary)
    if isinstance(space, Pixels) and len(space.shape) == 1:
        return x.float() if space.levels > 256 else mu_law_undone(space.indices(x), space.levels)
    raise Refused(
        f"as_wave: space is {space}; that of sounds is wanted: Tokens, or Pixels((length,))"
    )


def wave_bytes(x: Tensor, rate: int = RATE) -> bytes:
    """A wav file of sounds in [-1, 1], (n, length), one after another, with pauses.

    Args:
        x: sounds, (n, length).
        rate: samples per second.
    """
    pause = torch.zeros(len(x), round(PAUSE * rate))
    joined = torch.cat([x.detach().cpu().float(), pause], 1).flatten()
    samples = (joined * 32768).round().clamp(-32768, 32767).to(torch.int16)
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.numpy().astype("<i2").tobytes())
    return content.getvalue()
