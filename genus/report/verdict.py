"""The verdict: the tables in sentences, and their limits."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..measure import Figure, said_of
from .groups import Group

NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
ENOUGH = 2.0  # standard errors that make a difference
LIKELIHOODS = {
    "log_prob",
    "elbo",
    "log_weight",
    "annealing_path",
    "annealed_log_prob",
    "unnormalised_log_weight",
    "conditionals",
}  # promises that lead to one
PLAIN = "frechet_random"  # the distance by features that owe nothing to any data
COPIES = 0.8  # share of the floor of memorisation below which samples look like copies


def verdict(results: Mapping[str, Any], found: Sequence[Group]) -> list[str]:
    """Paragraphs: likelihoods, samples, where they disagree, and how far to trust it all."""
    records = results["models"]
    likelihoods = [group for group in found if group.kind == "likelihood"]
    samples = [group for group in found if group.kind == "samples"]
    parts = [
        [sentence for group in likelihoods for sentence in _likelihood(group)]
        + list(_unscored(records)),
        [sentence for group in samples for sentence in _samples(group)],
        list(_disagreement(likelihoods, samples)) + list(_apart(likelihoods or samples)),
        list(_failures(records)) + _caveats(results, samples),
    ]
    return [" ".join(sentences) for sentences in parts if sentences]


# --- likelihood -------------------------------------------------------------------------------


def _likelihood(group: Group) -> Iterator[str]:
    column = group.column("nll")
    if not column:
        return
    order = sorted(column, key=lambda model: column[model].value)
    best = order[0]
    bits = group.column("bits_per_dim").get(best)
    worth = f"{value(column[best])} a row" + (f" ({value(bits)})" if bits else "")
    if len(order) == 1:
        yield f"{best} is alone on {group.view}: {worth}."
        return
    second = order[1]
    if level(column[best], column[second]):
        yield (
            f"On {group.view}, {best} and {second} are level within their errors: {worth}, "
            f"against {value(column[second])}."
        )
    else:
        yield (
            f"On {group.view}, {best} finds unseen rows most probable: {worth}; next is "
            f"{second} with {value(column[second])}"
            + (f", last {order[-1]} with {value(column[order[-1]])}." if len(order) > 2 else ".")
        )
    bounds = [model for model in order[1:] if column[model].sign == "<="]
    guesses = [model for model in order if column[model].sign == "~"]
    if bounds:
        yield (
            f"A value after <= is a bound, so the true value of {listed(bounds)} may be better "
            f"than the table shows."
        )
    if guesses:
        yield f"The figure of {listed(guesses)} is an estimate that may err on both sides."


def _unscored(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    without = [
        record["name"]
        for record in records
        if not record["failure"] and not LIKELIHOODS & set(record["promises"])
    ]
    if without:
        have = "has" if len(without) == 1 else "have"
        yield f"{listed(without)} {have} no likelihood, by design: only samples can be judged."


# --- samples ----------------------------------------------------------------------------------


def _samples(group: Group) -> Iterator[str]:
    column, floor = group.column("frechet"), group.floor("frechet")
    if column and floor:
        yield from _distances(group, column, floor)
    figures = [figure for own in group.figures.values() for figure in own.values()]
    if sentence := said_of(figures):
        yield sentence
    yield from _coverage(group)
    copied = [
        model
        for model, figure in group.column("memorisation").items()
        if figure.floor and figure.value < COPIES * figure.floor
    ]
    if copied:
        lie = "lie" if len(copied) > 1 else "lies"
        yield (
            f"{listed(copied)} {lie} nearer to the training rows than unseen rows do: "
            f"look at the nearest neighbours before trusting the distances."
        )


def _distances(group: Group, column: Mapping[str, Figure], floor: float) -> Iterator[str]:
    order = sorted(column, key=lambda model: column[model].value)
    best, last = order[0], order[-1]

    def times(model: str) -> str:
        return f"{column[model].value / floor:.1f} times"

    if len(order) == 1:
        yield (
            f"The samples of {best}, alone on {group.view}, have a Fréchet distance of {times(best)} "
            f"the floor."
        )
        return
    yield (
        f"By its samples on {group.view}, {best} is nearest to the data: its Fréchet distance is "
        f"{times(best)} what real rows score against real rows (the floor); {last} is farthest "
        f"with {times(last)}."
    )
    if level(column[best], column[order[1]]):
        yield f"{order[1]} is level with it within the errors ({times(order[1])})."
    yield from _second_opinion(group, best)
    kernel = group.best("kernel_distance")
    if kernel and best not in kernel:
        yield f"The kernel distance, which few rows do not bias, prefers {listed(sorted(kernel))}."


def _second_opinion(group: Group, best: str) -> Iterator[str]:
    """A sentence where a plain extractor, which owes nothing to any data, prefers another model."""
    column = group.column(PLAIN)
    if best not in column or len(column) < 2:
        return
    other = min(column, key=lambda model: column[model].value)
    if other != best and not level(column[other], column[best]):
        yield (
            f"By random features {other} is nearer than {best}: the two extractors disagree, so which of "
            f"the two has the better samples is undecided."
        )


def _coverage(group: Group) -> Iterator[str]:
    column, floor = group.column("classes"), group.floor("classes")
    poor = {m: int(f.value) for m, f in column.items() if floor and f.value < floor}
    if poor:
        missing = listed([f"{model} ({count} of {floor:.0f})" for model, count in poor.items()])
        yield f"Classes are missing from the samples of {missing}."
    elif column and floor:
        yield f"All {floor:.0f} classes are among them."


# --- both, and their limits -------------------------------------------------------------------


def _disagreement(likelihoods: Sequence[Group], samples: Sequence[Group]) -> Iterator[str]:
    """Sentences on whether one model has both the best score and the best samples."""
    for scored in likelihoods:
        for judged in samples:
            both = [model for model in scored.models if model in judged.models]
            nll, frechet = scored.column("nll"), judged.column("frechet")
            both = [model for model in both if model in nll and model in frechet]
            if len(both) < 2:
                continue
            score = min(both, key=lambda model: nll[model].value)
            draws = min(both, key=lambda model: frechet[model].value)
            if score != draws and not level(nll[score], nll[draws]):
                yield (
                    f"The two views disagree: of the models that have both figures, {score} scores "
                    f"best and {draws} has the best samples. Neither figure replaces the other."
                )
            elif score == draws:
                yield f"Of the models that have both figures, {score} leads in both."


def _apart(found: Sequence[Group]) -> Iterator[str]:
    """A sentence on groups whose figures may not be compared."""
    if len(found) > 1:
        tables = "; ".join(f"{listed(group.models)} on {group.view}" for group in found)
        yield (
            f"The figures of the {word(len(found))} tables cannot be compared, for they answer "
            f"different questions: {tables}."
        )


def _failures(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for record in records:
        if record["failure"]:
            yield f"{record['name']} is missing: {record['failure']}."


def _caveats(results: Mapping[str, Any], samples: Sequence[Group]) -> list[str]:
    minutes = results["minutes"]
    time = "a minute" if minutes == 1 else f"{minutes:g} minutes"
    caveats = [
        f"Each model had one seed and {time}.",
        "So this compares recipes within that time, not families at their best.",
        f"A difference below {ENOUGH:.0f} standard errors is none.",
    ]
    floors = [f for f in (group.floor("frechet") for group in samples) if f]
    if floors:
        rows = results["data"]["splits"]["test"]
        caveats.append(
            f"With {rows} test rows even real data have a distance of {_range(floors)} from "
            f"themselves; samples near that cannot be distinguished from real rows."
        )
    return caveats


# --- words ------------------------------------------------------------------------------------


def level(a: Figure, b: Figure) -> bool:
    """Whether two figures differ by less than their errors can resolve."""
    if a.error is None or b.error is None:
        return a.value == b.value
    return abs(a.value - b.value) < ENOUGH * math.hypot(a.error, b.error)


def value(figure: Figure) -> str:
    """A figure in a sentence: "<= 24.1 nats"."""
    sign = "" if figure.sign == "=" else f"{figure.sign} "
    return f"{sign}{digits(figure.value, figure.error)} {figure.unit}".strip()


def digits(number: float, error: float | None = None) -> str:
    """As many digits as the error leaves a meaning; without an error, three."""
    if not math.isfinite(number):
        return str(number)
    if error is None or not error > 0 or not math.isfinite(error):
        return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"
    places = min(6, max(0, 1 - math.floor(math.log10(error))))
    return f"{number:,.{places}f}"


def listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def word(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def _range(values: Sequence[float]) -> str:
    low, high = digits(min(values)), digits(max(values))
    return low if low == high else f"{low} to {high}"
