"""What `fit` is given: each kind of data, and a run that fits it or is left out."""

from dataclasses import replace
from itertools import islice

import pytest
import torch
from games import Blob
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import genus
from genus.core import Classes, GenerativeModel, Reals, Refused
from genus.data import Data, Rows
from genus.data.sources import Note
from genus.train import artifact, given
from genus.train.fit import fit
from genus.train.run import Run

X = torch.randn(200, 2) * 0.5 + 3
LABELS = torch.arange(200) % 3
RUN = Run(rounds=20, lr=0.05, device="cpu")


class Pairs(Dataset):
    def __len__(self):
        return len(X)

    def __getitem__(self, number):
        return X[number], LABELS[number]


class Named(Pairs):
    def __getitem__(self, number):
        return {"x": X[number].numpy(), "label": int(LABELS[number]), "path": "a.png"}


class Stream(IterableDataset):
    def __iter__(self):
        return iter(X)


class ByClass(GenerativeModel):
    """Notes the means of x in each class."""

    def __init__(self):
        super().__init__()
        self.space, self.context_space = Reals((2,)), Classes(3)
        self.means = torch.nn.Parameter(torch.zeros(3, 2))

    def loss(self, x, label):
        return {"square": (x - self.means[label]).square().mean()}

    def sample(self, n=None, context=None):
        return self.means[context].detach()


