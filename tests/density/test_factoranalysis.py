"""FactorAnalysis: against the full covariance, scikit-learn, autograd, and liars that EM must not be."""

import math
from itertools import islice, pairwise, product

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

import genus
from genus.core import Pixels, Reals
from genus.density import FactorAnalysis, factoranalysis
from genus.density.factoranalysis import Factors, maximised, of_moments, rooted
from genus.recipes.density import factors as recipe
from genus.train.run import Run

KINDS = ("diagonal", "spherical")
NAN = math.nan


def planted(n: int = 500, d: int = 6, k: int = 2, seed: int = 0) -> tuple[torch.Tensor, Factors]:
    """Rows of a few factors, and these."""
    place = torch.Generator().manual_seed(seed)
    w = torch.randn(d, k, generator=place).double()
    psi = 0.1 + torch.rand(d, generator=place).double()
    z, e = (torch.randn(n, size, generator=place).double() for size in (k, d))
    mean = torch.arange(d).double()
    return mean + z @ w.T + psi.sqrt() * e, Factors(mean, w, psi)


def holed(x: torch.Tensor, share: float = 0.2, seed: int = 0) -> torch.Tensor:
    place = torch.Generator().manual_seed(seed)
    return x.where(torch.rand(x.shape, generator=place) >= share, NAN)


def built(d: int = 6, k: int = 2, kind: str = "diagonal", **how) -> FactorAnalysis:
    """A model that has learnt nothing, with numbers of its own."""
    torch.manual_seed(1)
    model = FactorAnalysis(Reals((d,)), k, kind, **how).double()
    with torch.no_grad():
        model.mean.normal_()
        model.scale.uniform_(0.5, 1.5)
    return model


def full(model: FactorAnalysis) -> MultivariateNormal:
    w, d = model.loadings.detach(), model.space.dims
    return MultivariateNormal(
        model.mean.detach(), w @ w.T + torch.diag(model.scale.detach().square().expand(d))
    )


def never_falls(losses, slack: float = 1e-9) -> None:
    assert max(b - a for a, b in pairwise(losses)) <= slack


def nlls(model: FactorAnalysis, x: torch.Tensor, steps: int = 50) -> list[float]:
    return [step["nll"].item() for step in islice(model.fit(x), steps)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("d", "k"), [(1, 1), (6, 2), (5, 5), (300, 7)])
def test_scores_are_those_of_the_full_covariance(d, k, kind):
    model = built(d, k, kind)
    x = 3 * torch.randn(20, d).double()
    torch.testing.assert_close(model.log_prob(x), full(model).log_prob(x))


