"""The parameters of a portrait, and the laws by which they are drawn where nothing else is asked for.

What a person is (the shape of the face, the colours of skin, hair and eyes) hangs on the identity, of
which there are 2,048; all else changes from picture to picture. Some laws depend on age: children
have neither beards nor grey hair.
"""

import torch
from torch import Tensor

from ..worlds.parameters import Choice, Number, Parameters

IDENTITIES = 2048
AGES = ("child", "teenager", "young", "adult", "mature", "old")
HAIR = ("bald", "buzz", "short", "quiff", "parted", "curly", "afro", "bob", "long", "wavy", "bun")
ALIKE_UNDER_HATS = ("buzz", "short", "quiff", "parted", "bun")
STYLES = ("flat", "ink", "painted")
WHO = "identity"
SHAPES = {  # of a face, from -1 to 1: what is small or low, and what is large or high
    "face_width": "width of the face",
    "face_length": "length of the face",
    "jaw": "width of the jaw",
    "chin": "width of the chin",
    "eye_gap": "distance of the eyes",
    "eye_size": "size of the eyes",
    "eye_tilt": "slant of the eyes",
    "brow": "thickness of the brows",
    "brow_arch": "arch of the brows",
    "nose": "length of the nose",
    "nose_width": "width of the nose",
    "lips": "fullness of the lips",
    "ears": "size of the ears",
}
GROUNDS = ("#f4b860", "#7fb7be", "#d3f3ee", "#e07a5f", "#81b29a", "#b8a9c9", "#f2cc8f", "#5d7ba3")
CLOTHS = ("#33415c", "#b23a48", "#2f6f5e", "#e9c46a", "#6d597a", "#f1ede4", "#457b9d", "#222326")
COLOURS = ("sand", "teal", "mint", "coral", "sage", "lilac", "straw", "slate")
CLOTH_NAMES = ("navy", "red", "green", "yellow", "plum", "cream", "blue", "black")


def _by_age(table: tuple[tuple[float, ...], ...], rows: Parameters) -> Tensor:
    return torch.tensor(table, dtype=torch.float64)[rows["age"]]


def _beards(rows: Parameters) -> Tensor:
    grown = (0.55, 0.14, 0.1, 0.07, 0.14)
    return _by_age(((1, 0, 0, 0, 0), (0.9, 0.08, 0.02, 0, 0), *[grown] * 4), rows)


def _styles_of_hair(rows: Parameters) -> Tensor:
    full = (0.0, 0.06, 0.12, 0.1, 0.12, 0.1, 0.08, 0.12, 0.12, 0.1, 0.08)
    thin = (0.16, 0.12, 0.14, 0.04, 0.14, 0.08, 0.02, 0.1, 0.06, 0.06, 0.08)
    some = (0.06, *full[1:])
    return _by_age((full, full, full, some, some, thin), rows)


def _style_shows(rows: Parameters) -> Tensor:
    """Whether the style of the hair can be told: a hat hides what tells some of them apart."""
    alike = torch.isin(rows["hair"], torch.tensor([HAIR.index(name) for name in ALIKE_UNDER_HATS]))
    return ~(alike & (rows["hat"] > 0))


def _hair_shows(rows: Parameters) -> Tensor:
    return (rows["hair"] > 0) & _style_shows(rows) & (rows["age"] < 5)


def _eyes_show(rows: Parameters) -> Tensor:
    return (rows["eyes"] < 2) & (rows["blink"] < 0.5) & (rows["glasses"] != 3)


def _open(rows: Parameters) -> Tensor:
    return rows["mouth"] == 1


def _number(name: str, what: str) -> Number:
    return Number(name, -1.0, 1.0, what, gathered=True, of=WHO)


