"""LatentDirichlet: against enumeration, against scikit-learn from the same start, on planted topics."""

import math
from itertools import islice, pairwise, product

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import LatentDirichletAllocation as Peer

from genus.core import Bits, Tokens
from genus.data import sources
from genus.data.text.documents import planted, speeches
from genus.density import LatentDirichlet
from genus.density.sequences import shares
from genus.density.sequences.shares import (
    drawn_log_shares,
    likeliest_alpha,
    log_volume,
    mean_log_shares,
)
from genus.measure.likelihood.completion import completes, completion
from genus.train.run import Run

TINY = Tokens(4, 3, end=0)  # documents of up to 3 words of 3
EVERY = [list(p) for n in range(4) for p in product((1, 2, 3), repeat=n)]
EVERY_X = torch.tensor([p + [0] * (3 - len(p)) for p in EVERY])


@pytest.fixture(scope="module")
def corpus():
    return planted(rows=600, held_out=200)


def few_topics(documents: int = 60, words: int = 30, vocabulary: int = 25, topics: int = 3):
    """Documents of equal length, of topics that overlap."""
    beta = torch.distributions.Dirichlet(torch.full((vocabulary,), 0.2).double()).sample((topics,))
    theta = torch.distributions.Dirichlet(torch.full((topics,), 0.5).double()).sample((documents,))
    return (theta @ beta).multinomial(words, replacement=True)


def tiny(**how) -> LatentDirichlet:
    model = LatentDirichlet(TINY, 2, inner_steps=1000, inner_tolerance=1e-12, **how).double()
    model.word_counts.data = torch.tensor([[4.0, 1.0, 0.3], [0.2, 2.0, 3.0]]).double()
    model.alpha.data = torch.tensor([0.4, 1.3]).double()
    model.length_logits.data = torch.tensor([0.1, 1.0, -0.5, 0.7]).double()
    return model


def tight(space, topics, alpha=1.0, eta=0.2, **how) -> LatentDirichlet:
    """A model whose shares settle to the last digits."""
    how = {"tolerance": -1.0, "inner_steps": 1000, "inner_tolerance": 1e-9} | how
    return LatentDirichlet(space, topics, alpha, eta, **how).double()


def urn(counts: torch.Tensor, prior: torch.Tensor) -> torch.Tensor:
    """log p of draws in an order, by their counts, whose chances are of a Dirichlet distribution."""
    return log_volume(prior + counts) - log_volume(prior)


def exact(model: LatentDirichlet, x: torch.Tensor) -> torch.Tensor:
    """log p(x) by all choices of a topic for each word, (n,); the shares are integrated out."""
    beta, found = model.topic_words.log(), []
    log_n = model.length_logits.detach().log_softmax(0) if len(model.length_logits) else None
    for row in x.tolist():
        words = row if log_n is None or model.space.end not in row else row[: row.index(0)]
        each = []
        for z in product(range(model.topics), repeat=len(words)):
            counts = torch.tensor([z.count(k) for k in range(model.topics)]).double()
            said = sum(beta[k, w] for k, w in zip(z, words, strict=True))
            each.append(urn(counts, model.alpha.detach()) + said)
        found.append(torch.stack(each).logsumexp(0) + (0 if log_n is None else log_n[len(words)]))
    return torch.stack(found)


def bounds(model: LatentDirichlet) -> None:
    """elbo is below log p(x) for every x there is, and not far below."""
    gap = exact(model, EVERY_X) - model.elbo(EVERY_X)
    assert gap.min() > -1e-9, f"the bound is {-gap.min():.3f} nats above log p"
    assert gap.max() < 0.5


def never_falls(model: LatentDirichlet, x: torch.Tensor, steps: int = 15) -> None:
    found = [model.corpus_bound(x) for _ in islice(model.fit(x), steps)]
    worst = min(b - a for a, b in pairwise(found))
    assert worst > -1e-9 * abs(found[0]), f"fell by {-worst}"


# --- against the truth ------------------------------------------------------------------------


def test_the_truth_is_a_distribution_and_the_bound_below_it():
    model = tiny()
    torch.testing.assert_close(exact(model, EVERY_X).logsumexp(0).exp().item(), 1.0)
    bounds(model)


