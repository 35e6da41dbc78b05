"""Every test: one thread, a fixed seed, and its own default type given back."""

import random
from collections import Counter

import pytest
import torch


@pytest.fixture(autouse=True)
def quiet_torch():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


def pytest_addoption(parser):
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in another order")


def pytest_collection_modifyitems(config, items):
    if (seed := config.getoption("shuffle")) is not None:
        random.Random(seed).shuffle(items)


def pytest_terminal_summary(terminalreporter):
    """The time that each law takes, over all models."""
    seconds = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call" and "::test_law[" in report.nodeid:
                seconds[report.nodeid.rpartition("-")[2].rstrip("]")] += report.duration
    if seconds:
        terminalreporter.section("seconds of each law")
        for law, spent in seconds.most_common():
            terminalreporter.write_line(f"{spent:7.1f}  {law}")
