"""A reader by templates: it draws the world again, until the picture looks like the one to be read.

Nothing is trained. A few thousand portraits are drawn beforehand, and those nearest to a picture in small
are where the search begins. Then one parameter after another takes each of its values while all others
stay, the picture is drawn with each, and the value with the least difference is kept; numbers take steps to
either side, which become smaller from sweep to sweep. So what is read is what explains the picture:

    parameters = argmin  mean |x - draw(parameters)|

The search is slow, and may end in a place where no single change helps. It owes nothing to a network, so
that where both readers agree on a generated picture, neither's habits are the reason.
"""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ...core import Pixels, Refused, Space, at_least
from ...data.worlds.parameters import Choice, Number, Parameters, taken
from ...data.worlds.wishes import recipe
from .reader import USUAL, Readings
from .truth import labels_of, numbers_of, shown, span, world_of

SMALL = 16  # pixels of the side of pictures that are compared with all templates
SEARCHED = 32  # and of those in which the search begins
STEPS = (0.25, 0.12, 0.06, 0.03, 0.015, 0.008)  # of numbers in the sweeps, as shares of their range
EXPLAINED = 0.8  # levels of difference at which a picture is explained
PICTURES = 24  # that are read at once
PAIRS = {  # parameters that hide each other's mistakes, so that both are changed at once
    "portraits": (
        ("hat", "identity"),
        ("hair", "hair_colour"),
        ("light", "ground"),
        ("skin", "age"),
    )
}
TONES = 8  # people, by number, of whom each has another colour of hat