def test_little_noise_loses_no_digits():
    """Differences of large squares would: a part in 1e9 of them is all that counts."""
    model = built(4, 2)
    with torch.no_grad():
        model.scale.fill_(1e-4)
        x = model.sample(10) + 1e-4
    torch.testing.assert_close(model.log_prob(x), full(model).log_prob(x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_missing_is_summed_out(kind):
    """All patterns of four numbers: the marginal and the conditional of the full covariance."""
    model = built(4, 2, kind)
    truth, w = full(model), model.loadings.detach()
    mean, covariance = truth.loc, truth.covariance_matrix
    seen = torch.tensor([*product([True, False], repeat=4)])
    x = torch.randn(16, 4).double()
    rows = x.where(seen, NAN)
    log_p, z, whole = model.log_prob(rows), model.encode(rows), model.impute(rows)
    assert not whole.isnan().any()
    for i, o in enumerate(seen):
        if not o.any():
            assert log_p[i] == 0
            assert not z[i].any()
            torch.testing.assert_close(whole[i], mean)
            continue
        part, r = covariance[o][:, o], x[i, o] - mean[o]
        torch.testing.assert_close(log_p[i], MultivariateNormal(mean[o], part).log_prob(x[i, o]))
        torch.testing.assert_close(z[i], w[o].T @ torch.linalg.solve(part, r))
        wanted = mean[~o] + covariance[~o][:, o] @ torch.linalg.solve(part, r)
        torch.testing.assert_close(whole[i, ~o], wanted)
        assert torch.equal(whole[i, o], x[i, o])


def test_samples_have_the_full_covariance():
    model = built()
    drawn, truth = model.sample(50_000), full(model)
    wide = truth.covariance_matrix
    error = (wide.square() + wide.diagonal()[:, None] * wide.diagonal()).sqrt() / 50_000**0.5
    assert ((drawn.T.cov() - wide).abs() < 5 * error).all()
    assert ((drawn.mean(0) - truth.loc).abs() < 5 * (wide.diagonal() / 50_000).sqrt()).all()


@pytest.mark.parametrize("n", [5, 200])
def test_the_closed_form_is_scikit_learns(n):
    """Whose covariance is divided by n - 1."""
    decomposition = pytest.importorskip("sklearn.decomposition")
    x = planted(n, 12)[0]
    peer = decomposition.PCA(3, svd_solver="full").fit(x.numpy())
    model = built(12, 3, "spherical")
    assert len(nlls(model, x)) == 1
    if n > 12:
        assert model.scale.item() ** 2 == pytest.approx(peer.noise_variance_ * (n - 1) / n)
        assert model.log_prob(x).mean().item() >= peer.score(x.numpy())
    found = model.loadings.detach().square().sum(0) + model.scale.item() ** 2
    np.testing.assert_allclose(found.numpy(), peer.explained_variance_ * (n - 1) / n)


@pytest.mark.parametrize("k", [1, 4])
def test_scikit_learns_parameters_have_scikit_learns_score(k):
    decomposition = pytest.importorskip("sklearn.decomposition")
    x = planted()[0]
    model = built(k=k, kind="spherical")
    peer = decomposition.PCA(k, svd_solver="full").fit(x.numpy())
    lengths = np.sqrt(peer.explained_variance_ - peer.noise_variance_)
    with torch.no_grad():
        model.mean.copy_(torch.from_numpy(peer.mean_))
        model.loadings.copy_(torch.from_numpy(peer.components_.T * lengths))
        model.scale.fill_(peer.noise_variance_**0.5)
    np.testing.assert_allclose(model.log_prob(x).detach(), peer.score_samples(x.numpy()))


def test_the_closed_form_is_where_em_ends():
    x = planted()[0]
    model = built(kind="spherical")
    (best,) = nlls(model, x)
    root = rooted(x, x.mean(0))
    found = Factors(x.mean(0), torch.randn(6, 2).double(), torch.ones(6).double())
    losses = []
    for _ in range(300):
        seen = of_moments(root, found)
        losses.append(-seen.log_prob.item())
        found = maximised(found, seen, "spherical", 1e-6)
    never_falls(losses)
    assert losses[-1] == pytest.approx(best, abs=1e-9)
    w = model.loadings.detach()
    torch.testing.assert_close(found.loadings @ found.loadings.T, w @ w.T, rtol=1e-4, atol=1e-4)


def test_em_ends_where_scikit_learn_does():
    decomposition = pytest.importorskip("sklearn.decomposition")
    x = planted()[0]
    peer = decomposition.FactorAnalysis(2, tol=1e-12, max_iter=5000, svd_method="lapack")
    peer.fit(x.numpy())
    model = built(tolerance=1e-13)
    nlls(model, x, 5000)
    assert model.log_prob(x).mean().item() == pytest.approx(peer.score(x.numpy()), abs=1e-8)
    np.testing.assert_allclose(model.scale.detach() ** 2, peer.noise_variance_, rtol=1e-4)
    theirs = peer.components_.T @ peer.components_
    ours = (model.loadings @ model.loadings.T).detach()
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


def test_planted_factors_are_found_up_to_a_rotation():
    x, truth = planted(20_000)
    model = built(tolerance=1e-7)
    nlls(model, x, 500)
    w, wanted = model.loadings.detach(), truth.loadings
    torch.testing.assert_close(w @ w.T, wanted @ wanted.T, rtol=0.05, atol=0.1)
    torch.testing.assert_close(model.scale.detach() ** 2, truth.variances, rtol=0.1, atol=0.05)
    turn = torch.linalg.lstsq(w, wanted).solution
    torch.testing.assert_close(w @ turn, wanted, rtol=0.05, atol=0.05)
    torch.testing.assert_close(turn.T @ turn, torch.eye(2).double(), rtol=0.1, atol=0.1)


def test_units_change_nothing():
    x, unit = planted()[0], torch.tensor([1e-2, 1, 10, 1e3, 1, 1]).double()
    one, other = built(tolerance=0.0, floor=1e-12), built(tolerance=0.0, floor=1e-12)
    gap = torch.tensor(nlls(other, x * unit, 20)) - torch.tensor(nlls(one, x, 20))
    torch.testing.assert_close(gap.double(), unit.log().sum().expand(20), rtol=1e-5, atol=1e-5)


def test_without_a_hole_both_e_steps_are_one():
    x, start = planted(70)
    model = built()
    model.mean.data = x.mean(0)
    model.loadings.data = start.loadings
    now = model._double()
    found = maximised(now, factoranalysis.of_rows([*model._parts(x)], now), "diagonal", 1e-6)
    other = maximised(now, of_moments(rooted(x, x.mean(0)), now), "diagonal", 1e-6)
    for mine, theirs in zip(found, other, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("kind", KINDS)
def test_em_over_what_is_there_ends_where_the_gradient_does(kind):
    """Of the exact likelihood of the observed entries, by autograd."""
    x = holed(planted(200)[0])
    x[:60, :2] = NAN  # a pattern of many rows
    x[7] = NAN
    model = built(kind=kind, tolerance=1e-13)
    losses = nlls(model, x, 3000)
    never_falls(losses)
    model.log_prob(x).mean().backward()
    for p in model.parameters():
        assert p.grad.abs().max() < 1e-5


def test_holes_cost_little_and_are_filled_better_than_by_the_mean():
    x = planted(2000)[0]
    rows = holed(x, 0.3)
    model, whole = built(), built()
    nlls(model, rows)
    nlls(whole, x)
    assert (whole.log_prob(x) - model.log_prob(x)).mean() < 0.05
    gone = rows.isnan()
    error = (model.impute(rows) - x)[gone].square().mean()
    assert error < 0.6 * (x.mean(0) - x)[gone].square().mean()


def test_blocks_give_the_same(monkeypatch):
    x = holed(planted(60)[0])
    model, other = built(tolerance=-1.0), built(tolerance=-1.0)
    whole = nlls(model, x, 3)
    monkeypatch.setattr(factoranalysis, "HELD", 40)
    np.testing.assert_allclose(nlls(other, x, 3), whole, rtol=1e-10)
    other.load_state_dict(model.state_dict())  # whose factors may have other signs
    blocks = other.encode(x), other.log_prob(x)
    monkeypatch.undo()
    torch.testing.assert_close(blocks, (model.encode(x), model.log_prob(x)))
    assert other.log_prob(x[:0]).shape == (0,)


def test_data_must_be_whole_and_a_model_need_not():
    """`genus.fit` checks its data; the model's own `fit` takes holes."""
    x = holed(planted(50)[0]).float().reshape(50, 2, 3)
    model = FactorAnalysis(Reals((2, 3)), 2)
    with pytest.raises(ValueError, match="values that are not finite"):
        genus.fit(model, x, Run(rounds=1, device="cpu"))
    assert all(math.isfinite(loss) for loss in nlls(model, x))
    assert model.impute(x).isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("holes", [0.0, 0.3])
def test_the_likelihood_never_falls_not_even_on_the_floor(kind, holes):
    x = planted(40)[0]
    x[:, 1] = 3.0  # never varies
    x[:, 2] = 2 * x[:, 3]
    model = built(k=3, kind=kind, floor=1e-3, tolerance=0.0)
    losses = nlls(model, holed(x, holes) if holes else x, 200)
    never_falls([*losses, losses[-1]], 1e-8)
    assert model.scale.min() ** 2 >= 1e-3 - 1e-12


@pytest.mark.parametrize("holes", [0.0, 0.2])
def test_a_step_that_forgets_how_little_is_known_of_the_factors_is_caught(holes, monkeypatch):
    """A liar: E[z z'] without the covariance of z."""
    x = holed(planted(100)[0], holes) if holes else planted(100)[0]
    never_falls(nlls(built(tolerance=-1.0), x))
    honest = Factors.posterior

    def liar(self, part):
        found = honest(self, part)
        return found._replace(covariance=torch.zeros_like(found.covariance))

    monkeypatch.setattr(Factors, "posterior", liar)
    with pytest.raises(AssertionError):
        never_falls(nlls(built(tolerance=-1.0), x))


def test_stopping_and_going_on_is_the_same_as_going_on():
    for x in (planted()[0], holed(planted()[0])):
        straight, halved = built(tolerance=-1.0), built(tolerance=-1.0)
        nlls(straight, x, 6)
        nlls(halved, x, 2)
        nlls(halved, x, 4)
        for a, b in zip(straight.parameters(), halved.parameters(), strict=True):
            assert torch.equal(a, b)


def test_single_precision_agrees():
    x = planted()[0]
    model, single = built(), FactorAnalysis(Reals((6,)), 2)
    (*_, last), (*_, other) = nlls(model, x), nlls(single, x.float())
    assert other == pytest.approx(last, abs=1e-3)
    assert single.log_prob(x.float()).dtype == single.sample(2).dtype == torch.float32


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 3])
def test_few_rows_end_on_the_floor(n, kind):
    """Fewer than factors: they lie in the factors' directions, and all else is the floor's noise."""
    x = planted(n)[0]
    model = built(k=5, kind=kind, floor=1e-2)
    assert all(math.isfinite(loss) for loss in nlls(model, x))
    torch.testing.assert_close(model.scale.data**2, torch.full_like(model.scale.data, 1e-2))
    torch.testing.assert_close(model.mean.data, x.mean(0))
    if n == 1:
        assert not model.loadings.any()


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_factors_as_numbers_are_a_full_covariance(kind):
    x = planted(300, 4)[0]
    model = built(4, 4, kind)
    nlls(model, x)
    found, wanted = full(model).covariance_matrix, x.T.cov(correction=0)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_it_refuses():
    def model(factors=2, kind="diagonal", floor=1e-6, space=Reals((3,))):  # noqa: B008
        return FactorAnalysis(space, factors, kind, floor)

    for make, message in (
        (lambda: model(0), "factors is 0; at least 1"),
        (lambda: model(4), "factors is 4, and an x has 3 numbers; at most as many"),
        (lambda: model(kind="full"), "covariance is 'full'; it must be diagonal or spherical"),
        (lambda: model(floor=0), "floor is 0; it must be above 0"),
        (lambda: model(space=Pixels((3,), 4)), "wrap the model in Dequantised"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    for x, message in (
        (torch.tensor([[1.0, NAN, 2.0]] * 4), "number 1 of x is missing in all rows"),
        (torch.tensor([[1.0, math.inf, 2.0]]), "x has infinite values"),
        (torch.zeros(0, 3), r"x has shape \(0, 3\); it must be \(n, \*\(3,\)\), n at least 1"),
        (torch.zeros(5, 4), r"x has shape \(5, 4\)"),
    ):
        with pytest.raises(ValueError, match=message):
            list(model().fit(x))


def test_the_recipe_takes_vectors_and_pixels(monkeypatch):
    run = Run(rounds=3, device="cpu")
    assert recipe.factors("digits", 3, run=run).density.scale.shape == (64,)
    assert recipe.factors("moons", 1, "spherical", run=run).scale.shape == (1,)
    monkeypatch.setattr(recipe, "LARGEST", 50)
    with pytest.raises(ValueError, match="finds 64 eigenvectors; at most 50 are wanted"):
        recipe.factors("digits", run=run)
