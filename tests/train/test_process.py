"""What tensors leave is kept for the next ones: counted in pages that the system had to give."""

import platform
import subprocess
import sys

import pytest

COUNT = """
import resource, sys, torch
from genus.run import keep_memory
if sys.argv[1] == "kept":
    assert keep_memory()
def fill(times):
    for _ in range(times):
        several = None  # all are free at once, and go back to the system if it is not asked not to
        several = [torch.ones(2_000_000) for _ in range(10)]
fill(20)  # until the heap is as large as it becomes
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
fill(20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is asked")
def test_pages_are_asked_for_once():
    def faults(how):
        run = [sys.executable, "-c", COUNT, how]
        return int(subprocess.run(run, capture_output=True, text=True, check=True).stdout)

    assert faults("kept") < 1000
    # a block that stays in use on top of the heap keeps the rest there too: in one process of six
    assert any(faults("plain") > 100_000 for _ in range(6))
