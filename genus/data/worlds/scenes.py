"""Scenes: coloured objects on textured grounds, of which everything is known.

    scenes           one to four objects, with all parameters of data/solids/settings.py
    scenes_six       six independent factors; all else is fixed

`scenes` and `clips` give pictures with their masks, boxes, classes, shadows, relations and flow:

    world = SCENES                                       # or SCENES.moving(8), for clips
    found = recipe("scenes", world.parameters, {"objects": "3"}).drawn(0, torch.arange(100))
    truth = scenes(found, 64)

`parse` reads a caption of the grammar.
"""

from dataclasses import replace
from pathlib import Path

from ...core import Reals
from ..solids import drawing, grammar, motion, settings, truth
from ..solids.grammar import Said, captions, parse
from ..solids.motion import Motion, SceneClip, clips
from ..solids.relations import RELATIONS, relations
from ..solids.truth import CLASSES, Scene, layouts, scenes
from .reading import source
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
    maps={"segmentation": truth.segmented},
    groups=settings.GROUPS,
    shown=settings.SHOWN,
    moving=_moving,
)
SIX = replace(SCENES, name="scenes_six", fixed=settings.SIX, moving=None, maps={}, contexts={})
SETS = {world.name: source(world) for world in (SCENES, SIX)}
