"""What tensors leave is kept for the next ones, in pages that the system gives; and a container's share."""

import platform
import subprocess
import sys

import pytest
import torch

from genus.train.process import fit_threads, share

COUNT = """
import resource, sys, torch
from genus.train.process import keep_memory
if sys.argv[1] == "kept":
    assert keep_memory()
def fill(times):
    for _ in range(times):
        several = None  # all are free at once, and go back to the system if it is not asked not to
        several = [torch.ones(2_000_000) for _ in range(10)]
fill(10)  # until the heap is as large as it becomes
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
fill(10)
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
