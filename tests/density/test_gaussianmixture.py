"""GaussianMixture: against scikit-learn from the same start, and what can go wrong in EM."""

from itertools import islice, pairwise

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture as Peer

from genus.core import Reals
from genus.density import GaussianMixture, gaussian
from genus.density.gaussianmixture import clusters
from genus.functional.densities import densities

PEERS_NAME = {"full": "full", "diagonal": "diag", "spherical": "spherical"}


def three_heaps(n: int = 300) -> torch.Tensor:
    centres = torch.tensor([[0.0, 0.0], [4.0, 1.0], [-2.0, 5.0]], dtype=torch.float64)
    return centres[torch.arange(n) % 3] + torch.randn(n, 2, dtype=torch.float64)


def peer(model: GaussianMixture, steps: int) -> Peer:
    """Scikit-learn's mixture, begun where ours stands: unit covariances."""
    d = model.space.dims
    unit = {
        "full": np.stack([np.eye(d)] * model.components),
        "diagonal": np.ones((model.components, d)),
        "spherical": np.ones(model.components),
    }
    return Peer(
        model.components,
        covariance_type=PEERS_NAME[model.covariance],
        weights_init=np.full(model.components, 1 / model.components),
        means_init=model.means.detach().numpy().copy(),
        precisions_init=unit[model.covariance],
        reg_covar=0.0,
        max_iter=steps,
        tol=0.0,
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("covariance", ["full", "diagonal", "spherical"])
@pytest.mark.parametrize("steps", [1, 7])
def test_each_step_is_scikit_learns(covariance, steps):
    torch.manual_seed(0)
    x = three_heaps()
    model = GaussianMixture(Reals((2,)), 3, covariance, floor=1e-12, tolerance=-1.0).double()
    model.started.fill_(True)
    theirs = peer(model, steps).fit(x.numpy())
    list(islice(model.fit(x), steps))
    np.testing.assert_allclose(model.means.detach().numpy(), theirs.means_, rtol=1e-8)
    np.testing.assert_allclose(model.logits.detach().softmax(0).numpy(), theirs.weights_, rtol=1e-8)
    ours = model.log_prob(x).detach().numpy()
    np.testing.assert_allclose(ours, theirs.score_samples(x.numpy()), rtol=1e-8)
    ours = model.log_joint(x).detach().softmax(1).numpy()
    np.testing.assert_allclose(ours, theirs.predict_proba(x.numpy()), atol=1e-8)


def test_one_component_is_found_in_one_step():
    x = three_heaps()
    model = GaussianMixture(Reals((2,)), 1).double()
    next(model.fit(x))
    torch.testing.assert_close(model.means.data[0], x.mean(0))
    factor = model.scales.data[0]
    torch.testing.assert_close(factor @ factor.T, x.T.cov(correction=0))


@pytest.mark.parametrize("covariance", ["full", "diagonal", "spherical"])
def test_the_likelihood_never_falls_not_even_on_the_floor(covariance):
    torch.manual_seed(2)
    x = three_heaps(60)
    x[:10] = x[0]  # a heap of no width: its component ends on the floor
    model = GaussianMixture(Reals((2,)), 8, covariance, floor=1e-3, tolerance=0.0).double()
    losses = [terms["nll"].item() for terms in islice(model.fit(x), 200)]
    assert max(b - a for a, b in pairwise(losses)) < 1e-9


def test_stopping_and_going_on_is_the_same_as_going_on():
    x = three_heaps()
    torch.manual_seed(3)
    straight = GaussianMixture(Reals((2,)), 4).double()
    halved = GaussianMixture(Reals((2,)), 4).double()
    halved.load_state_dict(straight.state_dict())
    torch.manual_seed(4)
    list(islice(straight.fit(x), 10))
    torch.manual_seed(4)
    list(islice(halved.fit(x), 5))
    torch.manual_seed(99)
    list(islice(halved.fit(x), 5))
    for a, b in zip(straight.parameters(), halved.parameters(), strict=True):
        assert torch.equal(a, b)


def test_it_stops_by_itself_at_a_good_fit():
    torch.manual_seed(0)
    x = three_heaps(3000)
    model = GaussianMixture(Reals((2,)), 3).double()
    steps = list(model.fit(x))
    assert 1 < len(steps) < 100
    found = {tuple(row) for row in model.means.data.round().int().tolist()}
    assert found == {(0, 0), (4, 1), (-2, 5)}


def test_a_component_that_nothing_belongs_to_stays():
    x = three_heaps()
    model = GaussianMixture(Reals((2,)), 2).double()
    model.started.fill_(True)
    with torch.no_grad():
        model.means[1] = 1e4
    list(islice(model.fit(x), 3))
    assert model.means.data[1].tolist() == [1e4, 1e4]
    assert model.log_prob(x).isfinite().all()
    assert model.sample(100).isfinite().all()


@pytest.mark.parametrize("covariance", ["diagonal", "spherical"])
def test_products_of_matrices_give_each_component_its_own(covariance, monkeypatch):
    """Also far from zero, for narrow components, and where rows come in blocks."""
    monkeypatch.setattr(densities, "HELD", 20)
    monkeypatch.setattr(gaussian, "HELD", 20)
    x = 1000 + torch.randn(50, 3).double() * torch.tensor([1e-3, 1.0, 10.0])
    model = GaussianMixture(Reals((3,)), 4, covariance).double()
    share = torch.rand(50, 4).double()
    model.maximise(x, share)
    for k in range(4):
        mean, scale = gaussian.fitted(x, share[:, k], covariance, model.floor)
        torch.testing.assert_close(model.means[k].data, mean)
        torch.testing.assert_close(model.scales[k].data, scale)
        each = densities.log_multivariate_normal(x, mean, scale)
        found = model.log_joint(x)[:, k] - model.logits.log_softmax(0)[k]
        torch.testing.assert_close(found, each, rtol=1e-6, atol=1e-6)


def test_it_learns_by_gradient_too():
    """As a part of another model, such as a prior."""
    x = three_heaps()
    model = GaussianMixture(Reals((2,)), 3).double()
    before = model.loss(x)["nll"]
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    for _ in range(100):
        optimizer.zero_grad()
        model.loss(x)["nll"].backward()
        optimizer.step()
    assert model.loss(x)["nll"] < before - 1


def test_k_means_finds_heaps_and_survives_equal_rows():
    x = three_heaps() * 0.1 + 10 * torch.eye(3, 2)[torch.arange(300) % 3].double()
    found = clusters(x, 3)
    assert len({tuple(found[i::3].unique().tolist()) for i in range(3)}) == 3
    assert clusters(torch.ones(5, 2), 3).shape == (5,)
    with pytest.raises(ValueError, match="2 rows for 3 components"):
        clusters(torch.ones(2, 2), 3)


def test_it_refuses():
    with pytest.raises(ValueError, match="components is 0; at least 1"):
        GaussianMixture(Reals((2,)), 0)
