"""One writer for a folder: who comes second is refused, and a dead writer is in nobody's way."""

import multiprocessing
import os
import signal
import time

import pytest
import torch
from games import Blob
from laws import Rows

from genus.core import Reals, Refused
from genus.train.fit import fit
from genus.train.keeping.lock import Lock
from genus.train.run import Run

FORK = multiprocessing.get_context("fork")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are forked and stopped here")


def hold(folder, ready, worker):
    """Takes the lock of a folder, starts a child that outlives it, and sleeps."""
    Lock(folder)
    child = os.fork() if worker else 0
    if worker and child == 0:
        time.sleep(60)
        os._exit(0)
    ready.send(child)
    time.sleep(60)


@pytest.fixture
def holder(tmp_path):
    """A function that starts another process with the lock of tmp_path / "x"; returns it and its child."""
    started = []

    def start(worker=False):
        ours, theirs = FORK.Pipe()
        process = FORK.Process(target=hold, args=(tmp_path / "x", theirs, worker))
        process.start()
        child = ours.recv()
        started.extend([process.pid, *([child] if child else [])])
        return process, child

    yield start
    for pid in started:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def test_the_second_writer_is_told_who_is_first(holder, tmp_path):
    process, _ = holder()
    with pytest.raises(
        Refused, match=rf"is written by another run, process {process.pid} on .*since"
    ):
        Lock(tmp_path / "x")


def test_a_stopped_writer_still_holds_it(holder, tmp_path):
    process, _ = holder()
    os.kill(process.pid, signal.SIGSTOP)
    with pytest.raises(Refused, match="is written by another run"):
        Lock(tmp_path / "x")


@pytest.mark.parametrize("worker", [False, True])
def test_a_killed_writer_is_in_nobodys_way(holder, tmp_path, worker):
    process, child = holder(worker)
    (tmp_path / "x" / ".state.pt.0123.draft").write_text("half")
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    if worker:
        os.kill(child, 0)  # the worker of its loader lives on
    for name in ("states", "another"):
        (tmp_path / "x" / name).mkdir()
        (tmp_path / "x" / name / ".00000010.pt.0123.draft").write_text("half")
    Lock(tmp_path / "x").free()
    left = sorted(path.relative_to(tmp_path / "x").as_posix() for path in tmp_path.rglob("x/**/*"))
    assert left == ["another", "another/.00000010.pt.0123.draft", "states"]  # others' stay


def test_two_runs_of_one_process_are_two(tmp_path):
    first = Lock(tmp_path / "x")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    for name in ("x", "link"):
        with pytest.raises(Refused, match="by another run of this process"):
            Lock(tmp_path / name)
    first.free()
    Lock(tmp_path / "link").free()


def test_where_there_are_no_locks_the_file_is_one(tmp_path, monkeypatch):
    monkeypatch.setattr("genus.train.keeping.lock._locked", lambda handle: None)
    first = Lock(tmp_path / "x")
    monkeypatch.setattr("genus.train.keeping.lock._HELD", set())
    with pytest.raises(Refused, match=rf"process {os.getpid()} .*if it has ended, delete .*\.lock"):
        Lock(tmp_path / "x")
    first.free()
    Lock(tmp_path / "x").free()


def race(folder, start, ends):
    """One of several runs that begin in the same folder at the same time."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows = Rows(Reals((2,)), None, (torch.randn(256, 2),))
    start.wait()
    try:
        fit(Blob(), rows, Run(rounds=30, out=folder, device="cpu", log_every=1))
        ends.put("whole")
    except Refused as error:
        ends.put(str(error))


def test_of_runs_that_begin_at_once_one_begins(tmp_path):
    for attempt in range(3):
        start, ends = FORK.Barrier(4), FORK.Queue()
        runs = [
            FORK.Process(target=race, args=(tmp_path / f"{attempt}", start, ends)) for _ in range(4)
        ]
        for run in runs:
            run.start()
        found = [ends.get(timeout=60) for _ in runs]
        for run in runs:
            run.join()
        assert found.count("whole") == 1
        others = [text for text in found if text != "whole"]
        assert all(
            "written by another run" in text or "holds a run already" in text for text in others
        )
        lines = (tmp_path / f"{attempt}" / "metrics.jsonl").read_text().splitlines()
        assert len(lines) == 30
