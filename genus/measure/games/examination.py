"""Examination of a game during training: figures of its players, without side effects.

All figures come from a copy of the model, with noise of its own, so weights, buffers and random
streams of the run stay as they are, bit for bit. A few hundred rows are used.

    accuracy            P(D(x) > D(G(z))) for unseen x: 0.5 cannot tell, 1 can always tell
    accuracy_train      the same of rows that the critic learns from; above the first, it has overfit
    calibration         expected calibration error of the critic's probabilities, if scores are logits
    gradient_NAME       norm of the gradient of the player NAME, of its own loss, by its own weights
    strength            generator's gradient norm over the sum of generator's and critic's
    signal              gradient of the generator's loss by its scores, E |dL / dD(G(z))|, over that
    and
                        the same if they were as high as those of real rows: 0 learns nothing,
                            Wasserstein has 0.5
    score               root mean square of the critic's scores
    diversity           mean distance of two samples over that of two real rows
    diversity_seen      the same of an oracle's features
    distance            energy distance of samples and real rows, over the distance of two real rows
    outside             share of samples at least twice as far out as any real row
    modes, classes      bumps of a toy, or classes that an oracle sees, which at least a tenth as many
                        samples as real rows belong to
    modes_real, ...     how many of them as many real rows show
    memorised           share of samples nearer to a training row than 19 of 20 unseen rows are
    moved               how far samples of the same noise went since the last look, over the distance
                        of two real rows
    returned            how far off the samples were since an earlier look, less how far they are from
                        that look; energy distances over the same; 0 if they never came back

Scores are those of the model's own `judged`: they are high for data.

Source: Szekely, Rizzo, "Energy statistics: a class of statistics
    based on distances", 2013, Journal of Statistical Planning and Inference 143 (energy distance).
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from ...core import Losses, Model, Player, Reals, Space, promise
from ...functional.adversarial.sides import HasJudged
from ...functional.densities.distances import energy_distance
from ...functional.densities.neighbours import mean_distance, nearest
from ..oracles import Oracle
from ..samples.samples import COVERED
from .critics import accuracy, calibration_error, recording

TRAIN = 5000  # training rows among which copies are sought, at most
LOOKS = 12  # earlier looks that are remembered
USUAL = 0.05  # share of unseen rows that count as near to a training row


@runtime_checkable
class HasCodes(Protocol):
    """Invents codes, and knows a lower bound of what its samples tell of them."""

    @property
    def code_entropy(self) -> float:
        """What they could tell at most, nats."""
        ...

    def information(self, n: int = 1000) -> Tensor:
        """The bound by n draws, nats, ()."""
        ...


def adversarial(players: Mapping[str, Player]) -> bool:
    """Whether one player is a critic and one a generator."""
    return all(_with_role(players, role) for role in ("critic", "generator"))


# --- samples ----------------------------------------------------------------------------------


def spread(x: Tensor) -> float:
    """The mean distance of two different rows, (n, d)."""
    return mean_distance(x).item()


def outside(fake: Tensor, real: Tensor) -> float:
    """The share of samples at least twice as far from the mean of real rows as any real row is."""
    middle = real.mean(0)
    reach = (real - middle).norm(dim=1).max()
    far = (fake - middle).norm(dim=1) > 2 * reach
    return (far | ~fake.isfinite().all(1)).double().mean().item()


def memorised(fake: Tensor, unseen: Tensor, train: Tensor) -> float:
    """The share of samples nearer to a training row than 1 - USUAL of unseen rows are."""
    usual = torch.cdist(unseen, train).min(1).values.quantile(USUAL)
    return (torch.cdist(fake, train).min(1).values < usual).double().mean().item()


def covered(fake: Tensor, real: Tensor, count: int) -> tuple[int, int]:
    """The number of kinds, out of `count`, that samples and real rows cover: (n,), (m,) int64."""
    found, true = (torch.bincount(x, minlength=count) / max(len(x), 1) for x in (fake, real))
    return int(((found >= COVERED * true) & (true > 0)).sum()), int((true > 0).sum())


def of_classes(context: Tensor) -> bool:
    """Whether contexts are classes, (n,) int64."""
    return context.dim() == 1 and not context.is_floating_point()


def of_each_class(fake: Tensor, real: Tensor, classes: Tensor) -> dict[str, float]:
    """Whether samples are of the class asked for, and how far two of a class are apart.

    A row is of the class whose real rows have the nearest mean, which is right for real rows too as often as
    `class_right_real` says. Classes of one row have no two.

    Args:
        fake, real: samples and real rows of the same classes, (n, d) each.
        classes: (n,) int64.
    """
    labels, own = classes.unique(return_inverse=True)
    counts = torch.bincount(own, minlength=len(labels))
    means = torch.zeros(len(labels), real.shape[1]).index_add_(0, own, real) / counts[:, None]
    several = [label for label in range(len(labels)) if counts[label] > 1]
    found = {
        f"class_right{side}": (torch.cdist(x, means).argmin(1) == own).double().mean().item()
        for side, x in (("", fake), ("_real", real))
    }
    if several:
        apart = [spread(fake[own == k]) / max(spread(real[own == k]), 1e-12) for k in several]
        found["class_diversity"] = sum(apart) / len(apart)
    return found | {"class_chance": (counts.max() / len(own)).item()}


# --- the whole --------------------------------------------------------------------------------


class Examination:
    """The figures of a game at each look, with a memory of earlier looks, `before`.

    Args:
        unseen: batch of held-out rows.
        train: batch of as many training rows.
        learnt: rows among which copies are sought, (n, *shape); None if the training rows are
            endless.
        space: space of x.
        modes: centres of separate bumps, (k, d), if there are any.
        judge: oracle, if there is one.
    """

    def __init__(
        self,
        unseen: tuple[Tensor, ...],
        train: tuple[Tensor, ...],
        learnt: Tensor | None,
        space: Space,
        modes: Tensor | None = None,
        judge: Oracle | None = None,
    ):
        self.unseen, self.train, self.learnt = unseen, train, learnt
        self.space, self.modes, self.judge = space, modes, judge
        self.before: list[Tensor] = []
        self.scale = max(spread(unseen[0].reshape(len(unseen[0]), -1).float()), 1e-12)

    def look(self, model: Model) -> dict[str, float]:
        """The figures of the game of this model; empty unless critic and generator play."""
        if not adversarial(model.players()):
            return {}
        twin = copy.deepcopy(model).requires_grad_(True)
        with _own_noise(), torch.enable_grad():
            found = _players(twin.train(), self.unseen, self.train)
        with _own_noise(), torch.no_grad():
            fake = self._sample(twin.eval())
            if isinstance(twin, HasCodes):
                found["code_told"] = twin.information(len(fake)).item() / twin.code_entropy
        return found | self._samples(fake)

    def _sample(self, model: Model) -> Tensor:
        context = self.unseen[1:]
        n = len(self.unseen[0])
        sample: Any = getattr(model, "sample")  # noqa: B009
        return sample(context=context[0]) if context else sample(n)

    def _samples(self, fake: Tensor) -> dict[str, float]:
        real = self.unseen[0]
        x, truth = fake.flatten(1).float(), real.flatten(1).float()
        found = {
            "diversity": spread(x) / self.scale,
            "distance": energy_distance(x, truth).item() / self.scale,
        }
        if self.judge is not None:
            seen, known = self.judge.see(fake, self.space), self.judge.see(real, self.space)
            found["diversity_seen"] = spread(seen.features) / max(spread(known.features), 1e-12)
            kinds = covered(seen.classes, known.classes, self.judge.classes)
            found["classes"], found["classes_real"] = map(float, kinds)
        if len(self.unseen) > 1 and of_classes(self.unseen[1]):
            found |= of_each_class(x, truth, self.unseen[1])
        if self.modes is not None:
            kinds = covered(
                nearest(x, self.modes)[1], nearest(truth, self.modes)[1], len(self.modes)
            )
            found["modes"], found["modes_real"] = map(float, kinds)
        if isinstance(self.space, Reals):
            found["outside"] = outside(x, truth)
        if self.learnt is not None:
            found["memorised"] = memorised(x, truth, self.learnt.flatten(1).float())
        return found | self._movement(x)

    def _movement(self, x: Tensor) -> dict[str, float]:
        """Figures of how far samples of the same noise moved, and whether they came back."""
        found: dict[str, float] = {}
        before = [old for old in self.before if old.shape == x.shape]
        if before and x.isfinite().all():
            found["moved"] = (x - before[-1]).norm(dim=1).mean().item() / self.scale
            away = [energy_distance(x, old).item() / self.scale for old in before]
            back = [max(away[j + 1 :]) - away[j] for j in range(len(away) - 1)]
            found["returned"] = max(0.0, *back) if back else 0.0
        self.before = [*self.before, x][-LOOKS:]
        return found


# --- on the copy ------------------------------------------------------------------------------


def _players(
    model: Model, unseen: tuple[Tensor, ...], train: tuple[Tensor, ...]
) -> dict[str, float]:
    """Figures of each player's gradient, and of the critic on rows that it has and has not seen."""
    players = model.players()
    critic, generator = (_with_role(players, role) for role in ("critic", "generator"))
    if critic is None or generator is None:
        return {}
    found, gap = _critic(model, unseen, train)
    dealt = model.deal(*train)
    norms = {name: _gradient_norm(_total(p.loss(*dealt)), p) for name, p in players.items()}
    found |= {f"gradient_{name}": norm for name, norm in norms.items()}
    own, other = (next(norms[k] for k, p in players.items() if p is q) for q in (generator, critic))
    found["strength"] = own / max(own + other, 1e-30)
    if (game := promise(model, HasJudged)) is not None:
        fake = game.judged(dealt).fake
        if (signal := _signal(generator, dealt, critic, fake, gap)) is not None:
            found["signal"] = signal
    return found


