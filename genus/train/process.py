"""The process of a run: threads, memory, devices, and the delay of Ctrl-C."""

import ctypes
import os
import signal
import threading
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Self

import torch
import torch.distributed as dist

from ..errors import Refused

CONTROL = Path("/sys/fs/cgroup")  # where Linux lists the resources of a container


class Patience:
    """Delays Ctrl-C until the end of a round, for half a round cannot be resumed.

    A second Ctrl-C stops at once; then the last checkpoint counts.
    """

    stopping = False

    def __enter__(self) -> Self:
        self.before = None
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGINT, self.hold)
        return self

    def hold(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:
            raise KeyboardInterrupt
        self.stopping = True

    def __exit__(self, *error: object) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)


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
        if not dist.is_initialized():
            dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise Refused(f"device '{device}': {str(error).splitlines()[0]}") from None


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
            quota, period = " ".join((control / name).read_text() for name in names).split()
        except (OSError, ValueError):  # another version of this interface, or another system
            continue
        if quota.isdigit() and int(period) > 0:
            return max(1, int(quota) // int(period))
    return None
