"""Topics of documents, beside scikit-learn's: perplexity by document completion.

Topics are learnt from training documents. Of each test document the words at even places tell its shares, and
the words at odd places are scored: the same code scores all. One data set has planted topics, which
are scored as well; the other, of plays, is read from the folder GENUS_DATA.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from typing import Any, cast

import torch
from sklearn.decomposition import LatentDirichletAllocation
from torch import Tensor
from torch.nn.functional import one_hot

from genus.core import Tokens
from genus.data import Data, load
from genus.data.text.documents import CONCENTRATION, Planted, planted
from genus.density import LatentDirichlet
from genus.measure.likelihood.completion import Completion, completion

from ..bench import Bench, Cell, Cells, Table, of_seeds, spread

SEEDS = {"documents": 10, "speeches": 3}
PRIORS = {"documents": (CONCENTRATION, 0.1), "speeches": (0.5, 0.5)}  # alpha and eta
BATCH, DELAY, DECAY = 128, 10.0, 0.7  # of online learning, of both libraries
STEPS = 100  # passes over the documents, at most
SWEEPS, FIRST = 1000, 200  # of a chain, and those that are not counted
Shares = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Learnt:
    """What is scored of a model, and what it took to learn it."""

    topic_words: Tensor  # (topics, vocabulary)
    shares: Shares
    seconds: float
    passes: int


def of_genus(data: Data, topics: int, online: bool, starts: int, seed: int) -> Learnt:
    torch.manual_seed(seed)
    batch = BATCH if online else None
    space = cast(Tokens, data.space)
    model = LatentDirichlet(space, topics, *PRIORS[data.name], False, batch, DELAY, DECAY, starts)
    (x,) = data.train.everything()
    begun = time.process_time()
    each = -(-len(x) // BATCH) if online else 1
    steps = sum(1 for _ in islice(model.fit(x), STEPS * each))
    return Learnt(model.topic_words, model.encode, time.process_time() - begun, steps // each)


def of_peer(data: Data, topics: int, online: bool, seed: int) -> Learnt:
    """scikit-learn's, with the same priors, sizes of batches and steps, and ends of the inner loop.

    Its batch learning makes all passes: it would measure the bound to end before, which takes longer.
    """
    space, (alpha, eta) = cast(Tokens, data.space), PRIORS[data.name]
    peer = LatentDirichletAllocation(
        topics,
        doc_topic_prior=alpha,
        topic_word_prior=eta,
        learning_method="online" if online else "batch",
        learning_decay=DECAY,
        learning_offset=DELAY,
        batch_size=BATCH,
        max_iter=STEPS,
        mean_change_tol=1e-3,
        max_doc_update_iter=100,
        random_state=seed,
    )
    counts = counted(data.train.everything()[0], space).numpy()
    begun = time.process_time()
    peer.fit(counts)
    seconds = time.process_time() - begun
    beta = torch.from_numpy(peer.components_ / peer.components_.sum(1, keepdims=True))
    end = torch.zeros(topics, 1, dtype=torch.float64)

    def shares(x: Tensor) -> Tensor:
        return torch.from_numpy(peer.transform(counted(x, space).numpy()))

    return Learnt(torch.cat([end, beta], 1), shares, seconds, peer.n_iter_)


def counted(x: Tensor, space: Tokens) -> Tensor:
    """How often each word is in each document, (n, words): of the token 0, their end, nothing."""
    assert space.end == 0
    found = torch.zeros(len(x), space.vocabulary, dtype=torch.float64)
    found.scatter_add_(1, x, torch.ones_like(x, dtype=torch.float64))
    return found[:, 1:]


# --- what is known of planted topics -----------------------------------------------------------


def given_topics(truth: Planted) -> Shares:
    """The shares that the E step of variational Bayes expects, of known topics."""
    space = cast(Tokens, truth.data.space)
    model = LatentDirichlet(space, len(truth.topics), CONCENTRATION).double()
    model.word_counts.data = (1e9 * truth.topics[:, 1:]).clamp(min=1e-3)
    return model.encode


def gibbs(truth: Planted, x: Tensor) -> Tensor:
    """The shares that are expected given the words of documents and the topics, by a chain of each.

    With the shares integrated out, a word is of topic k with a chance of beta_kw (n_k + alpha), where n_k counts
    the other words of topic k.
    """
    beta, k = truth.topics.T[x], len(truth.topics)  # (n, length, topics)
    there = ((x == 0).cumsum(1) == 0).double()
    topic = one_hot(torch.randint(k, x.shape), k).double() * there[..., None]
    total = torch.zeros(len(x), k, dtype=torch.float64)
    for sweep in range(SWEEPS):
        for i in range(x.shape[1]):
            others = topic.sum(1) - topic[:, i] + CONCENTRATION
            chances = (others * beta[:, i]).where(there[:, i, None] > 0, 1.0)
            drawn = one_hot(chances.multinomial(1)[:, 0], k)
            topic[:, i] = drawn * there[:, i, None]
        if sweep >= FIRST:
            total += topic.sum(1) + CONCENTRATION
    return total / total.sum(1, keepdim=True)


def truth(how: str) -> dict[str, Any]:
    """The planted topics' perplexity of the test documents, by shares that are known or found."""
    torch.manual_seed(0)
    known = planted()
    shares: dict[str, Shares] = {
        "variational": given_topics(known),
        "gibbs": partial(gibbs, known),
        "known": lambda x: known.shares["test"],
    }
    begun = time.process_time()
    (x,) = known.data.test.everything()
    found = completion(x, known.topics, shares[how], 0)
    return {**scored(found), "topics": len(known.topics), "seconds": time.process_time() - begun}


