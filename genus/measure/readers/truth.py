"""What can be read from a picture of a world: its labels and its numbers, and where they show.

truth    (n, labels + numbers): the number of a label's value; a number from -1 to 1 over its range;
         NaN where it does not show, such as the colour of hair under a hat
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ...core import Refused
from ...data.faces.features import mouth_of, places
from ...data.faces.head import Pen, head_of
from ...data.splits import Rows, Split
from ...data.worlds.canvas import Canvas
from ...data.worlds.painted import Painted
from ...data.worlds.parameters import Choice, Number, Parameters
from ...data.worlds.portraits import PORTRAITS, PORTRAITS_SIX
from ...data.worlds.scenes import SCENES
from ...data.worlds.scenes import SIX as SCENES_SIX
from ...data.worlds.world import World

WORLDS: Mapping[str, World] = {world.name: world for world in (PORTRAITS, SCENES)}
PLACES = {PORTRAITS.name: 3}  # that are looked at from near: the eyes and the mouth
ALIKE = {
    PORTRAITS_SIX.name: PORTRAITS.name,
    SCENES_SIX.name: SCENES.name,
}  # variants, and their worlds


def world_of(name: str) -> World:
    """The world of this name.

    Raises:
        Refused: there is none.
    """
    if name in WORLDS:
        return WORLDS[name]
    raise Refused(f"reader: there is no world '{name}'; there are {', '.join(WORLDS)}")


def labels_of(world: World) -> tuple[Choice, ...]:
    """The parameters of a world that are read as labels."""
    return tuple(one for one in world.parameters if isinstance(one, Choice) and one.label)


def numbers_of(world: World) -> tuple[Number, ...]:
    """The parameters of a world that are read as numbers."""
    return tuple(one for one in world.parameters if isinstance(one, Number))


def span(one: Number) -> tuple[float, float]:
    """The interval in which a number is looked for: what is mostly in the middle may be anywhere."""
    if one.gathered or one.usual is None or callable(one.usual):
        return one.low, one.high
    return float(one.usual[0]), float(one.usual[1])


def shown(one: Choice | Number, found: Parameters) -> Tensor:
    """Whether a parameter shows in each row, (n,) bool."""
    if one.visible is None:
        return torch.ones(len(found[one.name]), dtype=torch.bool)
    return one.visible(found)


def truth_of(world: World, found: Parameters) -> Tensor:
    """The truth of rows of these parameters, (n, labels + numbers) float32, NaN where it does not show."""
    columns = [
        torch.where(shown(one, found), found[one.name].float(), torch.nan)
        for one in labels_of(world)
    ]
    for one in numbers_of(world):
        share = (found[one.name] - one.low) / (one.high - one.low)
        columns.append(torch.where(shown(one, found), 2 * share - 1, torch.nan))
    return torch.stack(columns, 1).float()


def places_of(world: World, found: Parameters) -> Tensor:
    """Where the places of each row are that are looked at from near, (n, places, 2): x and y, -1 to 1."""
    n = len(next(iter(found.values())))
    if world.name not in PLACES:
        return torch.zeros(n, 0, 2)
    pen = Pen(Canvas(16, n), head_of(found))
    several = [*(places(pen, side)[:2] for side in (-1.0, 1.0)), mouth_of(pen)[:2]]
    return torch.stack([torch.stack(place, 1) for place in several], 1)


def drawn_by(split: Split) -> bool:
    """Whether the rows of a split are single pictures of a world, of which the truth is known."""
    return (
        isinstance(split, Rows) and isinstance(split.rows, Painted) and len(split.rows.shape) == 4
    )


def parameters_of(split: Split) -> Parameters:
    """The parameters of the rows of a world, each (n,).

    Raises:
        Refused: the rows are not those of a world.
    """
    if drawn_by(split) and isinstance(split, Rows) and isinstance(split.rows, Painted):
        return split.rows.truth(torch.arange(len(split)))
    raise Refused(f"reader: {split.name} is no world; a world such as portraits?size=64 is wanted")


def right(labels: Mapping[str, Tensor], truth: Tensor) -> dict[str, Tensor]:
    """Whether labels were read as they are, by name, each of the rows in which it shows, bool.

    Args:
        labels: what was read, by name, in the order of the truth, (n,) int64 each.
        truth: what `truth_of` gives, (n, labels + numbers).
    """
    found = {}
    for i, (name, read) in enumerate(labels.items()):
        there = ~truth[:, i].isnan()
        found[name] = read[there] == truth[there, i]
    return found
