"""The diagnosis of a latent in plain words, from the lines of its log alone.

    posterior collapse      units of z tell nothing of x, and the decoder does without them
    weak latent             all units together tell less than a nat
    prior hole              the guesses lie elsewhere than the draws of the prior, from which samples begin

The figures are those of `genus.measure.latents.looks`. That some units tell nothing is no fault: a sound run leaves
out those that it does not need. The thresholds lie between sound runs and runs that were broken on purpose;
`benchmarks/vae/collapse.py` has both.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..findings import LOOKS, Finding, Look, Severity, looks_of, since_all

LATENT = "latent/"  # before the names of figures of the latent
LITTLE = 1.0  # nats that all units together tell, below which z cannot tell three rows apart
APART = 0.75  # share of draws that are told right, above which there is a prior hole


def findings(
    lines: Iterable[Mapping[str, Any]], had: frozenset[str] = frozenset()
) -> list[Finding]:
    """The findings about a latent, the worst first; empty if the log has no figures of one.

    Args:
        lines: lines of metrics.jsonl, in their order.
        had: names of the remedies that the run has already, which are not advised.
    """
    lines = list(lines)
    if not (looks := looks_of(lines, LATENT)):
        return []
    if found := ailments(lines, had):
        return found
    last, at = looks[-1], int(looks[-1]["round"])
    if len(looks) < LOOKS:
        sentence = (
            f"too early to say at round {at:,}: the latent was looked at once; lower evaluate_every"
        )
        return [Finding("undecided", "good", at, sentence)]
    sentence = f"the latent is healthy at round {at:,}: {_state(last)}"
    return [Finding("healthy", "good", at, sentence)]


def ailments(
    lines: Iterable[Mapping[str, Any]], had: frozenset[str] = frozenset()
) -> list[Finding]:
    """The faults of a latent, the worst first; empty if there are none."""
    looks = looks_of(lines, LATENT)
    found = [finding for judge in (_collapse, _hole) if (finding := judge(looks)) is not None]
    return [finding._replace(had=had) for finding in found]


def _collapse(looks: Sequence[Look]) -> Finding | None:
    tries = ("beta", "warm_up", "free", "weaker")
    kinds: Sequence[tuple[str, Severity]] = (
        ("posterior collapse", "failure"),
        ("weak latent", "warning"),
    )
    for name, severity in kinds:

        def little(look: Look, dead: bool = severity == "failure") -> bool:
            return look["active"] == 0 if dead else look["nats"] < LITTLE

        least = LOOKS + (severity == "warning")  # a young run tells little for a while
        if (since := since_all(looks, little, "active", "units", "nats", least=least)) is not None:
            fault = f"{name} since round {since:,}: {_state(looks[-1])}"
            return Finding(name, severity, since, fault, tries)
    return None


def _hole(looks: Sequence[Look]) -> Finding | None:
    def apart(look: Look) -> bool:
        return look["apart"] > APART

    if (since := since_all(looks, apart, "apart")) is None:
        return None
    fault = (
        f"prior hole since round {since:,}: {looks[-1]['apart']:.0%} of draws are told right as guesses or as draws "
        f"of the prior, so samples begin where nothing was ever decoded"
    )
    return Finding("prior hole", "warning", since, fault, ("larger_beta", "prior", "code"))


def _state(look: Look) -> str:
    return (
        f"{look['active']:.0f} of {look['units']:.0f} units of z tell {look['nats']:.2g} nats of x"
    )
