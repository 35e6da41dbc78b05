"""Topics of documents: found in a corpus where they are planted, or in any other.

Each document has a few topics, and each of its words is of one of them; only the words are seen. How well the
topics are found is told by the planted ones, or without these by completion: half of the words of a held-out
document say what its topics are, and the others are scored.

Source: Blei, Ng, Jordan, "Latent Dirichlet allocation", 2003; completion as in Wallach, Murray, Salakhutdinov,
    Mimno, "Evaluation methods for topic models", 2009.
"""

# ruff: noqa: RUF001  (minus signs are meant)

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor

from ...core import Refused, Tokens
from ...data import Data, load
from ...data.text.documents import planted
from ...density import LatentDirichlet
from ...measure.likelihood.completion import completion
from ...media.style import canvas
from ..outcome import Outcome, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COUNTS = (2, 5, 10, 20, 40)
STARTS = 5
WORDS = 6  # of a topic that are shown
WHY = (
    "Words that come together are explained by a topic that they share, and a word with two meanings may be of "
    "two topics, for what else is in its document tells which. With too few topics unlike things are mixed; "
    "with too many the same topic is found in pieces, which costs little. Held-out words say how many are "
    "enough."
)
FORMULA = """\
θ ~ Dir(α): the shares of topics in a document
each word: a topic from θ, then a word from β of the topic
log p(x) ≥ E_q log p(x, z, θ) − E_q log q(z, θ)
perplexity = exp of the mean −log p of a held-out word"""


def topics(
    data: str = "documents", count: int = 10, others: Sequence[int] = COUNTS, seed: int = 0
) -> Outcome:
    """Finds topics in documents, and says how many are enough.

    Args:
        data: documents, whose topics are planted, or another data set of tokens, such as speeches.
        count: number of topics that are shown, from 2 to 100.
        others: numbers of topics that are tried besides.
        seed: random seed.
    """
    wanted(2 <= count <= 100, "topics", "count", count, "a number from 2 to 100")
    wanted(all(k >= 1 for k in others), "topics", "others", others, "numbers of at least 1")
    truth = planted() if data == "documents" else None
    source: Data = truth.data if truth else load(data)
    space = source.space
    if not isinstance(space, Tokens):
        raise Refused(f"topics: {data} is of {space}; documents, which are Tokens, are wanted")
    train, test = source.train.everything()[0], source.test.everything()[0]
    models = {k: found(space, train, k, seed) for k in sorted({*others, count})}
    scored = {
        k: completion(test, model.topic_words, model.encode, space.end)
        for k, model in models.items()
    }
    shown = models[count]
    sizes = shown.encode(train).sum(0)
    order = sizes.argsort(descending=True)
    matched, apart = list(order), None
    arrays = {
        "counts": np.array([*scored]),
        "perplexity": np.array([one.perplexity for one in scored.values()]),
        "error": np.array([one.perplexity * one.error for one in scored.values()]),
    }
    if truth is not None:
        matched, apart = paired(shown.topic_words, truth.topics)
        arrays["apart"] = apart
    best = min(scored, key=lambda k: scored[k].nats)
    lines = source.text(shown.top_words(WORDS)[torch.tensor(matched)])
    arrays |= {
        "found": shown.topic_words[torch.tensor(matched)].numpy(),
        "true": truth.topics.numpy() if truth else np.zeros((0, space.vocabulary)),
    }
    says = (
        f"The {count} topics found are {short(float(apart.mean()))} from those that were planted, in total "
        f"variation, and {short(float(apart.max()))} at most. "
        if apart is not None
        else ""
    )
    first = min(scored)
    sentence = (
        f"{says}A held-out word has a perplexity of {short(scored[first].perplexity)} with {first} topics and of "
        f"{short(scored[count].perplexity)} with {count}; {best} are the best of {', '.join(map(str, scored))}. A "
        f"first topic: {' '.join(lines[0].split()[:WORDS])}."
    )
    table = [(f"{k + 1}", " ".join(line.split()[:WORDS])) for k, line in enumerate(lines)]
    return Outcome(
        "topics",
        "What are these documents about?",
        sentence,
        WHY,
        FORMULA,
        "Blei, Ng, Jordan 2003; Wallach and others 2009",
        ("topic", "its likeliest words"),
        table,
        arrays,
        {"data": data, "count": count, "others": others, "seed": seed},
    )


def found(space: Tokens, x: Tensor, count: int, seed: int) -> LatentDirichlet:
    torch.default_generator.manual_seed(seed)
    model = LatentDirichlet(space, count, starts=STARTS, tolerance=0.02)
    for _ in model.fit(x):
        pass
    return model


def paired(found: Tensor, truth: Tensor) -> tuple[list[int], np.ndarray]:
    """Which found topic is each true one, and their total variation: the pairs with the least sum."""
    from scipy.optimize import linear_sum_assignment  # takes a while to import

    apart = 0.5 * (truth[:, None] - found.double()).abs().sum(2).numpy()
    mine, theirs = linear_sum_assignment(apart)
    return cast(list[int], theirs.tolist()), apart[mine, theirs]


def plot(outcome: Outcome) -> "Figure":
    """The words of the topics, planted and found, and the perplexity by their number."""
    arrays = outcome.arrays
    figure = canvas(9.6, 4.2)
    left, right = figure.subplots(1, 2, width_ratios=(1.9, 1))
    rows = [arrays["found"]] if not len(arrays["true"]) else [arrays["true"], arrays["found"]]
    used = np.argsort(-rows[-1].max(0))[:110]
    used = used[np.argsort(rows[-1][:, used].argmax(0), kind="stable")]
    gap = np.full((1, len(used)), np.nan)
    picture = [part for one in rows for part in (np.sqrt(one[:, used]), gap)][:-1]
    left.imshow(np.concatenate(picture), aspect="auto", cmap="Blues", interpolation="nearest")
    titles = "planted above, found below" if len(rows) == 2 else "found"
    left.set_title(f"words of the topics, {titles}", fontsize=8)
    left.set(xlabel="words", ylabel="topics")
    left.set_xticks([])
    left.set_yticks([])
    left.grid(visible=False)
    right.errorbar(arrays["counts"], arrays["perplexity"], arrays["error"], fmt="o-", ms=3)
    right.set(xscale="log", xlabel="topics", title="perplexity of a held-out word")
    right.set_xticks(arrays["counts"], [str(count) for count in arrays["counts"]])
    right.minorticks_off()
    return figure
