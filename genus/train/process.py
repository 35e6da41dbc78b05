"""The process of a run: threads, memory, devices, and the delay of Ctrl-C."""

import ctypes
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, Self

import torch
from torch import nn

from ..errors import Refused
from .ranks import join

STOPS = tuple(  # signals that end a run after its round; Windows has no SIGHUP
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
HANGUP = getattr(signal, "SIGHUP", None)
CONTROL = Path("/sys/fs/cgroup")  # where Linux lists the resources of a container


class Interrupted(KeyboardInterrupt):
    """A run was stopped by Ctrl-C, SIGTERM or SIGHUP, after a whole round.

    Args:
        model: what `fit` would have returned: the averaged model if the run keeps one, in
            evaluation mode.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model


class Patience:
    """Delays Ctrl-C, SIGTERM and SIGHUP until the end of a round, for half a round cannot be resumed.

    A second one stops at once; then the last checkpoint counts. Between two rounds there is
    nothing to wait for: `ready` says so.
    """

    stopping = False
    ready = False

    def __enter__(self) -> Self:
        self.before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in STOPS:
                if number == HANGUP and signal.getsignal(number) == signal.SIG_IGN:
                    continue  # by nohup
                self.before[number] = signal.signal(number, self.hold)
        return self

    def hold(self, number: int, frame: FrameType | None) -> None:
        at_once = self.stopping or self.ready
        self.stopping = True
        if at_once:
            raise KeyboardInterrupt

    @contextmanager
    def between_rounds(self) -> Iterator[None]:
        """A context that Ctrl-C ends at once: what it does may be left unfinished."""
        self.ready = True
        try:
            yield
        except KeyboardInterrupt:
            if not self.stopping:  # not of a signal that was held
                raise
        finally:
            self.ready = False

    def __exit__(self, *error: object) -> None:
        for number, before in self.before.items():
            signal.signal(number, before or signal.SIG_DFL)


@cache
def keep_memory() -> bool:
    """Asks the C library to reuse freed memory in the next round; returns whether it does.

    By default glibc gives large free blocks back to the system, and gets them again, page
    by page, in the next round: up to a tenth of the time of a convolutional model on a CPU. The memory
    of the process no longer shrinks between rounds; its peak is the same. Other C libraries are left
    as they are.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    mmap_threshold, trim_threshold = -3, -1  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD of malloc.h
    return bool(mallopt(mmap_threshold, 32 << 20) and mallopt(trim_threshold, 2**31 - 1))


def begin(device: str) -> torch.device:
    """The device of a name; under `torchrun`, that of this rank, after joining its group."""
    keep_memory()
    if device == "auto":
        mps = torch.backends.mps.is_available()
        device = "cuda" if torch.cuda.is_available() else "mps" if mps else "cpu"
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        if device == "cuda":
            device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
            torch.cuda.set_device(device)
        join("nccl" if device.startswith("cuda") else "gloo")
    try:
        found = torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise Refused(f"device '{device}': {str(error).splitlines()[0]}") from None
    if found.type == "meta":
        raise Refused("device 'meta': holds no numbers; cpu, cuda, mps or auto is wanted")
    return found


def use_threads(number: int | None) -> int:
    """Sets the number of threads, if one is given; returns how many there were."""
    before = torch.get_num_threads()
    torch.set_num_threads(number or before)
    return before


def fit_threads(control: Path = CONTROL) -> None:
    """Limits torch to as many threads as a container has processors, for more would only wait.

    It changes nothing if OMP_NUM_THREADS is set.
    """
    if "OMP_NUM_THREADS" not in os.environ and (own := share(control)) is not None:
        torch.set_num_threads(min(torch.get_num_threads(), own))


def share(control: Path) -> int | None:
    """The number of processors that a container may use; None if it is unknown."""
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota, period = " ".join((control / name).read_text("utf-8") for name in names).split()
        except (OSError, ValueError):  # another version of this interface, or another system
            continue
        if quota.isdigit() and int(period) > 0:
            return max(1, int(quota) // int(period))
    return None