def test_a_bound_without_its_divergence_is_caught():
    class Liar(LatentDirichlet):
        def elbo(self, x):
            gamma = self._posterior(x, self._log_beta())[0]
            prior = torch.distributions.Dirichlet(self.alpha.detach().expand_as(gamma))
            q = torch.distributions.Dirichlet(gamma)
            return super().elbo(x) + torch.distributions.kl_divergence(q, prior)

    liar = Liar(TINY, 2).double()
    liar.load_state_dict(tiny().state_dict())
    with pytest.raises(AssertionError, match="nats above log p"):
        bounds(liar)


def test_the_bound_is_its_definition():
    """E log p(x, theta, z) - E log q, by torch's own distributions, at any gamma."""
    model = tiny()
    x = torch.tensor([[1, 1, 3]])
    (gamma,), (bound,) = model._posterior(x, model._log_beta())
    log_theta = gamma.digamma() - gamma.sum().digamma()
    beta = model.topic_words.log()[:, x[0]]
    phi = (log_theta[:, None] + beta).softmax(0)
    torch.testing.assert_close(gamma, model.alpha.detach() + phi.sum(1))
    words = (phi * (log_theta[:, None] + beta - phi.log())).sum()
    q, p = (torch.distributions.Dirichlet(a) for a in (gamma, model.alpha.detach()))
    wanted = words - torch.distributions.kl_divergence(q, p)
    wanted = wanted + model.length_logits.detach().log_softmax(0)[3]
    torch.testing.assert_close(bound, wanted)


def test_weights_find_log_p():
    model = tiny()
    x = torch.tensor([[1, 2, 3], [3, 3, 3], [1, 1, 0]])
    draws = model.log_weight(x.repeat(20_000, 1)).exp().reshape(20_000, 3)
    away = draws.mean(0) - exact(model, x).exp()
    assert (away.abs() < 5 * draws.std(0) / 20_000**0.5).all()


def test_samples_come_from_the_exact_probabilities():
    model, n = tiny(), 20_000
    x, p = model.sample(n), exact(model, EVERY_X).exp()
    code = torch.tensor([16, 4, 1])
    hits = (x @ code).bincount(minlength=64)[EVERY_X @ code]
    assert ((hits / n - p).abs() < 5 * (p * (1 - p) / n).sqrt()).all()


def test_the_bound_of_a_corpus_is_below_its_exact_probability():
    """Two documents of three words: all 64 choices, with shares and topics integrated out."""
    x = torch.tensor([[0, 1, 1], [2, 2, 0]])
    model = tight(Tokens(3, 3), 2, 0.7, 0.5)
    alpha, eta = model.alpha.detach(), torch.full((3,), 0.5).double()
    each = []
    for z in product(range(2), repeat=6):
        topics = torch.tensor(z).reshape(2, 3)
        total = sum(urn((row[:, None] == torch.arange(2)).sum(0).double(), alpha) for row in topics)
        for k in range(2):
            total = total + urn(x[topics == k].bincount(minlength=3).double(), eta)
        each.append(total)
    truth = torch.stack(each).logsumexp(0).item()
    for _ in islice(model.fit(x), 50):
        assert model.corpus_bound(x) < truth
    assert model.corpus_bound(x) > truth - 2


# --- learning ---------------------------------------------------------------------------------


@pytest.mark.parametrize("learns", [False, True])
def test_the_bound_never_falls(learns):
    x = few_topics()
    how = {"inner_tolerance": 1e-6, "learns_concentration": learns}
    never_falls(tight(Tokens(25, 30), 5, 0.3, **how), x)
    loose = LatentDirichlet(Tokens(25, 30), 5, 0.05, learns_concentration=learns, tolerance=-1)
    never_falls(loose.double(), x)


def test_a_step_that_lowers_the_bound_is_caught():
    class Liar(LatentDirichlet):
        def fit(self, x):
            for number, losses in enumerate(super().fit(x)):
                if number == 10:
                    self.word_counts.data = self.word_counts.data.roll(1, 1).lerp(
                        self.word_counts.data, 0.9
                    )
                yield losses

    with pytest.raises(AssertionError, match="fell by"):
        never_falls(Liar(Tokens(25, 30), 5, tolerance=-1).double(), few_topics())


