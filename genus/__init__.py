"""Deep generative models of every family: one interface, judged by one set of rules.

    import genus
    digits = genus.data.load("digits")
    model = genus.autoregressive.MADE(digits.space)
    genus.fit(model, digits.train, genus.Run(minutes=1))
    model.sample(16)
    genus.evaluate(model, digits)

Names are loaded when they are first used, so that the command line answers at once.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {  # where each public name lives
    "core": "Bits Classes ConditionalModel GenerativeModel Model Pixels Player Reals Tokens",
    "training": "play",
    "running": "Run fit",
    "artifact": "load save",
    "measure": "evaluate",
}
_PLACES = {name: home for home, names in _HOMES.items() for name in names.split()}
_FOLDERS = [
    "density",
    "energy",
    "autoregressive",
    "vae",
    "flow",
    "diffusion",
    "adversarial",
    "translation",
    "data",
    "measure",
    "laboratory",
    "recipes",
    "functional",
    "nn",
]

if TYPE_CHECKING:
    from . import adversarial as adversarial
    from . import autoregressive as autoregressive
    from . import data as data
    from . import density as density
    from . import diffusion as diffusion
    from . import energy as energy
    from . import flow as flow
    from . import functional as functional
    from . import laboratory as laboratory
    from . import measure as measure
    from . import nn as nn
    from . import recipes as recipes
    from . import translation as translation
    from . import vae as vae
    from .artifact import load as load
    from .artifact import save as save
    from .core import Bits as Bits
    from .core import Classes as Classes
    from .core import ConditionalModel as ConditionalModel
    from .core import GenerativeModel as GenerativeModel
    from .core import Model as Model
    from .core import Pixels as Pixels
    from .core import Player as Player
    from .core import Reals as Reals
    from .core import Tokens as Tokens
    from .measure import evaluate as evaluate
    from .running import Run as Run
    from .running import fit as fit
    from .training import play as play


def __getattr__(name: str) -> Any:
    if name in _FOLDERS:
        return importlib.import_module(f".{name}", __name__)
    if name in _PLACES:
        return getattr(importlib.import_module(f".{_PLACES[name]}", __name__), name)
    raise AttributeError(f"module 'genus' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*_PLACES, *_FOLDERS, "__version__"])
