"""Every test: one thread, a fixed seed, and its own default type given back."""

import gc
import os
import random
from collections import Counter
from functools import cache

import pytest
import torch

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes that tests start


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


@pytest.fixture(scope="module")
def few_sentences():
    """reordering with few sentences of each length: all of them take seconds to draw."""
    from genus.data.sources import Source
    from genus.data.text import languages

    few = Source(cache(lambda: languages.reordering(rows=20, held_out=4).data))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(languages.SETS, "reordering", few)
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


def pytest_collection_modifyitems(config, items):
    if (seed := config.getoption("shuffle")) is not None:
        random.Random(seed).shuffle(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """One process runs all tests of a file that makes something once for them: it is made once.

    Groups by marks are not asked for: pytest 9.2 and xdist 3.8 together leave them out without a
    word (pytest-xdist issue 1386).
    """
    from xdist.scheduler import LoadScopeScheduling

    @cache
    def shares(file: str) -> bool:
        return 'scope="module"' in (config.rootpath / file).read_text("utf-8")

    class ByFixture(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return file if shares(file) else nodeid

    return ByFixture(config, log) if config.getvalue("dist") == "loadgroup" else None


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
