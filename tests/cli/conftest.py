"""Recipes that are quick to train take their place among the real ones."""

from pathlib import Path

import pytest

from genus import recipes
from genus.cli.main import main


@pytest.fixture
def standins(monkeypatch):
    monkeypatch.setattr(recipes, "__path__", [str(Path(__file__).parent / "standins")])


@pytest.fixture
def said(capsys):
    """Runs a command; returns its exit code, what it printed, and what it said beside that."""

    def run(line, *more):
        code = main([*line.split(), *map(str, more)])
        out, err = capsys.readouterr()
        return code, out, err

    return run
