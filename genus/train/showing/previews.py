"""Previews: samples that a run draws by the clock, so that its first minute is no blind one.

The first is drawn after FIRST seconds, and then whenever the time has doubled: 5, 10, 20, 40, 80, ...
seconds, whatever `evaluate_every` is. A preview only draws: it evaluates nothing, and a run with
previews is bit for bit the run without them. A model that samples slowly must not spend its run on
pictures: a preview begins with one sample, and grows to 8 and to a whole picture as far as the time
allows.
"""

import inspect
from collections.abc import Callable
from pathlib import Path

from ...core import Model

FIRST = 5.0  # seconds: with the start of a command, the first samples lie there in less than 20
SHARE = 0.1  # of the time so far that a preview may take
LEAST = 2.0  # seconds that any preview may take
SIZES = (1, 8, None)  # numbers of samples that are tried; None is a whole picture, about 64

Picture = Callable[..., object]  # (model, path), and n if it has a parameter of this name


class Previews:
    """When samples are drawn, and how many of them.

    Args:
        picture: function that writes samples of a model into a file. If it takes `n`, a slow model
            draws fewer.
        clock: function that returns the time in seconds.
        total: length of the run in seconds, if it has one: the first preview then comes within its
            first quarter, and none takes more than a tenth of it.
    """

    def __init__(self, picture: Picture, clock: Callable[[], float], total: float | None = None):
        self.picture, self.clock, self.total = picture, clock, total
        self.sizes = SIZES if "n" in inspect.signature(picture).parameters else (None,)
        self.costs: list[float] = []  # seconds that a picture of each size took, as far as known
        self.begun = self.drawn = clock()
        self.next = FIRST if total is None else min(FIRST, total / 4)

    def worthwhile(self) -> bool:
        """Whether to draw beside an evaluation: always, but what is `rare` at most a twentieth of the time."""
        rare = getattr(self.picture, "rare", False)
        return not rare or self.clock() - self.drawn >= 20 * max(self.costs, default=0.0)

    def due(self) -> bool:
        """Whether the time of a preview has come and it is not too dear; then the next is set."""
        spent = self.clock() - self.begun
        if spent < self.next:
            return False
        while self.next <= spent:
            self.next *= 2
        return not self.costs or self.costs[0] <= self.allowed()

    def allowed(self) -> float:
        """Seconds that a preview may take now."""
        own = max(LEAST, SHARE * (self.clock() - self.begun))
        return own if self.total is None else min(own, SHARE * self.total)

    def draw(self, model: Model, path: Path, seconds: float | None) -> None:
        """Writes as many samples as the time allows, at least one, into the file; without a time, all."""
        if seconds is None:
            self.whole(model, path)
            return
        left, size = seconds, self._affordable(seconds)
        while True:
            cost = self.whole(model, path, size)
            left -= cost
            if size + 1 == len(self.sizes) or self._grown(cost, size) > left:
                return
            size += 1

    def whole(self, model: Model, path: Path, size: int = -1) -> float:
        """Writes a picture of one of the sizes, by default a whole one; returns its seconds."""
        size %= len(self.sizes)
        n, begun = self.sizes[size], self.clock()
        if n is None:
            self.picture(model, path)
        else:
            self.picture(model, path, n=n)
        self.drawn = self.clock()
        cost = self.drawn - begun
        known = self.costs[:size]
        self.costs = known + [cost] * (size + 1 - len(known))
        return cost

    def cost(self, seconds: float) -> float:
        """Seconds that `draw` will take of these, as far as is known."""
        return min(seconds, self._expected(self._affordable(seconds))) if self.costs else 0.0

    def _affordable(self, seconds: float) -> int:
        """The largest size that is expected to fit into the time."""
        known = range(min(len(self.costs) + 1, len(self.sizes))) if self.costs else ()
        return max((size for size in known if self._expected(size) <= seconds), default=0)

    def _expected(self, size: int) -> float:
        """Seconds of a size: what it took, or, as the next after those, what it takes at most."""
        if size < len(self.costs):
            return self.costs[size]
        return self._grown(self.costs[size - 1], size - 1)

    def _grown(self, cost: float, size: int) -> float:
        """Seconds of the next size, at most: as many times as long as it has more samples."""
        return cost * (self.sizes[size + 1] or 64) / (self.sizes[size] or 64)
