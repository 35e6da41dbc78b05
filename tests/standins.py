"""Recipes that are quick to train take the place of the real ones."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genus import recipes

HERE = Path(__file__).parent / "cli" / "standins"


def stand_in(patch: pytest.MonkeyPatch) -> None:
    """Until the patch is undone, the recipes are those of cli/standins."""
    patch.setattr(recipes, "CATALOGUE", HERE / "catalogue.json")
    patch.setattr(recipes, "find", standin)


def standin(name: str) -> Callable[..., Any]:
    """The stand-in of this name."""
    spec = importlib.util.spec_from_file_location(f"standins_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return getattr(module, name)
