"""Scenes: coloured objects on textured grounds, of which everything is known.

    scenes           one to four objects, with all parameters of data/solids/settings.py
    scenes_six       six independent factors; all else is fixed

`scenes` and `clips` give pictures with their masks, boxes, classes, shadows, relations and flow:

    truth = scenes(parameters(100, wishes={"objects": "3"}), 64)
    film = clips(parameters(100, frames=8), 64, frames=8)

`parse` reads a caption of the grammar.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from ...core import Reals
from ..solids import drawing, grammar, motion, settings, truth
from ..solids.grammar import Said, captions, parse
from ..solids.motion import Motion, SceneClip, clips
from ..solids.relations import RELATIONS, relations
from ..solids.truth import CLASSES, Scene, layouts, scenes
from .maps import edges_of, segmentation_in
from .parameters import Parameters
from .reading import source
from .wishes import recipe
from .world import Companion, World

__all__ = [
    "CLASSES",
    "RELATIONS",
    "SCENES",
    "SETS",
    "SIX",
    "Motion",
    "Said",
    "Scene",
    "SceneClip",
    "captions",
    "clips",
    "layouts",
    "parse",
    "relations",
    "scenes",
]  # fmt: skip

_FOLDERS = (Path(__file__).parent, Path(drawing.__file__).parent)


def parameters(
    n: int, seed: int = 0, wishes: Mapping[str, str] | None = None, frames: int = 0
) -> Parameters:
    """The parameters of n scenes, each (n,): those of the first training rows of `load("scenes")`.

    Args:
        n: number of scenes.
        seed: number of the draw.
        wishes: laws in words, by parameter or group, such as {"shape": "ball", "x1": "-0.5..0.5"}.
        frames: number of frames of clips, for which speeds are drawn as well; 0 for single pictures.

    Raises:
        Refused: a wish is not understood.
    """
    world = _moving(frames) if frames else SCENES
    words = world.spread(dict(world.fixed) | world.spread(wishes or {}))
    key = (world.name, seed, "train")
    return recipe(world.name, world.parameters, words).drawn(key, torch.arange(n))


def _moving(frames: int) -> World:
    """The world of clips of so many frames; no object stands on another there."""
    fixed = {"on_top": "no"}
    return replace(
        SCENES,
        parameters=motion.MOVING,
        draw=motion.filmed(frames),
        fixed=fixed,
        maps={},
        frames=frames,
    )


SCENES = World(
    "scenes",
    settings.PARAMETERS,
    drawing.draw,
    _FOLDERS,
    captions=captions,
    words=grammar.WORDS,
    length=grammar.LENGTH,
    contexts={"layouts": Companion(Reals((settings.MOST, 4 + len(settings.SHAPES))), layouts)},
    maps={
        "segmentation": segmentation_in(truth.classes, truth.TONES),
        "edges": edges_of(truth.objects),
    },
    groups=settings.GROUPS,
    shown=settings.SHOWN,
    moving=_moving,
)
SIX = replace(SCENES, name="scenes_six", fixed=settings.SIX, moving=None, maps={}, contexts={})
SETS = {world.name: source(world) for world in (SCENES, SIX)}
