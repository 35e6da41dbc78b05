"""Commands, with recipes that are quick to train."""

import pytest
from standins import stand_in

from genus.cli.main import main


@pytest.fixture
def standins(monkeypatch):
    stand_in(monkeypatch)


@pytest.fixture
def said(capsys):
    """Runs a command; returns its exit code, what it printed, and what it said beside that."""

    def run(line, *more):
        code = main([*line.split(), *map(str, more)])
        out, err = capsys.readouterr()
        return code, out, err

    return run
