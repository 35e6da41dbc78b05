"""Every test: one thread, a fixed seed, and its own default type given back."""

import gc
import os
import random
from collections import Counter
from itertools import chain

import pytest
import torch


@pytest.fixture(autouse=True)
def quiet_torch():
    torch.set_num_threads(1)
    torch.default_generator.manual_seed(0)
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


@pytest.fixture(autouse=True, scope="session")
def no_power_cuts():
    """Files wait for no disk: what a test has written need not outlive the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


def pytest_addoption(parser):
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in another order")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is collected is no garbage: it is not searched for any, neither now nor later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """One process runs all tests that share what is made once for their file: it is made once."""
    for item in items:
        fixtures = (item._fixtureinfo.name2fixturedefs.get(name, ()) for name in item.fixturenames)
        if any(fixture.scope == "module" for fixture in chain(*fixtures)):
            item.add_marker(pytest.mark.xdist_group(item.location[0]))
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