class TemplateReader:
    """A reader that draws the world again.

    Args:
        world: name of the world, such as "portraits".
        templates: number of pictures that are drawn beforehand.
        starts: number of templates from which the search for each picture begins.
        attempts: number of searches, each from other templates; later ones only for pictures that are
            not explained yet.
        steps: steps of numbers in the sweeps, as shares of their range.
        seed: number of the draw of the templates.
    """

    def __init__(
        self,
        world: str = "portraits",
        templates: int = 4000,
        starts: int = 3,
        attempts: int = 2,
        steps: tuple[float, ...] = STEPS,
        seed: int = 0,
    ):
        at_least(1, "TemplateReader", templates=templates, starts=starts, attempts=attempts)
        self.world, self.steps = world_of(world), steps
        self.starts, self.attempts = starts, attempts
        laws = recipe(world, self.world.parameters, dict(self.world.fixed))
        self.templates = laws.drawn((world, "templates", seed), torch.arange(templates))
        drawn = self.world.draw(self.templates, SEARCHED)
        self.small = _reduced(drawn.float(), SMALL).flatten(1)
        self.limit = float("inf")

    def read(self, x: Tensor, space: Space) -> Readings:
        """Reads pictures of a space of pictures, (n, 3, h, w): seconds a picture."""
        if not isinstance(space, Pixels) or len(space.shape) != 3 or space.shape[0] != 3:
            raise Refused(
                f"TemplateReader: x is {space}; it reads pictures in three colours, (3, h, w)"
            )
        levels = ((space.quantise(x) + 1) * 127.5).round().cpu()
        parts = [self._search(part) for part in levels.split(PICTURES)]
        found = {
            one.name: torch.cat([part[0][one.name] for part in parts])
            for one in self.world.parameters
        }
        away = torch.cat([part[1] for part in parts])
        labels, numbers = labels_of(self.world), numbers_of(self.world)
        return Readings(
            {one.name: found[one.name] for one in labels},
            {one.name: shown(one, found) for one in (*labels, *numbers)},
            {one.name: found[one.name] for one in numbers},
            {
                one.name: torch.full((len(x),), self.steps[-1] * (one.high - one.low))
                for one in numbers
            },
            -away,
            away > self.limit,
        )

    def settle(self, clean: Readings) -> None:
        """Sets what is refused by readings of clean pictures: the worst in a hundred of them."""
        self.limit = -clean.confidence.double().quantile(USUAL).item()

    def _search(self, levels: Tensor) -> tuple[Parameters, Tensor]:
        """The parameters of some pictures, and what is left of their difference, in levels."""
        near = torch.cdist(_reduced(levels, SMALL).flatten(1), self.small)
        order = near.topk(self.starts * self.attempts, largest=False).indices
        found, away = self._from(levels, order[:, : self.starts])
        for more in order.split(self.starts, 1)[1:]:
            left = (away > EXPLAINED).nonzero()[:, 0]
            if not len(left):
                break
            other, less = self._from(levels[left], more[left])
            better = less < away[left]
            for name, value in other.items():
                found[name][left] = torch.where(better, value, found[name][left])
            away[left] = torch.minimum(less, away[left])
        return found, away

    def _from(self, levels: Tensor, starts: Tensor) -> tuple[Parameters, Tensor]:
        """The same from templates of these numbers, (n, starts), of which the most promising goes on."""
        n, count = starts.shape
        found, away = taken(self.templates, starts.flatten()), torch.zeros(0)
        coarse = _reduced(levels, SEARCHED) if levels.shape[-1] > SEARCHED else levels
        if count > 1:
            several = coarse.repeat_interleave(count, 0)
            for step in self.steps[:2]:
                found, away = self._sweep(several, found, step)
            found = taken(found, away.reshape(n, count).argmin(1) + torch.arange(n) * count)
        for pair in PAIRS.get(self.world.name, ()):
            found = self._both(coarse, found, pair)
        for step in self.steps:
            found, away = self._sweep(levels, found, step)
        return found, away

    def _sweep(self, levels: Tensor, found: Parameters, step: float) -> tuple[Parameters, Tensor]:
        """Each parameter in turn takes the best of its values."""
        away = self._away(levels, found, 1)
        for one in self.world.parameters:
            tried = {one.name: _values(one, found[one.name], step)}
            found, away = self._best(levels, found, away, tried)
        return found, away

    def _both(self, levels: Tensor, found: Parameters, names: tuple[str, str]) -> Parameters:
        """Two parameters take the best of all combinations of their values."""
        first, second = (
            _values(one, found[one.name], 0)
            for name in names
            for one in self.world.parameters
            if one.name == name
        )
        rows, count = len(levels), (first.shape[1], second.shape[1])
        tried = {
            names[0]: first[:, :, None].expand(rows, *count).flatten(1),
            names[1]: second[:, None].expand(rows, *count).flatten(1),
        }
        return self._best(levels, found, self._away(levels, found, 1), tried)[0]

    def _best(
        self, levels: Tensor, found: Parameters, away: Tensor, tried: Parameters
    ) -> tuple[Parameters, Tensor]:
        """The parameters with the best of the values that some of them are tried with, (n, count)."""
        count = next(iter(tried.values())).shape[1]
        every = {name: value.repeat_interleave(count, 0) for name, value in found.items()}
        every |= {name: values.flatten() for name, values in tried.items()}
        each = self._away(levels, every, count).reshape(len(levels), count)
        least, which = each.min(1)
        better = least < away
        chosen = {name: values.gather(1, which[:, None])[:, 0] for name, values in tried.items()}
        kept = {name: torch.where(better, value, found[name]) for name, value in chosen.items()}
        return found | kept, torch.where(better, least, away)

    def _away(self, levels: Tensor, found: Parameters, count: int) -> Tensor:
        """The mean difference of each drawing to its picture, `count` drawings each, in levels."""
        drawn = self.world.draw(found, levels.shape[-1])
        of = levels.repeat_interleave(count, 0) if count > 1 else levels
        return (drawn.float() - of).abs_().flatten(1).mean(1)


def _values(one: Choice | Number, now: Tensor, step: float) -> Tensor:
    """What a parameter is tried with, (n, count)."""
    if isinstance(one, Choice):
        many = torch.arange(len(one.values) if one.label else TONES)
        return many.expand(len(now), -1).contiguous()
    moves = torch.tensor([-2.0, -1.0, 1.0, 2.0]) * step * (one.high - one.low)
    return (now[:, None] + moves).clamp(*span(one))


def _reduced(levels: Tensor, side: int) -> Tensor:
    return interpolate(levels, (side, side), mode="bilinear", antialias=True)