PARAMETERS = (
    Choice(
        WHO,
        tuple(map(str, range(IDENTITIES))),
        "number of a person",
        ordered=True,
        label=False,
    ),
    *(_number(name, what) for name, what in SHAPES.items()),
    Choice(
        "skin",
        ("ivory", "fair", "beige", "olive", "tan", "brown", "umber", "ebony"),
        "tone of the skin",
        ordered=True,
        colours=(
            "#fbe0cf",
            "#f3cbb0",
            "#e6b48f",
            "#d29e74",
            "#bb8156",
            "#996343",
            "#80533a",
            "#633f2d",
        ),
        of=WHO,
    ),
    Choice(
        "hair_colour",
        ("black", "brown", "chestnut", "ginger", "blond", "pink"),
        "colour of the hair",
        (0.3, 0.26, 0.14, 0.1, 0.16, 0.04),
        colours=("#2a2530", "#54372a", "#80492c", "#c8622c", "#e3bb6a", "#e27d9f"),
        of=WHO,
        visible=_hair_shows,
    ),
    Choice(
        "eye_colour",
        ("brown", "hazel", "green", "blue"),
        "colour of the eyes",
        (0.5, 0.15, 0.15, 0.2),
        colours=("#5b371f", "#8c6a35", "#4d8a5a", "#3f7fb8"),
        of=WHO,
        visible=_eyes_show,
    ),
    Choice("age", AGES, "age in six steps", (0.14, 0.14, 0.2, 0.2, 0.16, 0.16), ordered=True),
    Choice(
        "hair",
        HAIR,
        "style of the hair",
        _styles_of_hair,
        needs=("age",),
        visible=_style_shows,
    ),
    Choice(
        "beard",
        ("none", "stubble", "moustache", "goatee", "full"),
        "beard",
        _beards,
        needs=("age",),
    ),
    Choice(
        "glasses",
        ("none", "round", "square", "sun"),
        "glasses",
        (0.62, 0.16, 0.14, 0.08),
    ),
    Choice("hat", ("none", "cap", "beanie", "brim"), "hat", (0.76, 0.08, 0.08, 0.08)),
    Choice("smile", ("no", "yes"), "whether the mouth smiles", (0.45, 0.55)),
    Choice("mouth", ("closed", "open"), "whether the mouth is open", (0.7, 0.3)),
    Number("mouth_open", 0.0, 1.0, "height of an open mouth", (0.4, 1.0), visible=_open),
    Number("mouth_round", 0.0, 1.0, "roundness of an open mouth", (0.0, 0.7), visible=_open),
    Number("mouth_width", -1.0, 1.0, "width of the mouth", gathered=True),
    Choice("eyes", ("open", "half", "closed"), "how far the eyes are open", (0.82, 0.1, 0.08)),
    Number("blink", 0.0, 1.0, "how far the lids are closed besides", (0.0, 0.12)),
    Number(
        "gaze", -1.0, 1.0, "where the eyes look, to the right", gathered=True, visible=_eyes_show
    ),
    Number("gaze_down", -1.0, 1.0, "where the eyes look, down", gathered=True, visible=_eyes_show),
    Number("brow_lift", -1.0, 1.0, "how far the brows are raised", gathered=True),
    Number("yaw", -60.0, 60.0, "angle of the head to the right, in degrees", (-45.0, 45.0), True),
    Choice("light", ("day", "night"), "light of day or night", (0.85, 0.15)),
    Choice("side", ("left", "right"), "side from which light falls"),
    Choice("clothes", ("tee", "shirt", "jumper", "suit"), "clothes"),
    Choice("cloth", CLOTH_NAMES, "colour of the clothes", colours=CLOTHS),
    Choice("backdrop", ("plain", "gradient", "disc", "dots", "stripes"), "background"),
    Choice("ground", COLOURS, "colour of the background", colours=GROUNDS),
    Choice("style", STYLES, "style of the drawing", (0.3, 0.3, 0.4)),
)
PARTS = (
    "background",
    "skin",
    "hair",
    "eyes",
    "brows",
    "nose",
    "mouth",
    "beard",
    "glasses",
    "hat",
    "clothes",
)
TONES = (  # of the parts, in pictures of classes of pixels
    "#cfd3d6", "#e0ac8c", "#5b3a29", "#ffffff", "#1f1a17", "#b5785a", "#c8443c", "#8a6d5a", "#2f67c9", "#e6b422",
    "#3f9b62",
)  # fmt: skip
SIX = {  # of the variant with six independent factors: all that is not named here
    "identity": "17",
    "eye_colour": "green",
    "hair": "short",
    "beard": "none",
    "hat": "none",
    "mouth": "closed",
    "mouth_open": "0.5",
    "mouth_round": "0",
    "mouth_width": "0",
    "age": "young",
    "eyes": "open",
    "blink": "0",
    "gaze": "0",
    "gaze_down": "0",
    "brow_lift": "0",
    "light": "day",
    "side": "left",
    "clothes": "tee",
    "cloth": "navy",
    "backdrop": "plain",
    "style": "painted",
}
FACTORS = (  # drawn for each row, whoever it is
    "skin",
    "hair_colour",
    "glasses",
    "smile",
    "yaw",
    "ground",
)
