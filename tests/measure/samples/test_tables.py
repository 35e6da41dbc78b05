"""Rows of tables beside real rows."""

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from genus.measure.samples.tables import copies, correlations, marginals, table_figures


def values(figures):
    return {figure.name: figure for figure in figures}


def test_marginals_are_those_of_kolmogorov_and_smirnov():
    torch.manual_seed(0)
    real, fake = torch.randn(80, 3), torch.randn(50, 3).round(decimals=1) + 0.2
    found = marginals(real, fake)
    for column in range(3):
        peer = ks_2samp(real[:, column].numpy(), fake[:, column].numpy()).statistic
        assert found[column].item() == pytest.approx(peer, abs=1e-6)


def test_correlations_are_numpys():
    torch.manual_seed(0)
    x = torch.randn(60, 4, dtype=torch.float64)
    x[:, 1] += x[:, 0]
    peer = np.corrcoef(x.numpy().T)[np.triu_indices(4, 1)]
    np.testing.assert_allclose(correlations(x).numpy(), peer, atol=1e-12)
    x[:, 2] = 3.0
    assert correlations(x)[1] == 0
    assert correlations(x).isfinite().all()


def test_copies_are_counted():
    torch.manual_seed(0)
    train, test, new = (torch.randn(n, 2, dtype=torch.float64) for n in (500, 400, 400))
    assert copies(train, test, new).mean() < 0.05
    assert copies(train, test, train[:100]).mean() == 1
    mixed = torch.cat([new[:300], train[:100]])
    assert abs(copies(train, test, mixed).mean().item() - 0.25) < 0.05


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("marginals", lambda x: x * torch.tensor([2.0, 1, 1])),
        (
            "told_apart_trees",
            lambda x: torch.stack([x[:, 0], x[torch.randperm(len(x)), 1], x[:, 2]], 1),
        ),
        ("correlations", lambda x: torch.stack([c[torch.randperm(len(x))] for c in x.T], 1)),
    ],
)
def test_each_figure_sees_what_it_is_for(name, spoil):
    torch.manual_seed(0)
    mix = torch.tensor([[1.0, 0.8, 0], [0, 0.6, 0], [0, 0, 1]])
    train, test, fake = (torch.randn(n, 3) @ mix for n in (2000, 1000, 1000))
    good = values(table_figures(fake, train, test, {}))[name]
    bad = values(table_figures(spoil(fake), train, test, {}))[name]
    if name == "told_apart_trees":
        assert abs(good.value - 0.5) < 4 * good.error
        assert bad.value - 5 * bad.error > 0.5
        return
    assert good.value < 2 * good.floor
    assert bad.value > 2.5 * bad.floor


def test_what_is_given_counts_for_dependence_alone():
    torch.manual_seed(0)
    given = [torch.randn(n, 1) for n in (600, 1200, 600)]
    x = [c + 0.3 * torch.randn(len(c), 1) for c in given]
    good = values(table_figures(*x, {}, tuple(given)))
    careless = [x[0][torch.randperm(600)], *x[1:]]
    bad = values(table_figures(*careless, {}, tuple(given)))
    assert good["marginals"].value == bad["marginals"].value
    assert good["correlations"].value < 0.05
    assert bad["correlations"].value > 0.5
    assert abs(good["told_apart_trees"].value - 0.5) < 4 * good["told_apart_trees"].error
    assert bad["told_apart_trees"].value > 0.7


def test_a_table_of_one_column_has_no_correlations():
    torch.manual_seed(0)
    x = torch.randn(90, 1)
    assert "correlations" not in values(table_figures(x[:30], x[30:60], x[60:], {}))
