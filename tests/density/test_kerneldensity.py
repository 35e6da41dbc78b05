"""KernelDensity: against scikit-learn on the same arrays, and a bandwidth that tells the truth."""

import math

import pytest
import torch

from genus.core import Pixels, Reals
from genus.density import KernelDensity, kerneldensity
from genus.density.kerneldensity import Kernels, log_kernels, scales
from genus.recipes.density.kde import kde
from genus.train import artifact
from genus.train.run import Run

GRID = [10 ** (k / 20) for k in range(-80, 15, 2)]


def bumps(n: int = 200, d: int = 2, seed: int = 0) -> torch.Tensor:
    """Two bumps, columns of different units, far from zero."""
    place = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=place, dtype=torch.float64)
    x[::3] = 0.3 * x[::3] + 2
    return 100 + x * torch.arange(1, d + 1) ** 2


def fitted(x: torch.Tensor, bandwidth: float | None = None, **how) -> KernelDensity:
    model = KernelDensity(Reals(x.shape[1:]), bandwidth, **how).double()
    list(model.fit(x))
    return model


def peers_log_prob(model: KernelDensity, x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Scikit-learn has one width for all columns: it sees them in units of theirs."""
    neighbors = pytest.importorskip("sklearn.neighbors")
    peer = neighbors.KernelDensity(bandwidth=1.0, rtol=0, leaf_size=10_000)
    peer.fit((x / model.widths).numpy())
    found = torch.from_numpy(peer.score_samples((rows / model.widths).numpy()))
    return found - model.widths.log().sum()


# --- scores ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 10])
@pytest.mark.parametrize("bandwidth", [0.03, 0.5, None])
def test_log_densities_are_scikit_learns(d, bandwidth):
    x = bumps(300, d)
    x[50:100] = x[:50]  # repeated rows
    model = fitted(x, bandwidth)
    rows = torch.cat([bumps(50, d, seed=1), x[:5], 100 + 30 * torch.randn(5, d).double()])
    theirs = peers_log_prob(model, x, rows)
    torch.testing.assert_close(model.log_prob(rows), theirs, rtol=1e-9, atol=1e-7)


def test_blocks_and_differences_give_the_same(monkeypatch):
    x, rows = bumps(100, 3), bumps(23, 3, seed=1)
    model = fitted(x)
    whole = model.log_prob(rows)
    monkeypatch.setattr(kerneldensity, "LINES", 4)
    monkeypatch.setattr(kerneldensity, "PAIRS", 28)
    torch.testing.assert_close(model.log_prob(rows), whole)
    left_out = Kernels(x, torch.ones(100), *scales(x, torch.ones(100), 1e-6)).left_out(0.3)
    monkeypatch.setattr(kerneldensity, "LONG", 0.0)
    torch.testing.assert_close(model.log_prob(rows), whole)
    monkeypatch.undo()
    again = Kernels(x, torch.ones(100), *scales(x, torch.ones(100), 1e-6)).left_out(0.3)
    torch.testing.assert_close(left_out, again)


def test_narrow_kernels_far_from_each_other_lose_no_digits():
    """Products of matrices would: the squares of 1e8 have sixteen digits before those that count."""
    x = torch.tensor([[0.0], [1e8]], dtype=torch.float64)
    ones = torch.ones(2)
    found = log_kernels(x + 0.5, x, ones)
    torch.testing.assert_close(found, torch.full((2,), -0.125, dtype=torch.float64))


def test_the_density_integrates_to_one():
    for d, points in ((1, 4001), (2, 401)):
        model = fitted(bumps(60, d) - 100)
        axes = [torch.linspace(-30, 30, points).double()] * d
        lattice = torch.cartesian_prod(*axes).reshape(-1, d)
        cell = (60 / (points - 1)) ** d
        with torch.no_grad():
            total = (model.log_prob(lattice).logsumexp(0)).exp().item() * cell
        assert total == pytest.approx(1, abs=1e-6)


def test_gradients_are_right():
    model = fitted(bumps(20))
    torch.autograd.gradcheck(model.log_prob, bumps(4, seed=1).requires_grad_())


def test_single_precision_agrees():
    x = bumps(100)
    model, single = fitted(x), KernelDensity(Reals((2,)))
    list(single.fit(x.float()))
    found = single.log_prob(x.float())
    assert found.dtype == single.sample(2).dtype == torch.float32
    torch.testing.assert_close(found.double(), model.log_prob(x), rtol=1e-4, atol=1e-4)


# --- the bandwidth --------------------------------------------------------------------------------


def naive(x: torch.Tensor, h: float) -> float:
    """Leaving one row out, one at a time: the mean of its log p under the others, by torch alone."""
    normal = torch.distributions.Normal(x, h * x.std(0, correction=0))
    log_p = normal.log_prob(x[:, None]).sum(2).fill_diagonal_(-math.inf)
    return (log_p.logsumexp(1) - math.log(len(x) - 1)).mean().item()


def test_the_bandwidth_is_the_best_when_one_is_left_out():
    x = bumps(60)
    model = KernelDensity(Reals((2,))).double()
    (step,) = model.fit(x)
    found = (model.widths / x.std(0, correction=0))[0].item()
    assert -step["nll"].item() == pytest.approx(naive(x, found), abs=1e-9)
    assert naive(x, found) >= max(naive(x, h) for h in [*GRID, found * 1.01, found / 1.01])


def own(x: torch.Tensor) -> float:
    return (fitted(x).widths / x.std(0, correction=0))[0].item()


def copies_apart(x: torch.Tensor) -> float:
    """A liar, which leaves a row out and keeps its copies."""
    return max(GRID, key=lambda h: naive(x, h))


def check_that_copies_say_nothing(bandwidth) -> None:
    """Each row twice is the same distribution."""
    x = bumps(40)
    assert bandwidth(torch.cat([x, x])) == pytest.approx(bandwidth(x), rel=1e-3)


def test_equal_rows_stay_together():
    check_that_copies_say_nothing(own)


def test_a_bandwidth_that_knows_the_copies_is_caught():
    with pytest.raises(AssertionError):
        check_that_copies_say_nothing(copies_apart)
    assert copies_apart(bumps(20).repeat(2, 1)) == GRID[0]


def check_that_the_test_rows_are_not_seen(choose) -> None:
    x = bumps(100)
    assert choose(x, bumps(50, seed=1)) == choose(x, x[:50])


def test_a_bandwidth_chosen_on_test_rows_is_caught():
    def liar(x, test):
        return max(GRID, key=lambda h: fitted(x, h).log_prob(test).mean().item())

    check_that_the_test_rows_are_not_seen(lambda x, test: own(x))
    with pytest.raises(AssertionError):
        check_that_the_test_rows_are_not_seen(liar)


def check_that_a_claim_holds(claimed: float, model: KernelDensity) -> None:
    """What is said of the training rows is true of fresh ones, to five standard errors."""
    fresh = model.log_prob(bumps(3000, seed=2))
    spread = fresh.std() * (1 / 3000 + 1 / 300) ** 0.5
    assert abs(claimed + fresh.mean()) <= 5 * spread, f"{claimed:.3f} is said, {-fresh.mean():.3f}"


def test_what_it_says_of_itself_is_true_of_fresh_rows():
    x = bumps(300)
    model = KernelDensity(Reals((2,))).double()
    (step,) = model.fit(x)
    check_that_a_claim_holds(step["nll"].item(), model)
    narrow = fitted(x, min(GRID, key=lambda h: -fitted(x, h).log_prob(x).mean().item()))
    with pytest.raises(AssertionError):  # a row that is explained by its own kernel
        check_that_a_claim_holds(-narrow.log_prob(x).mean().item(), narrow)


def test_of_many_rows_some_are_enough():
    """The width is scaled to all rows: it costs little against the one that all of them choose."""
    x, fresh = bumps(1500, 1), bumps(3000, 1, seed=1)
    torch.manual_seed(0)
    some = fitted(x, rows=400)
    torch.manual_seed(0)
    assert torch.equal(some.widths, fitted(x, rows=400).widths)
    assert len(some.centres) == 1500
    lost = fitted(x).log_prob(fresh) - some.log_prob(fresh)
    assert abs(lost.mean().item()) < 0.005


def test_more_rows_come_nearer_to_the_truth():
    truth = torch.distributions.Normal(torch.zeros(1).double(), 1.0)
    torch.manual_seed(0)
    fresh = truth.sample((2000,))
    gaps = []
    for n in (50, 1000):
        model = fitted(truth.sample((n,)))
        gaps.append((truth.log_prob(fresh)[:, 0] - model.log_prob(fresh)).mean().item())
    assert 0 < gaps[1] < min(0.02, gaps[0])


# --- columns of any kind --------------------------------------------------------------------------


def test_rounded_columns_get_no_infinite_density():
    """No kernel is narrower than a step, so no density is above that of a step's width."""
    torch.manual_seed(0)
    x = torch.stack([torch.randint(0, 4, (300,)), 5 * torch.randint(0, 2, (300,))], 1).double()
    model = fitted(x)
    assert (model.widths >= torch.tensor([1.0, 5.0])).all()
    assert (model.log_prob(x) < -math.log(5)).all()
    torch.testing.assert_close(fitted(x, 1e-9).widths, torch.tensor([1.0, 5.0]).double())


def test_a_column_that_never_varies_has_the_floor():
    x = torch.cat([bumps(50, 1), torch.full((50, 1), 0.1).double()], 1)
    model = fitted(x, floor=1e-4)
    alone = fitted(x[:, :1])
    assert model.widths[1] == pytest.approx(1e-2)
    at_the_top = -math.log(1e-2) - 0.5 * math.log(2 * math.pi)
    torch.testing.assert_close(model.log_prob(x), alone.log_prob(x[:, :1]) + at_the_top)


@pytest.mark.parametrize("n", [1, 5])
@pytest.mark.parametrize("bandwidth", [None, 0.5])
def test_one_row_or_equal_ones_are_a_normal_of_the_floor(n, bandwidth):
    x = torch.tensor([[1.0, 2.0]]).double().expand(n, 2)
    model = fitted(x, bandwidth)
    truth = torch.distributions.Normal(x[0], 1e-3)
    near = x[:1] + 1e-3
    torch.testing.assert_close(model.log_prob(near), truth.log_prob(near).sum(1))
    assert (model.sample(10) - x[0]).abs().max() < 0.01


def test_two_rows_and_an_outlier_are_enough():
    assert own(torch.tensor([[0.0], [1.0]]).double()) == pytest.approx(2, rel=1e-3)
    x = torch.cat([bumps(50, 1), torch.tensor([[1e9]]).double()])
    assert fitted(x).log_prob(x).isfinite().all()


# --- samples, files and refusals ------------------------------------------------------------------


def test_samples_are_rows_and_noise():
    x = torch.cat([bumps(30), bumps(30)[:10].repeat(5, 1)])
    model = fitted(x)
    torch.manual_seed(0)
    drawn = model.sample(40_000)
    error = drawn.std(0) / 200
    assert ((drawn.mean(0) - x.mean(0)).abs() < 5 * error).all()
    wanted = x.var(0, correction=0) + model.widths**2
    torch.testing.assert_close(drawn.var(0), wanted, rtol=0.05, atol=0)


def test_a_saved_model_comes_back_with_its_rows(tmp_path):
    x = bumps(20).float()
    model = KernelDensity(Reals((2,)))
    list(model.fit(x))
    artifact.save(model, tmp_path)
    again = artifact.load(tmp_path)
    assert torch.equal(again.log_prob(x), model.log_prob(x))
    torch.manual_seed(0)
    drawn = model.sample(5)
    torch.manual_seed(0)
    assert torch.equal(again.sample(5), drawn)
    other = fitted(bumps(7)).float()
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.centres, model.centres)


