"""What can differ from scene to scene: ground, light, style, and up to four objects with their places.

Each object takes one of twenty cells of the ground, a to d from the front to the back and 1 to 5 from
left to right, in which it neither touches an object before it nor hides one, nor is hidden by one. Its
place is drawn within the cell.
"""

from functools import partial

import torch
from torch import Tensor

from ...core import Refused
from ..worlds.parameters import Choice, Number, Parameter, Parameters
from .camera import DEPTH, MARGIN, RADII, height_of, scale_of

MOST = 4  # objects
SHAPES = ("ball", "box", "cone", "cylinder", "star", "ring")
BALL, BOX, CONE, CYLINDER, STAR, RING = range(6)
COLOURS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
PAINTS = ("#d8352f", "#f08a24", "#f4c92f", "#4aa84a", "#36b6b8", "#2f67c9", "#7d4bb5", "#ec86ae")
SIZES = ("small", "medium", "large")
MATERIALS = ("matte", "glossy", "striped")
MATTE, GLOSSY, STRIPED = range(3)
GROUNDS = ("wood", "tiles", "grass", "sand", "checks", "plain")
WOOD, TILES, GRASS, SAND, CHECKS, PLAIN = range(6)
STYLES = ("solid", "comic")
TEXTURES = 4  # pictures of each ground
COLUMNS, LINES = 5, 4
CELLS = tuple(f"{line}{column + 1}" for line in "abcd"[:LINES] for column in range(COLUMNS))
NUMBERS = tuple(range(1, MOST + 1))
STEEP = 30.0  # largest turn in degrees
HIDDEN = 0.45  # share of an object that others may hide, as far as cells decide it
ROOM = 0.15  # between two objects on the ground, from which both may come nearer within their cells
LOOSE = (0.09, 0.04)  # how far from the middle of its cell an object may be, in x and in z


def there(number: int, found: Parameters) -> Tensor:
    """In which rows there is an object of this number, (n,) bool."""
    return found["objects"] + 1 >= number


def _on_ground(found: Parameters) -> Tensor:
    """In which rows the first object has a place of its own, (n,) bool."""
    return found["on_top"] == 0


def _middles() -> tuple[Tensor, Tensor]:
    """The middles of the cells, x and z, (cells,)."""
    columns = torch.linspace(-0.9, 0.9, COLUMNS, dtype=torch.float64)
    lines = torch.linspace(0.06, 0.94, LINES, dtype=torch.float64)
    return columns.repeat(LINES), lines.repeat_interleave(COLUMNS)


def _free(number: int, found: Parameters) -> Tensor:
    """The probability of each cell for an object, (n, cells): cells where it would collide have none."""
    x, z = _middles()
    radius = torch.tensor(RADII, dtype=torch.float64)
    mine = radius[found[f"size{number}"]][:, None]
    shares = torch.ones(len(mine), len(CELLS), dtype=torch.float64)
    for other in range(1, number):
        its = radius[found[f"size{other}"]]
        there = (found[f"x{other}"].double(), found[f"z{other}"].double(), its)
        fits = _fits(x, z, mine, *(one[:, None] for one in there))
        free = shares * fits
        shares = torch.where(free.sum(1, keepdim=True) > 0, free, shares)
    return shares


def _fits(x: Tensor, z: Tensor, r: Tensor, x2: Tensor, z2: Tensor, r2: Tensor) -> Tensor:
    """Whether two objects at these places neither touch nor hide much of each other."""
    s, s2 = scale_of(z), scale_of(z2)
    across, across2 = x * (1 - MARGIN * s), x2 * (1 - MARGIN * s2)
    apart = ((across / s - across2 / s2).square() + ((z - z2) * DEPTH).square()).sqrt()
    size, size2 = r * s, r2 * s2
    nearer = z < z2
    top = torch.where(nearer, height_of(z) - 2 * size, height_of(z2) - 2 * size2)
    base = torch.where(nearer, height_of(z2), height_of(z))
    behind = torch.where(nearer, size2, size)
    high = ((base - top) / (2 * behind)).clamp(0, 1)
    wide = ((size + size2 - (across - across2).abs()) / (2 * behind)).clamp(0, 1)
    return (apart > r + r2 + ROOM) & (high * wide < HIDDEN)


def _near(which: int, number: int, found: Parameters) -> tuple[Tensor, Tensor]:
    """The interval of x, which is 0, or of z, which is 1, in the cell of an object."""
    middle = _middles()[which][found[f"place{number}"]]
    low, high = ((-1.0, 1.0), (0.0, 1.0))[which]
    return (middle - LOOSE[which]).clamp(min=low), (middle + LOOSE[which]).clamp(max=high)


