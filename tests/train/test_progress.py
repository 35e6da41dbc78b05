"""The display: what its first line says, and its face in a notebook."""

import base64
import io
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from clocks import Clock
from games import Blob
from laws import rows_for
from PIL import Image

from genus.core import Bits, Reals
from genus.density import Gaussian
from genus.energy import RBM
from genus.train.fit import fit
from genus.train.run import Run
from genus.train.showing.notebook import Notebook
from genus.train.showing.progress import Display, pace


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
    ipython.version_info = (9, 0)  # which matplotlib asks for
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
    assert len({number for number, _ in kernel}) == 1  # which changes in place
    assert 35 <= len(tables) <= 48  # in 20.5 seconds, twice a second, and with each picture
    shown = [html.rpartition("<img")[2] for html in pictures]
    assert len({*shown}) == 4  # after 5, 10 and 20 seconds, and at the end
    assert all("flex-wrap:wrap" in html for html in pictures)  # beside the table, or under it
    assert "<table>" in pictures[-1]
    assert "round 205 of 205" in tables[-1]
    assert "&lt;gap&gt;" in tables[-1]
    assert "YSBwaWN0dXJl" in pictures[0]
    assert capsys.readouterr() == ("", "")


def test_a_notebook_shows_samples_without_being_asked(kernel):
    """Of models that can be drawn; of others the table alone."""
    run = Run(rounds=2, progress=True, device="cpu")
    fit(Blob(), rows_for(Blob()), run)
    assert "<img" in kernel[-1][1]
    display = Display(True, 1, None, Clock())
    assert display.drawing(None, RBM(Bits((4,)), 2)) is not None
    assert display.drawing(None, Gaussian(Reals((5,)))) is None
    assert display.drawing(None, Gaussian(Reals((2,)))) is not None
    assert display.drawing(print, Gaussian(Reals((5,)))) is print
    assert Display(False, 1, None, Clock()).drawing(None, Gaussian(Reals((2,)))) is None


def test_figures_are_told_once(capsys):
    """In lines one under another, which would be long."""
    display = Display(True, 9, None, clock := Clock())
    for number in (1, 2, 3):
        clock.time += 20
        display.show(number, clock.time, {"model/nll": 1.0}, {"nats": float(number > 2)})
    assert [line.count("nats") for line in capsys.readouterr().err.splitlines()] == [1, 0, 1]


def test_a_heavy_picture_is_sent_as_a_light_one(kernel, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (600, 900, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "12.png")
    Notebook().picture(tmp_path / "12.png")
    ((_, html),) = kernel
    content = base64.b64decode(html.partition("data:image/jpeg;base64,")[2].partition('"')[0])
    assert Image.open(io.BytesIO(content)).size == (480, 320)
    assert (tmp_path / "12.png").stat().st_size > 5 * len(content)


def test_no_kernel_no_notebook(monkeypatch):
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: SimpleNamespace()  # the shell of a terminal
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert Display(True, 1, None, Clock()).notebook is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert Display(True, 1, None, Clock()).notebook is None