def test_a_step_that_would_lower_the_bound_is_halved_or_not_made(monkeypatch):
    x = few_topics()
    model = tight(Tokens(25, 30), 3)
    list(islice(model.fit(x), 20))
    model.tolerance = 0.0
    before, bound, steps = model.word_counts.clone(), model.corpus_bound(x), []
    rolled = model.maximum(model.expected(x, list(model._blocks(x))))[0].roll(7, 1)
    monkeypatch.setattr(model, "maximum", lambda now, share=1.0: (rolled, model.alpha.detach()))
    monkeypatch.setattr(
        model, "_move", lambda *s: steps.append(s[2]) or type(model)._move(model, *s)
    )
    (step,) = model.fit(x)
    assert steps == [1.0, 0.5, 0.25, 0.125, 0.0]
    assert torch.equal(model.word_counts, before)
    assert step["nll"].item() == pytest.approx(-bound / len(x))


def counted(x: torch.Tensor, vocabulary: int) -> np.ndarray:
    """The matrix of counts that scikit-learn wants."""
    return torch.zeros(len(x), vocabulary).scatter_add_(1, x, torch.ones(x.shape)).double().numpy()


def peer(topics: int, alpha: float, eta: float, **how) -> Peer:
    settled = {"max_doc_update_iter": 1000, "mean_change_tol": 1e-9}
    return Peer(
        topics, doc_topic_prior=alpha, topic_word_prior=eta, random_state=0, **(settled | how)
    )


def set_to(model: LatentDirichlet, theirs: Peer) -> None:
    model.word_counts.data = torch.tensor(theirs.components_)
    model.started.fill_(True)


@pytest.mark.parametrize("steps", [1, 4])
def test_each_step_is_scikit_learns(steps):
    x = few_topics()
    first = peer(4, 1.0, 0.2, max_iter=1).fit(counted(x, 25))
    later = peer(4, 1.0, 0.2, max_iter=1 + steps).fit(counted(x, 25))
    model = tight(Tokens(25, 30), 4)
    set_to(model, first)
    assert model.corpus_bound(x) == pytest.approx(first.score(counted(x, 25)), rel=1e-9)
    list(islice(model.fit(x), steps))
    np.testing.assert_allclose(model.word_counts.detach().numpy(), later.components_, rtol=1e-6)
    assert model.corpus_bound(x) == pytest.approx(later.score(counted(x, 25)), rel=1e-9)
    np.testing.assert_allclose(model.encode(x), later.transform(counted(x, 25)), atol=1e-8)


def test_an_online_step_is_scikit_learns():
    x = few_topics()
    theirs = peer(4, 1.0, 0.2, learning_offset=10, learning_decay=0.7, total_samples=len(x))
    theirs.partial_fit(counted(x, 25))
    model = tight(Tokens(25, 30), 4, batch=len(x), delay=10, decay=0.7)
    set_to(model, theirs)
    model.steps.fill_(theirs.n_batch_iter_)
    next(model.fit(x))
    theirs.partial_fit(counted(x, 25))
    np.testing.assert_allclose(model.word_counts.detach().numpy(), theirs.components_, rtol=1e-6)


def test_a_minibatch_stands_for_all():
    """Each of two halves that are the same half: their steps are those of the whole."""
    x = few_topics(40).repeat(2, 1)
    online = tight(Tokens(25, 30), 3, batch=80, delay=1, decay=1.0)
    whole = tight(Tokens(25, 30), 3)
    whole.load_state_dict(online.state_dict())
    for model in (whole, online):
        model.started.fill_(True)
        next(model.fit(x))
    torch.testing.assert_close(online.word_counts, whole.word_counts)
    half = online.expected(x[:40], list(online._blocks(x[:40])))
    all_of_it = online.expected(x, list(online._blocks(x)))
    torch.testing.assert_close(online.maximum(half, 0.5)[0], online.maximum(all_of_it)[0])