def _critic(
    model: Model, unseen: tuple[Tensor, ...], train: tuple[Tensor, ...]
) -> tuple[dict[str, float], float]:
    """Figures of the critic on rows that it has and has not seen, against the same fake rows.

    Also how much higher the rows that it has seen score than the fake ones.
    """
    if (game := promise(model, HasJudged)) is None:
        return {}, 0.0
    both = []
    for rows in (unseen, train):
        torch.manual_seed(0)
        both.append(game.judged(model.deal(*rows)))
    new, old = both
    found = {
        "accuracy": accuracy(new.real, new.fake),
        "accuracy_train": accuracy(old.real, old.fake),
    }
    if new.logits:
        found["calibration"] = calibration_error(new.real, new.fake)
    found["score"] = torch.cat([new.real, new.fake]).square().mean().sqrt().item()
    return found, (old.real.mean() - old.fake.mean()).item()


def _signal(
    generator: Player, dealt: tuple[Any, ...], critic: Player, fake: Tensor, gap: float
) -> float | None:
    """The gradient of the generator's loss by its scores, over that and the same closer by `gap`.

    Args:
        generator, critic: players of the game.
        dealt: arguments of their losses.
        fake: scores of fake rows, high for data, which show the sign of the critic's own.
        gap: mean score of real rows above that of fake ones.
    """
    found, shift = [], 0.0
    for _ in range(2):
        with recording(critic, shift) as calls:
            loss = _total(generator.loss(*dealt))
        scores = [s for x, s in calls if x.requires_grad and not x.is_leaf]
        if not scores or not loss.requires_grad:
            return None
        (pull,) = torch.autograd.grad(loss, scores[:1], retain_graph=True, allow_unused=True)
        found.append(0.0 if pull is None else pull.abs().sum().item())
        high = (scores[0].detach().reshape(len(fake), -1).mean(1).double() @ fake).item() >= 0
        shift = gap if high else -gap
    return found[0] / sum(found) if sum(found) else None


def _gradient_norm(loss: Tensor, player: Player) -> float:
    weights = [p for p in player.parameters() if p.requires_grad]
    if not weights or not loss.requires_grad:
        return 0.0
    found = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
    squares = [g.double().square().sum() for g in found if g is not None]
    return torch.stack(squares).sum().sqrt().item() if squares else 0.0


def _total(terms: Losses) -> Tensor:
    return torch.stack([*terms.values()]).sum()


def _with_role(players: Mapping[str, Player], role: str) -> Player | None:
    return next((player for player in players.values() if player.role == role), None)


@contextmanager
def _own_noise() -> Iterator[None]:
    """Seeds the noise of a look, the same each time, and restores the run's own streams."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
