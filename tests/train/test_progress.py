"""The display: what its first line says, and its face in a notebook."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
from clocks import Clock
from games import Blob
from laws import rows_for

from genus.train.fit import fit
from genus.train.progress import Display, pace
from genus.train.run import Run


@pytest.mark.parametrize(
    ("speed", "words"),
    [(0, ""), (0.04, "25.0 s a round"), (1, "1.0 rounds/s"), (1234.5, "1,234.5 rounds/s")],
)
def test_a_speed_is_never_nothing(speed, words):
    assert pace(speed) == words


@pytest.mark.parametrize("seconds", [0.003, 1.0, 70.0])
def test_the_first_line_has_a_speed(capsys, seconds):
    clock = Clock()

    class Takes(Blob):
        def loss(self, x):
            clock.time += seconds
            return super().loss(x)

    fit(Takes(), rows_for(Blob()), Run(rounds=60, progress=True, device="cpu"), clock=clock)
    first = capsys.readouterr().err.splitlines()[0]
    assert pace(1 / seconds) in first
    assert " 0.0 " not in first
    assert first.startswith(f"round {60 if seconds < 1 else 2 if seconds == 1 else 1} of 60")


def test_lines_come_every_ten_seconds(capsys):
    clock = Clock()
    display = Display(True, 1000, None, clock)
    display.begin(0, 0.0)
    seen = []
    for number in range(1, 40):
        clock.time += 1
        if display.due():
            seen.append(number)
            display.show(number, float(number), {"model/nll": 1.0}, {})
    assert seen == [2, 12, 22, 32]
    assert "round 12 of 1,000  1.0 rounds/s  988 s left  model/nll 1" in capsys.readouterr().err


@pytest.fixture
def kernel(monkeypatch):
    """Stands for IPython in a notebook; returns what its outputs were given, in order."""
    shown = []

    class Output:
        def __init__(self, content):
            self.id = len({i for i, _ in shown})
            shown.append((self.id, content))

        def update(self, content):
            shown.append((self.id, content))

    ipython, face = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    face.HTML = lambda html: html
    face.display = lambda content, display_id: Output(content)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", face)
    return shown


@pytest.mark.parametrize("folder", [True, False])
def test_a_notebook_has_one_table_and_one_picture(kernel, capsys, tmp_path, folder):
    clock = Clock()

    class Takes(Blob):
        def loss(self, x):
            clock.time += 0.1
            return super().loss(x)

    run = Run(rounds=205, progress=True, out=tmp_path / "run" if folder else None, device="cpu")
    fit(Takes(), rows_for(Blob()), run, clock=clock, evaluate=lambda model: {"<gap>": 0.5},
        picture=lambda model, path: path.write_bytes(b"a picture"))  # fmt: skip
    tables = [html for _, html in kernel if "<table>" in html]
    pictures = [html for _, html in kernel if "<img" in html]
    assert len({number for number, _ in kernel}) == 2
    assert 35 <= len(tables) <= 44  # in 20.5 seconds, twice a second
    assert len(pictures) == 4  # after 5, 10 and 20 seconds, and at the end
    assert "round 205 of 205" in tables[-1]
    assert "&lt;gap&gt;" in tables[-1]
    assert "YSBwaWN0dXJl" in pictures[0]
    assert capsys.readouterr() == ("", "")


def test_no_kernel_no_notebook(monkeypatch):
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace()  # the shell of a terminal
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert Display(True, 1, None, Clock()).notebook is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert Display(True, 1, None, Clock()).notebook is None