@pytest.mark.parametrize("how", [{}, {"learns_concentration": True}, {"batch": 50}])
def test_stopping_and_going_on_is_the_same_as_going_on(how):
    x = few_topics()
    straight = LatentDirichlet(Tokens(25, 30), 4, tolerance=-1e9, **how)
    halved = LatentDirichlet(Tokens(25, 30), 4, tolerance=-1e9, **how)
    for model, parts in ((straight, [8]), (halved, [3, 5])):
        torch.manual_seed(4)
        for part in parts:
            list(islice(model.fit(x), part))
            torch.rand(1)
    for a, b in zip(straight.state_dict().values(), halved.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_each_pass_reads_each_document_once(monkeypatch):
    x = few_topics(50)
    model, read = LatentDirichlet(Tokens(25, 30), 2, batch=20, tolerance=-1e9), []
    monkeypatch.setattr(
        model,
        "expected",
        lambda rows, parts: read.append(rows) or type(model).expected(model, rows, parts),
    )
    list(islice(model.fit(x), 6))
    first, second = torch.cat(read[:3]), torch.cat(read[3:])
    assert [len(rows) for rows in read] == [20, 20, 10] * 2
    for found in (first, second):
        assert torch.equal(found.unique(dim=0), x.unique(dim=0))
    assert not torch.equal(first, second)


# --- planted topics ---------------------------------------------------------------------------


def distances(found: torch.Tensor, truth: torch.Tensor) -> np.ndarray:
    """The total variation of each topic and the true one that it is matched with."""
    apart = 0.5 * (found.double()[:, None] - truth).abs().sum(2).numpy()
    return apart[linear_sum_assignment(apart)]


def test_planted_topics_are_found(corpus):
    """By all documents and online; scikit-learn with the same priors is as good, by the same code."""
    space, test = corpus.data.space, corpus.data.test.everything()[0]
    x = corpus.data.train.everything()[0]
    torch.manual_seed(0)
    model = LatentDirichlet(space, 10, starts=4, tolerance=0.01)
    list(model.fit(x))
    assert distances(model.topic_words, corpus.topics).max() < 0.15
    kept = corpus.data.text(model.top_words(8))
    assert {"ship", "bread", "court", "flower"} <= {w for line in kept for w in line.split()[:8]}
    found = completion(test, model.topic_words, model.encode, space.end)
    truth = LatentDirichlet(space, 10)
    truth.word_counts.data = (1e6 * corpus.topics[:, 1:] + 1e-3).float()
    true = completion(test, corpus.topics, truth.encode, space.end)
    assert true.perplexity < found.perplexity < 1.04 * true.perplexity
    online = LatentDirichlet(space, 10, batch=100, tolerance=0.3)
    online.load_state_dict(model.state_dict())
    list(online.fit(x))
    again = completion(test, online.topic_words, online.encode, space.end)
    assert again.nats == pytest.approx(found.nats, abs=0.01)


def test_completion_is_scikit_learns_from_the_same_start(corpus):
    space, test = corpus.data.space, corpus.data.test.everything()[0]
    x, v = corpus.data.train.everything()[0], corpus.data.space.vocabulary

    def counts(rows: torch.Tensor) -> np.ndarray:
        return counted(rows, v)[:, 1:]  # without the end

    theirs = peer(10, 0.1, 0.1, max_iter=4, max_doc_update_iter=100, mean_change_tol=1e-3)
    theirs.fit(counts(x))
    model = LatentDirichlet(space, 10, tolerance=-1)
    set_to(model, theirs)
    model.float()
    topics = np.pad(theirs.components_ / theirs.components_.sum(1, keepdims=True), [(0, 0), (1, 0)])
    found = completion(test, topics, lambda rows: theirs.transform(counts(rows)), 0)
    ours = completion(test, model.topic_words, model.encode, 0)
    assert ours.nats == pytest.approx(found.nats, abs=0.2 * found.error)
    assert 0 < found.error < 0.05


def test_a_concentration_for_each_topic_is_found():
    torch.manual_seed(1)
    alpha = torch.tensor([0.1, 0.3, 1.5])
    beta = torch.eye(3).repeat_interleave(8, 1) / 8 * 0.97 + 0.03 / 24
    theta = torch.distributions.Dirichlet(alpha).sample((600,))
    x = (theta @ beta).multinomial(60, replacement=True)
    model = LatentDirichlet(Tokens(24, 60), 3, 0.5, learns_concentration=True, tolerance=0.01)
    list(model.fit(x))
    order = distances_order(model.topic_words, beta)
    assert ((model.alpha.detach()[order] / alpha).log().abs() < 0.3).all()


def distances_order(found: torch.Tensor, truth: torch.Tensor) -> np.ndarray:
    apart = (truth[:, None] - found).abs().sum(2).numpy()
    return linear_sum_assignment(apart)[1]


# --- shares -----------------------------------------------------------------------------------


def test_the_likeliest_alpha_is_where_the_gradient_is_none():
    alpha = torch.tensor([0.05, 0.4, 3.0]).double()
    mean = mean_log_shares(alpha)
    for begin in (1e-3, 1.0, 900.0):
        found = likeliest_alpha(mean, torch.full((3,), begin).double())
        torch.testing.assert_close(found, alpha, rtol=1e-6, atol=1e-9)
    gone = likeliest_alpha(mean - torch.tensor([1e9, 0, 0]), alpha)
    assert gone[0] == shares.LEAST
    equal = likeliest_alpha(torch.full((3,), -math.log(3)), alpha)  # all rows shared evenly
    assert equal.max() > 100


def test_drawn_shares_have_their_moments_however_small():
    alpha = torch.tensor([0.003, 0.5, 2.0]).double()
    drawn = drawn_log_shares(alpha.expand(20_000, -1))
    assert drawn.isfinite().all()
    for found, wanted in ((drawn.exp(), alpha / alpha.sum()), (drawn, mean_log_shares(alpha))):
        assert ((found.mean(0) - wanted).abs() < 5 * found.std(0) / 20_000**0.5).all()
    assert drawn_log_shares(torch.full((1000, 3), 1e-3)).isfinite().all()


def test_neither_order_nor_company_nor_blocks_count(monkeypatch):
    x = few_topics(30)
    x[7] = x[7, 0]  # one word, many times
    model = LatentDirichlet(Tokens(25, 30), 4).double()
    model.word_counts.data.exponential_()
    elbo, gamma = model.elbo(x), model.encode(x)
    now = model.expected(x, list(model._blocks(x)))
    torch.testing.assert_close(model.elbo(x[:, torch.randperm(30)]), elbo)
    torch.testing.assert_close(torch.cat([model.elbo(row[None]) for row in x]), elbo)
    monkeypatch.setattr(shares, "HELD", 200)
    monkeypatch.setattr(shares, "PACKED", 300)
    assert len(list(model._blocks(x))) > 5
    torch.testing.assert_close(model.elbo(x), elbo)
    torch.testing.assert_close(model.encode(x), gamma)
    torch.testing.assert_close(model.expected(x, list(model._blocks(x))).counts, now.counts)
    torch.testing.assert_close(now.counts.sum(), torch.tensor(900.0).double())


def test_topics_without_a_word_in_common_stay_finite_in_single_precision():
    model = LatentDirichlet(Tokens(6, 8), 3, concentration=1e-3)
    model.word_counts.data = torch.full((3, 6), 1e-12)
    model.word_counts.data[[0, 0, 1, 1, 2, 2], range(6)] = 1e6
    x = torch.tensor([[0, 0, 0, 0, 0, 0, 0, 2], [1, 2, 4, 4, 4, 4, 4, 4], [5] * 8])
    both = model.elbo(x), model.double().elbo(x)
    assert both[0].isfinite().all()
    torch.testing.assert_close(both[0].double(), both[1], rtol=1e-5, atol=1e-4)


# --- what comes in ----------------------------------------------------------------------------


def test_documents_without_words_are_those_of_their_length():
    model = tiny()
    nothing = torch.zeros(2, 3, dtype=torch.int64)
    log_n = model.length_logits.detach().log_softmax(0)
    torch.testing.assert_close(model.elbo(nothing), log_n[:1].expand(2))
    torch.testing.assert_close(model.log_weight(nothing), log_n[:1].expand(2))
    torch.testing.assert_close(model.encode(nothing)[0], model.alpha.detach() / model.alpha.sum())
    with pytest.raises(ValueError, match="none of 2 documents has a word; one is wanted"):
        next(model.fit(nothing))
    with pytest.raises(ValueError, match="none of 0 documents"):
        next(model.fit(nothing[:0]))
    x = torch.tensor([[0, 0, 0], [1, 2, 0], [3, 0, 0]])
    list(islice(model.fit(x), 5))
    frequencies = torch.tensor([2, 2, 2, 1]) / 7  # one more of each
    torch.testing.assert_close(model.length_logits.softmax(0).float().data, frequencies)
    bounds_finite(model, EVERY_X)


def bounds_finite(model: LatentDirichlet, x: torch.Tensor) -> None:
    assert model.elbo(x).isfinite().all()
    assert model.log_weight(x).isfinite().all()
    assert model.encode(x).isfinite().all()


@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("x", [[[1, 2, 3]], [[1, 0, 0]], [[2, 0, 0], [2, 0, 0], [3, 0, 0]]])
def test_one_document_or_one_word_is_enough(x, learns):
    """Also for more topics than documents."""
    model = LatentDirichlet(TINY, 5, learns_concentration=learns).double()
    x = torch.tensor(x)
    assert len(list(islice(model.fit(x), 300))) < 300
    bounds_finite(model, EVERY_X)
    unseen = model.topic_words[:, 1:].sum(1)
    torch.testing.assert_close(unseen, torch.ones_like(unseen))
    total = model.word_counts.sum() - 0.1 * 15
    torch.testing.assert_close(total.item(), float((x > 0).sum()))  # each word is in some topic


def test_a_word_that_was_not_seen_has_the_probability_of_eta():
    model = LatentDirichlet(Tokens(5, 4), 1, word_concentration=0.5, tolerance=1e-9)
    list(model.fit(torch.tensor([[0, 0, 1, 2]])))
    wanted = torch.tensor([[2.5, 1.5, 1.5, 0.5, 0.5]]) / 6.5
    torch.testing.assert_close(model.topic_words, wanted)
    assert model.elbo(torch.tensor([[4, 4, 4, 4]])).item() == pytest.approx(4 * math.log(0.5 / 6.5))


@pytest.mark.parametrize("end", [0, 2, 3])
def test_the_end_is_no_word(end):
    """Whatever its number: topics have their words at the right places."""
    words = [w for w in range(4) if w != end]
    x = torch.tensor([[words[0], words[0], end], [words[2], end, end]])
    model = LatentDirichlet(Tokens(4, 3, end), 1, word_concentration=1.0, tolerance=1e-9)
    list(model.fit(x))
    wanted = torch.zeros(4)
    wanted[words] = torch.tensor([3.0, 1.0, 2.0]) / 6
    torch.testing.assert_close(model.topic_words[0], wanted)
    assert model.top_words(9).tolist() == [[words[0], words[2], words[1]]]
    drawn = model.sample(200)
    model.space.check(drawn, "sample")
    assert {*drawn.unique().tolist()} == {0, 1, 2, 3}


def test_it_refuses():
    with pytest.raises(ValueError, match="topics is 0; at least 1"):
        LatentDirichlet(TINY, 0)
    with pytest.raises(ValueError, match="concentration is 0; it must be above 0"):
        LatentDirichlet(TINY, concentration=0)
    with pytest.raises(ValueError, match="word_concentration is -1"):
        LatentDirichlet(TINY, word_concentration=-1)
    with pytest.raises(ValueError, match=r"decay is 0.5; it must be in \(0.5, 1\]"):
        LatentDirichlet(TINY, decay=0.5)
    with pytest.raises(ValueError, match="batch is 0; at least 1"):
        LatentDirichlet(TINY, batch=0)
    with pytest.raises(ValueError, match="a token besides the end is wanted"):
        LatentDirichlet(Tokens(1, 3, end=0))
    with pytest.raises(ValueError, match="Tokens are wanted"):
        LatentDirichlet(Bits((3,)))
    with pytest.raises(ValueError, match="continues after its end"):
        next(LatentDirichlet(TINY).fit(torch.tensor([[1, 0, 2]])))
    with pytest.raises(ValueError, match=r"values in \[0, 7\]"):
        next(LatentDirichlet(TINY).fit(torch.tensor([[1, 7, 0]])))


# --- completion -------------------------------------------------------------------------------


def test_completion_scores_every_other_word_up_to_the_end():
    topics = torch.tensor([[0.0, 0.5, 0.3, 0.2], [0.0, 0.1, 0.1, 0.8]])
    x = torch.tensor([[1, 2, 3, 3, 0, 0], [2, 0, 0, 0, 0, 0], [3, 3, 0, 0, 0, 0]])
    seen = []

    def infer(given):
        seen.append(given)
        return np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])

    found = completion(x, topics, infer, end=0)
    assert seen[0].tolist() == [[1, 3, 0], [2, 0, 0], [3, 0, 0]]
    assert found.words.tolist() == [2, 0, 1]
    wanted = torch.tensor([math.log(0.3 * 0.2), 0.0, math.log(0.5)]).double()
    torch.testing.assert_close(found.log_p, wanted)
    assert found.perplexity == pytest.approx((0.3 * 0.2 * 0.5) ** (-1 / 3))
    with pytest.raises(ValueError, match="none of 1 documents has two words"):
        completion(x[1:2], topics, lambda given: np.ones((1, 2)) / 2, end=0)


