"""scores: the quick figures of a run during training, on held-out rows."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..core import GenerativeModel, Model, Reals
from ..data import Split
from ..data.endless import Draws
from ..data.images.stacked import Stacked
from ..data.truth import Toy
from ..functional.densities.distances import energy_distance
from .diagnosis import describe
from .extractors.pictures import sees, shipped
from .games import diagnosis as of_games
from .games.diagnosis import GAME
from .games.examination import TRAIN, Examination
from .latents import diagnosis as of_latents
from .latents.diagnosis import LATENT
from .latents.looks import latent_figures
from .likelihood.likelihood import QUICK, likelihoods
from .oracles import Oracle, oracle_for
from .pacing import likelihood_cost, passes, rounded, trial
from .remedies import already
from .rows import drawn, on, shuffled
from .samples.samples import frechet_distance
from .samples.stacked import channel_oracle, see_channels, stacked_values
from .samples.toys import mode_values

THOUSAND = 5000  # samples in which a thousand modes are counted
EXAMINED = 256  # rows for the examination of a game
EXAMINED_LATENTS = 1000  # rows for that of a latent


FEW = 10  # rows of a split, of which a covariance says nothing
TRIAL = 5.0  # seconds, to find out whether an evaluation is long
FEWEST = {"rows": 8, "samples": 50, "betas": 100}


class Amount(NamedTuple):
    """How much of an evaluation is done: the numbers of rows, of samples and of annealing steps."""

    rows: int
    samples: int
    betas: int


def scores(
    split: Split, rows: int = 1000, samples: int = 500, oracle: Oracle | None = None
) -> "Scores":
    """Figures for `fit(evaluate=...)`; the first figure is smaller for a better model.

    nats                 mean negative log-likelihood of rows of the split, or its bound, or a quick
                         estimate of it; if the model has none,
    frechet              of some samples, if there is an oracle, or of pictures, and there are more
                         than 10 rows; else, of vectors,
    energy_distance      of samples and rows
    modes, high_quality, mode_kl, width     in addition, of samples of toys with separate bumps
    mode_kl, modes       of 5,000 samples of stacked digits

    For an adversarial model, `fit` examines the game too: `genus.measure.games.examination`.

    Args:
        split: split to score.
        rows: largest number of rows.
        samples: number of samples, where there is no likelihood.
        oracle: oracle that judges samples; by default the one that ships for the data, if any.
    """
    return Scores(split, rows, samples, oracle or oracle_for(split.name, split.space))


class Scores:
    """Computes figures of a model, examines its game, and reports what is wrong with it.

    Args:
        split, rows, samples: arguments as in `scores`.
        judge: oracle, if there is one.
    """

    def __init__(self, split: Split, rows: int, samples: int, judge: Oracle | None):
        self.split, self.samples, self.judge = split, samples, judge
        self.batch = split.batch(0, min(rows, len(split)), 0)
        self.sight = _sight(split, judge) if len(split) > FEW else None
        self.real = None if self.sight is None else self.sight(self.batch[0])
        self.channels = channel_oracle(split) if isinstance(split, Stacked) else None
        toy = split.toy if isinstance(split, Draws) else None
        self.modes = toy.modes if isinstance(toy, Toy) else None
        self.examination: Examination | None = None
        self.looks: list[Tensor] = []  # of a run that goes on, before its first look
        self.had: frozenset[str] = frozenset()  # remedies that the game has already
        self.part: Amount | None = None  # what fits into the time of a run of minutes

    def __call__(self, model: Model) -> dict[str, float]:
        """Figures of a model, the leading one first."""
        return self._figures(model, self._whole(model))

    def within(self, model: Model, seconds: float) -> dict[str, float]:
        """Figures found in about this time, of fewer rows, samples or annealing steps.

        How many is settled the first time, so that all figures of a run can be compared; if they
        are fewer, their number is a figure too, if there is any other.
        """
        whole = self._whole(model)
        if self.part is None:
            self.part = self._cut(model, whole, seconds)
        kinds = ("rows", "samples", "betas")
        counts = {kind: (getattr(self.part, kind), getattr(whole, kind)) for kind in kinds}
        fewer = {kind: float(own) for kind, (own, all_) in counts.items() if own < all_}
        found = self._figures(model, self.part)
        return found | fewer if found else {}

    def seconds(self, model: Model) -> float:
        """About how many seconds a call takes, from a trial on a few rows."""
        return self._cost(model, self._whole(model), TRIAL)[1]

    def _whole(self, model: Model) -> Amount:
        many = isinstance(self.split, Stacked) and self.channels is not None
        return Amount(len(self.batch[0]), THOUSAND if many else self.samples, QUICK.betas)

    @torch.no_grad()
    def _cost(self, model: Model, whole: Amount, seconds: float) -> tuple[str, float]:
        """What a call spends its time on, a field of the amount, and how many seconds."""
        part = on(model, self.batch)
        found = likelihood_cost(model, part, part[0], QUICK, seconds)
        if found is not None and found.unit == "rows":
            return "rows", found.each * whole.rows * passes(model, QUICK)
        if found is not None:
            return "betas", found.each * whole.betas
        if not isinstance(model, GenerativeModel) or (
            self.sight is None and model.context_space is not None
        ):
            return "samples", 0.0
        contexts = shuffled(part, whole.samples)[1:]
        pace = trial(
            lambda n: drawn(model, n, tuple(c[:n] for c in contexts)), whole.samples, seconds
        )
        return "samples", pace.whole

    def _cut(self, model: Model, whole: Amount, seconds: float) -> Amount:
        kind, cost = self._cost(model, whole, seconds / 4)
        count, least = getattr(whole, kind), FEWEST[kind]
        if cost <= seconds:
            return whole
        return whole._replace(**{kind: rounded(count * seconds / cost, count, min(least, count))})

    @torch.no_grad()
    def _figures(self, model: Model, amount: Amount) -> dict[str, float]:
        part = on(model, tuple(x[: amount.rows] for x in self.batch))
        effort = QUICK._replace(betas=amount.betas)
        if found := likelihoods(model, part, part[0], effort, check=False):
            own = self.split.log_jacobian(part[0]).to(found[0].log_p)
            return {"nats": -(found[0].log_p + own).mean().item()}
        if not isinstance(model, GenerativeModel):
            return {}
        if self.sight is not None and self.real is not None:
            fake = drawn(model, amount.samples, shuffled(part, amount.samples)[1:])
            return {"frechet": frechet_distance(self.real, self.sight(fake)).value}
        if model.context_space is not None:
            return {}
        if isinstance(self.split, Stacked) and self.channels is not None:
            seen = see_channels(self.channels, drawn(model, amount.samples), self.split.space)
            return stacked_values(seen.classes, self.channels.classes)
        if not isinstance(self.split.space, Reals):
            return {}
        fake = drawn(model, amount.samples)
        return {"energy_distance": _distance(part[0], fake)} | self._bumps(fake)

    def examine(self, model: Model, data: Any) -> dict[str, float]:
        """Figures of the game as it is now, under `game/`, and of a latent, under `latent/`; empty without both.

        The model is left as it is, bit for bit, and so are the random streams.

        Args:
            model: model in training, not an average of it.
            data: training rows.
        """
        if self.examination is None:
            self.examination = self._examination(model, data)
            self.examination.before = self.looks
            self.had = already(model, {})
        game = self.examination.look(model)
        latent = latent_figures(model, self.batch[0][:EXAMINED_LATENTS])
        return {GAME + name: value for name, value in game.items()} | {
            LATENT + name: value for name, value in latent.items()
        }

    def verdict(self, lines: Iterable[Mapping[str, Any]]) -> str:
        """The faults of a game or a latent, from the lines of its log; "" if there are none."""
        lines = list(lines)
        found = of_games.ailments(lines, self.had) + of_latents.ailments(lines, self.had)
        return describe(found) if found else ""

    def memory(self) -> list[Tensor]:
        """The samples of the last looks, of which later figures of the game depend."""
        return self.looks if self.examination is None else self.examination.before

    def remember(self, memory: Sequence[Tensor]) -> None:
        """Takes over the samples of the last looks of a run that goes on."""
        self.looks, self.examination = list(memory), None

    def _examination(self, model: Model, data: Any) -> Examination:
        n, group = min(EXAMINED, len(self.split)), math.lcm(8, getattr(model, "packing", 1))
        n -= n % group if n > group else 0  # for critics that take several rows at once
        learnt = None
        if isinstance(data, Split) and not isinstance(data, Draws):
            (learnt, *_) = on(model, data.batch(0, min(TRAIN, len(data)), 0))
        unseen, train = (on(model, s.batch(0, n, 0)) for s in (self.split, data))
        modes = None if self.modes is None else self.modes[0].to(unseen[0])
        return Examination(unseen, train, learnt, self.split.space, modes, self.judge)

    def _bumps(self, fake: Tensor) -> dict[str, float]:
        if self.modes is None:
            return {}
        found = mode_values(fake.cpu(), *self.modes)
        names = ("modes", "high_quality", "mode_kl", "width")
        return {name: found[name][0] for name in names if name in found}


def _sight(split: Split, judge: Oracle | None) -> Callable[[Tensor], Tensor] | None:
    """The features of x by the oracle, or of pictures by the extractor that ships, if by anything."""
    if judge is not None:
        return lambda x: judge.see(x, split.space).features
    if isinstance(split, Stacked) or not sees(split.space):
        return None
    extractor = shipped()
    return lambda x: extractor.see(x, split.space)


def _distance(real: Tensor, fake: Tensor) -> float:
    return energy_distance(real.flatten(1).double(), fake.flatten(1).double()).item()