def test_it_refuses():
    model = KernelDensity(Reals((2,)))
    for use in (lambda: model.log_prob(torch.zeros(1, 2)), lambda: model.sample(3)):
        with pytest.raises(ValueError, match="it has no rows yet; it must be fitted"):
            use()
    nothing = torch.full((3, 2), math.nan)
    for x, message in (
        (torch.zeros(0, 2), "x has no rows; at least 1 is wanted"),
        (nothing, "x has values that are not finite"),
        (torch.zeros(3, 4), r"x has shape \(3, 4\); it must be \(n, \*\(2,\)\)"),
    ):
        with pytest.raises(ValueError, match=message):
            list(model.fit(x))
    with pytest.raises(ValueError, match="bandwidth is 0; it must be above 0"):
        KernelDensity(Reals((2,)), 0)
    with pytest.raises(ValueError, match="rows is 1; at least 2 are wanted"):
        KernelDensity(Reals((2,)), rows=1)
    with pytest.raises(ValueError, match="floor is 0; it must be above 0"):
        KernelDensity(Reals((2,)), floor=0)
    with pytest.raises(ValueError, match="wrap the model in Dequantised"):
        KernelDensity(Pixels((2,), 4))


@pytest.mark.filterwarnings("ignore:kde on iris")
def test_the_recipe_takes_vectors_and_pixels():
    run = Run(rounds=1, device="cpu")
    assert kde("digits", rows=200, run=run).density.widths.shape == (64,)
    assert kde("iris", 0.5, run=run).bandwidth == 0.5