def _carried(found: Parameters) -> Tensor:
    """The probability that the first object stands on the second, which must be flat and as large."""
    flat = (found["shape2"] == BOX) | (found["shape2"] == CYLINDER)
    can = flat & (found["size1"] <= found["size2"]) & there(2, found)
    share = torch.where(can, 0.4, 0.0).double()
    return torch.stack((1 - share, share), 1)


def _object(number: int) -> tuple[Parameter, ...]:
    seen = partial(there, number) if number > 1 else None
    return (
        Choice(f"shape{number}", SHAPES, f"shape of object {number}", visible=seen),
        Choice(
            f"colour{number}", COLOURS, f"colour of object {number}", colours=PAINTS, visible=seen
        ),
        Choice(f"size{number}", SIZES, f"size of object {number}", ordered=True, visible=seen),
        Choice(
            f"material{number}", MATERIALS, f"material of object {number}", (0.4, 0.3, 0.3),
            visible=seen,
        ),
    )  # fmt: skip


def _place(number: int) -> tuple[Parameter, ...]:
    seen = partial(there, number) if number > 1 else _on_ground
    before = [f"{name}{other}" for other in range(1, number) for name in ("x", "z", "size")]
    return (
        Choice(
            f"place{number}",
            CELLS,
            f"cell of object {number}, a1 at the front left to d5 at the back right",
            partial(_free, number),
            needs=(*before, f"size{number}"),
            visible=seen,
            label=False,
        ),
        Number(
            f"x{number}",
            -1.0,
            1.0,
            f"place of object {number} to the right, -1 and 1 at the edges of the picture",
            partial(_near, 0, number),
            needs=(f"place{number}",),
            visible=seen,
        ),
        Number(
            f"z{number}",
            0.0,
            1.0,
            f"place of object {number} in depth, from 0 at the front to 1 at the back",
            partial(_near, 1, number),
            needs=(f"place{number}",),
            visible=seen,
        ),
        Number(
            f"turn{number}",
            -STEEP,
            STEEP,
            f"angle by which object {number} is turned, in degrees; only boxes show it",
            visible=seen,
        ),
    )


PARAMETERS: tuple[Parameter, ...] = (
    Choice("objects", tuple(map(str, NUMBERS)), "number of objects", (0.15, 0.3, 0.3, 0.25), True),
    Choice("ground", GROUNDS, "ground"),
    Choice("light", ("left", "right"), "side from which the light falls"),
    Choice("time", ("day", "night"), "light of day or night", (0.8, 0.2)),
    Choice("style", STYLES, "style of the drawing", (0.7, 0.3)),
    Choice("texture", tuple(map(str, range(TEXTURES))), "which picture of the ground", label=False),
    *(one for number in NUMBERS for one in _object(number)),
    Choice(
        "on_top",
        ("no", "yes"),
        "whether the first object stands on the second, a box or a cylinder",
        _carried,
        needs=("shape2", "size1", "size2", "objects"),
        visible=partial(there, 2),
    ),
    *(one for number in NUMBERS for one in _place(number)),
)
GROUPS = {  # names for the parameters of all objects at once
    name: tuple(f"{name}{number}" for number in NUMBERS)
    for name in ("shape", "colour", "material", "turn")
}
FACTORS = ("shape1", "colour1", "size1", "x1", "ground", "light")
SIX = {  # of the variant with six independent factors: what all else is
    **{
        one.name: one.values[0]
        for one in PARAMETERS
        if isinstance(one, Choice) and one.label and one.name not in FACTORS
    },
    "texture": "0",
    "x1": "-1..1",
    "z1": "0.3",
    "turn1": "18",
}
SHOWN = tuple(  # the condition under which an object is there, in words
    "+".join(f"objects:{number}" for number in NUMBERS[k:]) if k else "" for k in range(MOST)
)


def checked(parameters: Parameters, kinds: tuple[Parameter, ...] = PARAMETERS) -> None:
    """Refuses parameters of which one is missing or outside its range.

    Args:
        parameters: values of each row.
        kinds: what must be there.

    Raises:
        Refused: one is missing, or outside its range.
    """
    for one in kinds:
        if one.name not in parameters:
            more = ", frames=8" if one not in PARAMETERS else ""
            raise Refused(f"scenes: {one.name} is missing; scenes.parameters(n{more}) gives all")
        value = parameters[one.name]
        low, high = (0, len(one.values) - 1) if isinstance(one, Choice) else (one.low, one.high)
        if len(value) and not low <= value.min() <= value.max() <= high:
            raise Refused(
                f"scenes: {one.name} has values from {value.min():g} to {value.max():g}; they must be "
                f"in {low:g} .. {high:g}"
            )
