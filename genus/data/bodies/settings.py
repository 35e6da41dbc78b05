"""What can differ from figure to figure: the angles of the joints, the garments, the body and the ground."""

import torch
from torch import Tensor

from ..worlds.parameters import Choice, Number, Parameter, Parameters

BUILDS = ("slim", "medium", "broad")
SKINS = ("pale", "beige", "tan", "brown", "dark")
SKIN_TONES = ("#f6d3bd", "#e8b48f", "#c98d62", "#935c3c", "#5a3a2a")
HAIR = ("short", "bob", "long", "bun")
SHORT, BOB, LONG, BUN = range(4)
HAIRS = ("black", "brown", "chestnut", "blond", "ginger", "grey")
HAIR_TONES = ("#1f1a1c", "#4b2e20", "#7d4a2a", "#d9b25f", "#c65f2b", "#b9b8bd")
COLOURS = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "white")
CLOTHS = ("#c9353c", "#ea8a2e", "#f0c63d", "#3f9657", "#2f9a9c", "#3565b5", "#79499f", "#efeae2")
TOPS = ("tank", "tee", "shirt", "dress")
TANK, TEE, SHIRT, DRESS = range(4)
BOTTOMS = ("trousers", "shorts", "skirt")
TROUSERS, SHORTS, SKIRT = range(3)
PATTERNS = ("plain", "stripes", "dots", "checks")
PLAIN, STRIPES, DOTS, CHECKS = range(4)
GROUNDS = ("sand", "mint", "sky", "lilac", "rose", "stone")
GROUND_TONES = ("#f2dcb3", "#cfe8d8", "#c6dff0", "#dcd2ea", "#f1d0cd", "#d8d6d0")
STYLES = ("flat", "ink")
PARTS = ("background", "skin", "face", "hair", "top", "bottom", "shoes")
TONES = ("#cfd3d6", "#e0ac8c", "#f7d794", "#5b3a29", "#3f9b62", "#2f67c9", "#c8443c")
SIDES = {"left": -1.0, "right": 1.0}  # as the figure is seen
ANGLES = {  # of both sides, in degrees: lowest, highest, and what it is
    "shoulder": (-8.0, 150.0, "angle of the upper arm, 0 hanging, 90 level"),
    "elbow": (-10.0, 120.0, "angle of the forearm to the upper arm, outwards"),
    "hip": (-2.0, 40.0, "angle of the thigh, 0 upright, outwards"),
    "knee": (0.0, 60.0, "angle of the shin to the thigh, inwards"),
}


def _apart(found: Parameters) -> Tensor:
    """In which rows a bottom is worn, (n,) bool."""
    return found["top"] != DRESS


def _joint(side: str, name: str) -> Number:
    low, high, what = ANGLES[name]
    return Number(f"{side}_{name}", low, high, f"{what}, of the {side} side, in degrees")


PARAMETERS: tuple[Parameter, ...] = (
    Choice("build", BUILDS, "thickness of the body", (0.3, 0.45, 0.25), True),
    Choice("skin", SKINS, "colour of the skin", colours=SKIN_TONES),
    Choice("hair", HAIR, "cut of the hair"),
    Choice("hair_colour", HAIRS, "colour of the hair", colours=HAIR_TONES),
    Choice("top", TOPS, "cut of what is worn above", (0.2, 0.3, 0.3, 0.2)),
    Choice("top_colour", COLOURS, "colour of what is worn above", colours=CLOTHS),
    Choice("pattern", PATTERNS, "pattern of what is worn above", (0.4, 0.2, 0.2, 0.2)),
    Choice("bottom", BOTTOMS, "cut of what is worn below", visible=_apart),
    Choice("bottom_colour", COLOURS, "colour of what is worn below", colours=CLOTHS, visible=_apart),
    Choice("ground", GROUNDS, "colour behind", colours=GROUND_TONES),
    Choice("style", STYLES, "style of the drawing", (0.7, 0.3)),
    Number("lean", -12.0, 12.0, "angle of the trunk, to the right, in degrees", gathered=True),
    Number("nod", -18.0, 18.0, "angle of the head to the trunk, to the right, in degrees", gathered=True),
    *(_joint(side, name) for side in SIDES for name in ANGLES),
    Number("x", -0.2, 0.2, "place of the hips, to the right, 1 at the edge", gathered=True),
)  # fmt: skip
TABLES = {one.name: one for one in PARAMETERS if isinstance(one, Choice)}


def upright(found: Parameters) -> Parameters:
    """The same figures in the middle, standing straight with their arms a little away."""
    still = {
        one.name: torch.zeros_like(found[one.name]) for one in PARAMETERS if isinstance(one, Number)
    }
    for side in SIDES:
        still[f"{side}_shoulder"] = torch.full_like(found["lean"], 42.0)
        still[f"{side}_hip"] = torch.full_like(found["lean"], 8.0)
    return found | still
