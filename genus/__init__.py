"""Deep generative models of every family: one interface, judged by one set of rules.

    import genus
    digits = genus.data.load("digits")
    model = genus.autoregressive.MADE(digits.space)
    genus.fit(model, digits.train, genus.Run(minutes=1))
    genus.show(model)
    genus.evaluate(model, digits)

Names are loaded when they are first used, so that the command line answers at once.
"""

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__
from .errors import Refused as Refused
from .families import FAMILIES as FAMILIES

_NAMES = {  # of each folder, what also stands here
    "core": "Bits Classes GenerativeModel Model Pixels Player Reals Tokens sample",
    "train": "Run fit load play save",
    "compiling": "compiled",
    "media": "show",
    "measure": "evaluate",
    "tabular": "TableModel",
}
_FOLDERS = {name: folder for folder, names in _NAMES.items() for name in names.split()}
_PUBLIC = [
    *["core", "functional", "nn", "media", "train", "data", "measure", "recipes", "laboratory"],
    *FAMILIES,
]

if TYPE_CHECKING:
    from . import adversarial as adversarial
    from . import autoregressive as autoregressive
    from . import core as core
    from . import data as data
    from . import density as density
    from . import diffusion as diffusion
    from . import energy as energy
    from . import flow as flow
    from . import functional as functional
    from . import laboratory as laboratory
    from . import measure as measure
    from . import media as media
    from . import nn as nn
    from . import recipes as recipes
    from . import train as train
    from . import translation as translation
    from . import vae as vae
    from .compiling import compiled as compiled
    from .core import Bits as Bits
    from .core import Classes as Classes
    from .core import GenerativeModel as GenerativeModel
    from .core import Model as Model
    from .core import Pixels as Pixels
    from .core import Player as Player
    from .core import Reals as Reals
    from .core import Tokens as Tokens
    from .core import sample as sample
    from .measure import evaluate as evaluate
    from .media import show as show
    from .tabular import TableModel as TableModel
    from .train import Run as Run
    from .train import fit as fit
    from .train import load as load
    from .train import play as play
    from .train import save as save


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return importlib.import_module(f".{name}", __name__)
    if name in _FOLDERS:
        return getattr(importlib.import_module(f".{_FOLDERS[name]}", __name__), name)
    raise AttributeError(f"module 'genus' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*_FOLDERS, *_PUBLIC, "Refused", "__version__"])