# --- the table --------------------------------------------------------------------------------

MODELS: dict[str, tuple[str, Callable[[Data, int, int], Learnt]]] = {
    "batch": (
        "genus, all documents",
        lambda data, topics, seed: of_genus(data, topics, False, 1, seed),
    ),
    "starts": (
        "genus, all documents, best of 5 starts",
        lambda data, topics, seed: of_genus(data, topics, False, 5, seed),
    ),
    "online": ("genus, online", lambda data, topics, seed: of_genus(data, topics, True, 1, seed)),
    "peer_batch": (
        "scikit-learn, all documents",
        lambda data, topics, seed: of_peer(data, topics, False, seed),
    ),
    "peer_online": (
        "scikit-learn, online",
        lambda data, topics, seed: of_peer(data, topics, True, seed),
    ),
}
TRUTHS = {
    "variational": "planted topics, shares by variational Bayes",
    "gibbs": "planted topics, shares by Gibbs sampling",
    "known": "planted topics and shares",
}
TOPICS = {"documents": (10,), "speeches": (5, 10, 20)}

BENCH = Bench(
    __file__,
    "Topics of documents, perplexity by completion",
    "data | model | topics | passes | CPU seconds | validation perplexity | test perplexity",
    {
        "data": "documents: 2,000 of 20 to 60 words with ten planted topics, 500 to test; speeches: "
        "tinyshakespeare by speaker, in pieces of 200 words without common and rare ones",
        "score": "words at even places of a document tell its shares, those at odd places are scored: "
        "exp of the mean of -log p of a word",
        "priors": "; ".join(f"{data}: alpha {a:g}, eta {e:g}" for data, (a, e) in PRIORS.items()),
        "online": f"batches of {BATCH}, delay {DELAY:g}, decay {DECAY:g}",
        "ends": f"after {STEPS} passes; genus when a pass gains less than 0.001 nats a document",
        "topics": f"of speeches {', '.join(map(str, TOPICS['speeches']))}, by validation perplexity",
        "seeds": ", ".join(f"{count} for {data}" for data, count in SEEDS.items()),
    },
    """
    Mean ± standard deviation over seeds, which begin the topics, and decide whether all planted ones are found. CPU seconds are those of learning, once with the
    number of topics that was chosen; those of starts count, and their passes do not.

    The priors of speeches are those of the best validation perplexity of genus, of 0.1 to 2: with 0.1 and 0.1 it is
    that of frequencies.

    Nothing can be expected to be below planted topics with the shares that Gibbs sampling finds: these
    are what the truth expects, given half of the words. Known shares tell more than half of the words do.
    """,
    weights="last",
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for how in TRUTHS:
        yield Cell(f"documents | {how}", partial(truth, how))
    for data in TOPICS:
        yield Cell(f"{data} | frequencies", partial(frequencies, data))
        for name in MODELS:
            for seed in range(SEEDS[data]):
                yield Cell(f"{data} | {name} | seed {seed}", partial(measure, data, name, seed))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table: Table = []
    for data in TOPICS:
        entries = {"frequencies": "frequencies of words", **(TRUTHS if data == "documents" else {})}
        for name, label in entries.items():
            if run := found.get(f"{data} | {name}"):
                held = f"{run['validation']:.1f}" if "validation" in run else ""
                topics = f"{run['topics']}"
                table.append([data, label, topics, "", "", held, f"{run['perplexity']:.1f}"])
        for name, (label, _) in MODELS.items():
            if runs := of_seeds(found, f"{data} | {name}"):
                table.append(
                    [
                        data,
                        label,
                        " or ".join(map(str, sorted({run["topics"] for run in runs}))),
                        f"{sum(run['passes'] for run in runs) / len(runs):.0f}",
                        f"{sum(run['seconds'] for run in runs) / len(runs):.1f}",
                        spread([run["validation"] for run in runs], 1),
                        spread([run["perplexity"] for run in runs], 1),
                    ]
                )
    return table


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    errors = {data: found.get(f"{data} | frequencies") for data in TOPICS}
    words = [f"{run['error']:.1f} for {data}" for data, run in errors.items() if run]
    return [
        f"Over test documents, a perplexity of frequencies has a standard error of {', '.join(words)}."
    ]


@cache
def source(data: str) -> Data:
    return load(data)


def frequencies(name: str) -> dict[str, Any]:
    """Of words that are as likely in each document as in all: one topic, as often seen as eta more."""
    data = source(name)
    (x,) = data.train.everything()
    counts = counted(x, cast(Tokens, data.space)).sum(0) + PRIORS[name][1]
    beta = torch.cat([counts.new_zeros(1), counts / counts.sum()])[None]
    held, tested = (
        completion(split.everything()[0], beta, lambda part: torch.ones(len(part), 1), 0)
        for split in (data.validation, data.test)
    )
    return {"topics": 1, "validation": held.perplexity, **scored(tested)}


def measure(name: str, model: str, seed: int) -> dict[str, Any]:
    """The test documents, by as many topics as tell the validation documents best."""
    data, best, tried = source(name), dict[str, Any](), []
    (validation,), (test,) = data.validation.everything(), data.test.everything()
    for topics in TOPICS[name]:
        learnt = MODELS[model][1](data, topics, seed)
        held = completion(validation, learnt.topic_words, learnt.shares, 0).perplexity
        tried.append([topics, held, learnt.seconds])
        if held < best.get("validation", torch.inf):
            best = {"validation": held, "topics": topics, "learnt": learnt}
    learnt = best.pop("learnt")
    found = scored(completion(test, learnt.topic_words, learnt.shares, 0))
    return {**best, **found, "seconds": learnt.seconds, "passes": learnt.passes, "tried": tried}


def scored(found: Completion) -> dict[str, float]:
    """Perplexity, and its standard error over documents."""
    return {"perplexity": found.perplexity, "error": found.perplexity * found.error}


if __name__ == "__main__":
    BENCH.main()