ROWS = Rows(X, Reals((2,)))
KINDS = {
    "tensor": X,
    "array": X.double().numpy(),
    "pair": (X, LABELS),
    "tensors": TensorDataset(X, LABELS),
    "data set": Pairs(),
    "data set of dicts": Named(),
    "stream": Stream(),
    "loader": DataLoader(Pairs(), 128, shuffle=True),
    "loader of dicts": DataLoader(Named(), 128, shuffle=True, num_workers=1),
    "split": ROWS,
    "data": Data("own", ROWS, ROWS, ROWS),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_data_trains_a_model(kind):
    torch.manual_seed(0)
    model = fit(Blob(), KINDS[kind], replace(RUN, rounds=40, lr=0.2))
    assert (model.mean - X.mean(0)).abs().max() < 0.3


@pytest.mark.parametrize("kind", ["pair", "tensors", "data set", "data set of dicts", "loader"])
def test_labels_are_the_context_of_a_model_that_takes_one(kind):
    model = fit(ByClass(), KINDS[kind], replace(RUN, rounds=200))
    wanted = torch.stack([X[c == LABELS].mean(0) for c in range(3)])
    assert (model.means - wanted).abs().max() < 0.15


@pytest.mark.parametrize("kind", ["tensor", "data set", "loader", "tensors"])
def test_a_model_that_is_fitted_gets_all_rows(kind):
    model = fit(genus.density.Gaussian(Reals((2,))), KINDS[kind], Run(rounds=1, device="cpu"))
    torch.testing.assert_close(model.mean.data, X.mean(0), atol=1e-5, rtol=0)


def test_rows_in_memory_are_the_same_run_as_a_split_of_them():
    def end(data):
        return artifact.digest(fit(Blob(), data, RUN).state_dict())

    assert end(X) == end(X.numpy()) == end(TensorDataset(X)) == end(Pairs()) == end(ROWS)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("seed", [None, 4])
def test_a_resumed_run_over_a_loader_ends_in_the_same_bits(tmp_path, seed, workers):
    def loader():
        own = None if seed is None else torch.Generator().manual_seed(seed)
        return DataLoader(Pairs(), 32, shuffle=True, generator=own, num_workers=workers)

    def end(run):
        return artifact.digest(fit(Blob(), loader(), run).state_dict())

    whole = end(RUN)
    torch.rand(3)
    end(replace(RUN, rounds=11, out=tmp_path / "run"))
    assert end(replace(RUN, out=tmp_path / "run", resume=True)) == whole


def test_another_order_or_other_items_are_another_run(tmp_path):
    run = replace(RUN, rounds=2, out=tmp_path / "run")
    fit(Blob(), DataLoader(Pairs(), 32, shuffle=True), run)
    for other in (DataLoader(Pairs(), 32), DataLoader(TensorDataset(X + 1), 32, shuffle=True)):
        with pytest.raises(Refused, match="had another data"):
            fit(Blob(), other, replace(run, resume=True))


def test_a_run_that_is_left_out_takes_a_minute(monkeypatch):
    monkeypatch.setattr(given, "MINUTES", 0.002)
    seen = []

    class Counting(Blob):
        def loss(self, x):
            seen.append(len(x))
            return super().loss(x)

    fit(Counting(), X)
    assert given.prepared(Blob(), X, None)[1].minutes == 0.002
    assert {*seen} == {128}


def test_batches_have_the_size_of_their_loader():
    loader = DataLoader(Pairs(), 48)
    assert given.prepared(Blob(), loader, RUN)[1].batch == 48
    with pytest.raises(Refused, match=r"run's batch is 32, and the loader gives batches of 48"):
        fit(Blob(), loader, replace(RUN, batch=32))
    with pytest.raises(Refused, match=r"divided into 2 parts.*drop_last=True"):
        fit(Blob(), loader, replace(RUN, accumulate=2))
    whole = DataLoader(Pairs(), 48, drop_last=True)
    assert fit(Blob(), whole, replace(RUN, rounds=1, accumulate=2)) is not None


def test_a_run_in_a_folder_says_if_it_cannot_be_resumed_exactly(tmp_path):
    with pytest.warns(Note, match="other batches than if it were not stopped: its IterableDataset"):
        fit(Blob(), Stream(), replace(RUN, rounds=1, out=tmp_path / "run"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("moons", "str is no data; wanted are a tensor"),
        ([X], "list is no data"),
        (X[:, :1], r"Tensor: has shape \(200, 1\); \(n, 2\) is wanted"),
        ((X, LABELS, LABELS), "wanted are tensors: x, "),
        (DataLoader([{"image": X[0]}] * 9), "gives a dict of image; wanted are tensors"),
        (TensorDataset(X[:0]), r"\(n, ...\) is wanted, with n above 0"),
    ],
)
def test_other_data_are_refused_with_what_is_wanted(data, words):
    with pytest.raises(Refused, match=f"^fit: .*{words}"):
        fit(Blob(), data, RUN)


def test_items_that_make_no_batch_are_refused():
    class Ragged(Pairs):
        def __getitem__(self, number):
            return X[: 1 + number % 2]

    with pytest.raises(Refused, match=r"make no batch: .*; wanted are tensors of one shape"):
        fit(Blob(), Ragged(), RUN)


def test_labels_that_are_left_out_may_be_anything():
    class Captioned(Pairs):
        def __getitem__(self, number):
            return X[number], f"row {number}"

    assert fit(Blob(), Captioned(), replace(RUN, rounds=1)) is not None
    with pytest.raises(Refused, match=r"gives \(Tensor, tuple\); wanted are tensors"):
        fit(ByClass(), Captioned(), RUN)


def test_rows_and_labels_must_be_as_many():
    pairs = [(X[:4], LABELS[:3])] * 2
    loader = DataLoader(pairs, batch_size=None)
    with pytest.raises(Refused, match=r"gives 4 rows with 3 contexts"):
        fit(ByClass(), loader, RUN)
    with pytest.raises(Refused, match=r"200 rows and 199 context"):
        fit(ByClass(), (X, LABELS[1:]), RUN)


def test_an_error_in_a_data_set_of_the_user_stays_theirs():
    class Broken(Pairs):
        def __getitem__(self, number):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fit(Blob(), Broken(), RUN)


@pytest.mark.parametrize("kind", ["pair", "data set of dicts", "split"])
def test_a_loop_of_ones_own_gets_the_batches_of_fit(kind):
    run = Run(rounds=9, batch=16, seed=2, device="cpu")
    wanted = fit(Blob(), KINDS[kind], run)
    model = Blob()
    rows = islice(given.batches(model, KINDS[kind], size=16, seed=2), 9)
    optimizer = torch.optim.Adam(model.parameters(), run.lr, fused=True)
    for _ in genus.play(model, rows, {"model": optimizer}):
        pass
    assert artifact.digest(model.state_dict()) == artifact.digest(wanted.state_dict())
    (later,) = next(given.batches(model, KINDS[kind], size=16, seed=2, start=5))
    (_, *_, fifth) = islice(given.batches(model, KINDS[kind], size=16, seed=2), 6)
    assert torch.equal(later, fifth[0])
    (x,) = next(given.batches(model, DataLoader(Pairs(), 48)))
    assert torch.equal(x, X[:48])
