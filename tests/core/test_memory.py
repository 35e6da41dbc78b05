"""What tensors leave is kept for the next ones: counted in pages that the system had to give."""

import platform
import subprocess
import sys

import pytest

COUNT = """
import ctypes, resource, sys, torch
from genus.run import keep_memory
PR_SET_THP_DISABLE = 41  # of linux/prctl.h: pages of one size, however free memory lies
assert ctypes.CDLL(None).prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0
if sys.argv[1] == "kept":
    assert keep_memory()
def fill():
    for _ in range(10):
        several = [torch.ones(2_000_000) for _ in range(10)]  # more than malloc keeps by itself
fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is asked")
def test_pages_are_asked_for_once():
    def faults(how):
        run = [sys.executable, "-c", COUNT, how]
        return int(subprocess.run(run, capture_output=True, text=True, check=True).stdout)

    assert 5 * faults("kept") < faults("plain")