def test_figures_of_a_run_begin_with_perplexity(corpus):
    split = corpus.data.validation
    model = LatentDirichlet(split.space, 3)
    found = completes(split)(model)
    assert list(found)[:2] == ["perplexity", "nats"]
    assert found["nats"] == pytest.approx(
        -model.elbo(split.everything()[0]).mean().item(), rel=1e-5
    )


# --- data and recipe --------------------------------------------------------------------------


def test_planted_documents_have_their_frequencies(corpus):
    torch.testing.assert_close(corpus.topics.sum(1), torch.ones(10).double())
    assert len(set(corpus.words.words)) == len(corpus.words.words)
    for name, split in corpus.data.splits.items():
        x = split.everything()[0]
        split.space.check(x, name)
        lengths = (x != 0).sum(1)
        assert (lengths.min() >= 20) & (lengths.max() <= 60)
        counts = torch.zeros(len(x), 161).double().scatter_add_(1, x, torch.ones(x.shape).double())
        wanted = lengths[:, None] * (corpus.shares[name] @ corpus.topics)
        away = (counts - wanted).sum(0)[1:]
        assert (away.abs() < 5 * wanted.sum(0)[1:].sqrt()).all()
    bank = corpus.words.numbers["bank"]
    assert (corpus.topics[:, bank] > 0.02).sum() == 2
    again = planted(rows=600, held_out=200).data.train.everything()[0]
    assert torch.equal(again, corpus.data.train.everything()[0])


