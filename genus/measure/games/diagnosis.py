"""The diagnosis of a game in plain words, from the lines of its log alone.

    mode collapse           samples are of fewer kinds, or nearer together, than real rows
    conditional collapse    samples of one class are nearer together than its real rows
    labels ignored          samples are like the data, and not of the class that they were asked for
    codes ignored           samples are like the data, and tell nothing of the codes behind them
    vanishing gradient      the critic is sure, and the generator's loss hardly depends on its scores
    critic overfit          the critic is right more often on training rows than on others
    divergence              scores or losses explode, or samples leave the range of the data
    cycling                 samples move far between evaluations, and return to where they were
    weak critic             samples are far from the data, and the critic cannot tell them apart
    memorisation            samples are copies of training rows

The figures are those of `genus.measure.games.examination`. The thresholds lie between sound runs and
runs that were broken on purpose; `benchmarks/adversarial/diagnosis.py` has both.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from statistics import median
from typing import Any

from ..findings import LOOKS, Finding, Look, Severity, looks_of, since_all

GAME = "game/"  # before the names of figures of the game, as opposed to those of the model
FEW = 0.7  # share of the kinds among real rows, up to which kinds are missing
HARDLY_ANY = 0.2  # the same, of a total collapse
NARROW, POINT = 0.6, 0.15  # diversity, over that of real rows, of a partial and of a total collapse
DEAF = 0.05  # signal below which the generator learns nothing
SURE = 0.95  # accuracy of a critic that can tell samples from real rows
GAP = 0.25  # of accuracies, on learnt and on unseen rows
BLIND, FAR = (
    0.6,
    0.15,
)  # accuracy of a critic that cannot tell samples at such a distance or further
COPIES = 0.25  # share of samples nearer to a training row than 19 of 20 unseen rows are
HUGE, GROWTH = 1000.0, 10.0  # score or loss, and over its first value, that is an explosion
GONE = 0.5  # share of samples outside of the range of the data
CODED = 0.1  # share of what codes could tell, below which they are not used
TOLD = 0.3  # share of the way from chance to real rows, below which classes are not followed
BACK = 0.3  # how far samples have come back to where they were, over the distance of real rows


def findings(
    lines: Iterable[Mapping[str, Any]], had: frozenset[str] = frozenset()
) -> list[Finding]:
    """The findings about a game, the worst first; empty if the log is not of a game.

    Args:
        lines: lines of metrics.jsonl, in their order.
        had: names of the remedies that the game has already, which are not advised.
    """
    lines = list(lines)
    looks = looks_of(lines, GAME)
    if not looks:
        return []
    found = ailments(lines, had)
    if found:
        return found
    last, at = looks[-1], int(looks[-1]["round"])
    if len(looks) < LOOKS:
        sentence = (
            f"too early to say at round {at:,}: the game was looked at once; lower evaluate_every"
        )
        return [Finding("undecided", "good", at, sentence)]
    return [Finding("healthy", "good", at, f"healthy at round {at:,}: {_state(last)}")]


def ailments(
    lines: Iterable[Mapping[str, Any]], had: frozenset[str] = frozenset()
) -> list[Finding]:
    """The faults of a game, the worst first; empty if there are none, or no game."""
    lines = list(lines)
    looks = looks_of(lines, GAME)
    if not looks:
        return []
    faults = (
        _vanishing,
        _collapse,
        _by_class,
        _untold,
        _uncoded,
        _cycling,
        _weak,
        _overfit,
        _copies,
    )
    found = [judge(looks) for judge in faults]
    ailing = [finding for finding in (_divergence(looks, lines), *found) if finding is not None]
    ailing = [finding._replace(had=had) for finding in ailing]
    return sorted(ailing, key=lambda finding: finding.severity != "failure")


# --- faults -----------------------------------------------------------------------------------


def _vanishing(looks: Sequence[Look]) -> Finding | None:
    def no_signal(look: Look) -> bool:
        return look["signal"] < DEAF and look["accuracy"] > SURE

    if (since := since_all(looks, no_signal, "signal", "accuracy")) is None:
        return None
    last = looks[-1]
    fault = (
        f"vanishing generator gradient since round {since:,}: the critic is right in "
        f"{last['accuracy']:.0%} of pairs, and the generator's loss pulls at {last['signal']:.2g} of "
        f"its strength"
    )
    tries = ("non_saturating", "r1", "noise", "slower")
    return Finding("vanishing gradient", "failure", since, fault, tries)


def _collapse(looks: Sequence[Look]) -> Finding | None:
    degrees: list[tuple[str, float, float, Severity]] = [
        ("total mode collapse", HARDLY_ANY, POINT, "failure"),
        ("mode collapse", FEW, NARROW, "warning"),
    ]
    for name, share, diversity, severity in degrees:

        def poor(look: Look, share: float = share, diversity: float = diversity) -> bool:
            kinds = _kinds(look)
            few = kinds is not None and kinds[0] <= max(share * kinds[1], 1) and kinds[1] > 1
            return few or look["diversity"] < diversity

        since = since_all(looks, poor, "diversity")
        if since is not None and not (severity == "warning" and _spreading(looks, since)):
            fault = f"{name} since round {since:,}: {_variety(looks[-1])}"
            return Finding(name, severity, since, fault, ("r1", "packing", "lr"))
    return None


def _by_class(looks: Sequence[Look]) -> Finding | None:
    """One picture a class, or few: over all classes samples are as far apart as they should be."""

    def narrow(look: Look) -> bool:
        return look["class_diversity"] < NARROW / 2 and look["diversity"] >= NARROW

    if (since := since_all(looks, narrow, "class_diversity", "diversity")) is None:
        return None
    fault = (
        f"conditional collapse since round {since:,}: two samples of one class are "
        f"{looks[-1]['class_diversity']:.2g} times as far apart as two real rows of it"
    )
    severity: Severity = "failure" if looks[-1]["class_diversity"] < POINT else "warning"
    tries = ("r1", "class_weight", "lr")
    return Finding("conditional collapse", severity, since, fault, tries)


def _untold(looks: Sequence[Look]) -> Finding | None:
    """Samples like the data whose class is anything."""

    def deaf(look: Look) -> bool:
        chance, real = look["class_chance"], look["class_right_real"]
        follows = (look["class_right"] - chance) / max(real - chance, 1e-9)
        return follows < TOLD and look["distance"] < FAR and real > 2 * chance

    needs = "class_right", "class_right_real", "class_chance", "distance"
    if (since := since_all(looks, deaf, *needs)) is None:
        return None
    last = looks[-1]
    fault = (
        f"labels ignored since round {since:,}: {last['class_right']:.0%} of samples are nearest to the "
        f"class that they were asked for, of real rows {last['class_right_real']:.0%}"
    )
    return Finding("labels ignored", "failure", since, fault, ("tell_critic", "class_weight_up"))


def _uncoded(looks: Sequence[Look]) -> Finding | None:
    """Codes that the generator takes for noise."""

    def unused(look: Look) -> bool:
        return look["code_told"] < CODED and look["distance"] < FAR

    since = since_all(looks, unused, "code_told", "distance", least=LOOKS + 1)
    if since is None:
        return None
    fault = (
        f"codes ignored since round {since:,}: samples tell {max(looks[-1]['code_told'], 0):.0%} of what they "
        f"could tell of the codes behind them"
    )
    return Finding("codes ignored", "failure", since, fault, ("code_weight", "code_share"))


def _spreading(looks: Sequence[Look], since: int) -> bool:
    """Whether samples are wide enough, and of more kinds than when the fault first showed."""
    then, now = (
        _kinds(look) for look in (next(k for k in looks if k["round"] == since), looks[-1])
    )
    wide = looks[-1]["diversity"] >= NARROW
    return wide and then is not None and now is not None and now[0] > then[0]


def _overfit(looks: Sequence[Look]) -> Finding | None:
    def gap(look: Look) -> bool:
        return look["accuracy_train"] - look["accuracy"] > GAP

    if (since := since_all(looks, gap, "accuracy", "accuracy_train")) is None:
        return None
    last = looks[-1]
    fault = (
        f"critic overfit since round {since:,}: it is right in {last['accuracy_train']:.0%} of pairs "
        f"with rows that it learnt from, and in {last['accuracy']:.0%} with others"
    )
    tries = ("data", "augmentation", "r1", "smaller")
    return Finding("critic overfit", "warning", since, fault, tries)


def _divergence(looks: Sequence[Look], lines: Sequence[Mapping[str, Any]]) -> Finding | None:
    """Reports what diverged: scores, else losses, else samples."""
    first = looks[0].get("score", 0.0)
    if (
        since := since_all(looks, lambda look: _exploded(look["score"], first), "score")
    ) is not None:
        why = f"the critic's scores are {looks[-1]['score']:,.0f} in size"
    elif wild := _wild_loss(lines):
        name, value, since = wild
        why = f"the loss {name} is {value:,.4g}"
    elif (since := _lost(looks)) is not None:
        why = f"{looks[-1]['outside']:.0%} of samples are outside of the range of the data"
    else:
        return None
    fault = f"divergence since round {since:,}: {why}"
    return Finding("divergence", "failure", since, fault, ("lr", "penalty", "bound", "clip"))


def _wild_loss(lines: Sequence[Mapping[str, Any]]) -> tuple[str, float, int] | None:
    """A term that has diverged, its present value, and the round since which it has."""
    losses = [line for line in lines if line.get("event") == "losses"]
    for name in (name for line in losses[-1:] for name in line if "/" in name):
        column = [(int(line["round"]), abs(line[name])) for line in losses if name in line]
        first = max(value for _, value in column[: max(1, len(column) // 10)])
        streak = [*takewhile(lambda point: _exploded(point[1], first), reversed(column))]  # noqa: B023
        if len(streak) >= LOOKS:
            return name, losses[-1][name], streak[-1][0]
    return None


def _lost(looks: Sequence[Look]) -> int | None:
    """The round since which samples are outside, and twice as far off as they were at best."""
    nearest, seen = math.inf, []
    for look in (look for look in looks if "outside" in look):
        nearest = min(nearest, look["distance"])
        lost = look["outside"] > GONE and look["distance"] > 2 * nearest
        seen.append({**look, "lost": float(lost)})
    return since_all(seen, lambda look: look["lost"] > 0, "lost")


def _cycling(looks: Sequence[Look]) -> Finding | None:
    since = since_all(looks, lambda look: look["returned"] > BACK, "returned", least=LOOKS + 1)
    if since is None:
        return None
    fault = (
        f"cycling since round {since:,}: between two looks, samples of the same noise go "
        f"{looks[-1]['moved']:.2g} times as far as two real rows are apart, and come back to where they "
        f"were"
    )
    return Finding("cycling", "warning", since, fault, ("r1", "beta1", "lr", "ema"))


def _weak(looks: Sequence[Look]) -> Finding | None:
    def blind(look: Look) -> bool:
        return look["accuracy"] < BLIND and look["distance"] > FAR

    if (since := since_all(looks, blind, "accuracy", "distance", least=LOOKS + 1)) is None:
        return None
    last = looks[-1]
    fault = (
        f"weak critic since round {since:,}: it is right in {last['accuracy']:.0%} of pairs, though "
        f"samples are {_times(looks)} as far from real rows as these are from each other"
    )
    return Finding("weak critic", "warning", since, fault, ("critic_rounds", "faster", "larger"))


def _copies(looks: Sequence[Look]) -> Finding | None:
    def copying(look: Look) -> bool:  # grey ones of an untrained game are near to everything
        return look["memorised"] > COPIES and look["distance"] < FAR

    if (since := since_all(looks, copying, "memorised", "distance")) is None:
        return None
    fault = (
        f"memorisation since round {since:,}: {looks[-1]['memorised']:.0%} of samples are nearer to a "
        f"training row than 95% of unseen rows are"
    )
    tries = ("data", "augmentation", "earlier")
    return Finding("memorisation", "warning", since, fault, tries)


# --- pieces -----------------------------------------------------------------------------------


def _exploded(value: float, first: float) -> bool:
    return not math.isfinite(value) or (value > HUGE and value > GROWTH * first)


def _kinds(look: Look) -> tuple[float, float, str] | None:
    """The number of kinds among samples and among real rows, and the name of the kinds."""
    for name in ("modes", "classes"):
        if name in look:
            return look[name], look[f"{name}_real"], name
    return None


def _variety(look: Look) -> str:
    kinds = _kinds(look)
    counts = f"{kinds[0]:.0f} of {kinds[1]:.0f} {kinds[2]}, " if kinds else ""
    return f"{counts}two samples are {look['diversity']:.2g} times as far apart as two real rows"


def _times(looks: Sequence[Look]) -> str:
    return f"{median(look['distance'] for look in looks[-LOOKS:]):.2g} times"


def _state(look: Look) -> str:
    parts = [_variety(look)]
    if "accuracy" in look:
        parts.append(
            f"the critic is right in {look['accuracy']:.0%} of pairs of unseen and fake rows"
        )
    return "; ".join(parts)