def test_speeches_are_pieces_of_what_each_speaker_says(tmp_path):
    names = [
        "ship",
        "mast",
        "don't",
        "keel",
        "sail",
        "rope",
        "oar",
        "hull",
        "deck",
        "bow",
        "wave",
        "tide",
    ]
    lines = [
        f"ANNA:\nThe {names[i % 12].upper()}!\nThe sea, the sea.\n\nBEN:\nthe sun"
        for i in range(240)
    ]
    (tmp_path / "input.txt").write_text("\n\n".join(lines), encoding="utf-8")
    data = speeches(tmp_path, piece=6)
    assert [len(split) for split in data.splits.values()] == [240, 40, 40]
    assert set(data.symbols) == {"", *names}
    x = torch.cat([split.everything()[0] for split in data.splits.values()])
    assert (x != 0).sum() == 240
    assert (x == 0).all(1).sum() == 80  # Ben has nothing rare to say
    with pytest.raises(ValueError, match="has 7 pieces of speeches; 8 are wanted"):
        speeches(tmp_path, piece=300)
    with pytest.raises(ValueError, match="has no word in 5 documents"):
        speeches(tmp_path, piece=60)
    with pytest.raises(ValueError, match="piece is 1; at least 2"):
        speeches(tmp_path, piece=1)


def test_the_recipe_learns_planted_topics(monkeypatch, corpus):
    from genus.recipes.density.lda import lda

    monkeypatch.setitem(sources.catalogue()["names"], "documents", "text.documents")
    monkeypatch.setattr("genus.data.text.documents.planted", lambda: corpus)
    model = lda(run=Run(rounds=8, device="cpu"), starts=2)
    assert model.topics == 10
    perplexity = completes(corpus.data.validation)(model)["perplexity"]
    assert perplexity < 55  # words' frequencies have 112
