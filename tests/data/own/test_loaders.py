"""Loaders against plain loops over them: the same batches, from any number on."""

import random
from itertools import chain, islice

import numpy as np
import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from genus.core import Classes, Reals, Refused
from genus.data.own.items import Wanted
from genus.data.own.loaders import Loaded

ROWS = torch.arange(46.0).reshape(23, 2)
WANTED = Wanted(Reals((2,)), None, "fit: DataLoader")


class Noted(Dataset):
    """Rows, and the numbers of those that were read."""

    def __init__(self):
        self.read = []

    def __len__(self):
        return len(ROWS)

    def __getitem__(self, number):
        self.read.append(number)
        return ROWS[number], number % 3


class Noisy(Noted):
    """Rows with noise of three libraries."""

    def __getitem__(self, number):
        noise = [torch.randn(()).item(), np.random.randn(), random.gauss()]
        return ROWS[number] + torch.tensor(noise).sum().float()


class Stream(IterableDataset):
    def __iter__(self):
        return iter(ROWS)


class Turning(Sampler):
    """Begins at its epoch."""

    epoch = 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return len(ROWS)

    def __iter__(self):
        return iter([(i + self.epoch) % len(ROWS) for i in range(len(ROWS))])


class Unsized(Sampler):
    def __iter__(self):
        return iter(range(9))


def generator():
    return torch.Generator().manual_seed(5)


KINDS = {
    "in order": lambda: DataLoader(Noted(), 5),
    "shuffled": lambda: DataLoader(Noted(), 5, shuffle=True, generator=generator()),
    "dropping": lambda: DataLoader(Noted(), 5, shuffle=True, drop_last=True, generator=generator()),
    "workers": lambda: DataLoader(Noted(), 5, shuffle=True, num_workers=2, generator=generator()),
    "of a subset": lambda: DataLoader(
        Noted(), 4, sampler=SubsetRandomSampler(range(11), generator=generator())
    ),
    "weighted": lambda: DataLoader(
        Noted(), 4, sampler=WeightedRandomSampler(torch.arange(23.0), 40, generator=generator())
    ),
    "with replacement": lambda: DataLoader(
        Noted(), 4, sampler=RandomSampler(Noted(), True, 70, generator=generator())
    ),
    "in batches of its own": lambda: DataLoader(
        Noted(), batch_sampler=BatchSampler(RandomSampler(Noted(), generator=generator()), 6, False)
    ),
    "of whole batches": lambda: DataLoader(
        TensorDataset(ROWS.reshape(-1, 1, 2)), batch_size=None, shuffle=True, generator=generator()
    ),
    "a stream": lambda: DataLoader(Stream(), 5),
    "of unknown length": lambda: DataLoader(Noted(), 4, sampler=Unsized()),
}


def loop(loader, count):
    """The first batches of a plain loop over a loader."""
    epochs = chain.from_iterable(iter(loader) for _ in range(100))
    return [x if isinstance(x, torch.Tensor) else x[0] for x in islice(epochs, count)]


def served(loaded, numbers, seed=0):
    return [loaded.batch(n, loaded.size or 99, seed)[0] for n in numbers]


@pytest.mark.parametrize("kind", KINDS)
def test_batches_are_those_of_a_loop_from_any_number_on(kind):
    wanted = loop(KINDS[kind](), 14)
    loaded = Loaded(KINDS[kind](), WANTED)
    assert all(map(torch.equal, served(loaded, range(14)), wanted))
    assert all(map(torch.equal, served(loaded, range(9, 14)), wanted[9:]))  # the same object
    resumed = Loaded(KINDS[kind](), WANTED)
    assert all(map(torch.equal, served(resumed, range(11, 14)), wanted[11:]))


@pytest.mark.parametrize("workers", [0, 2])
def test_without_a_seed_order_and_noise_follow_that_of_the_run(workers):
    def loaded():
        return Loaded(DataLoader(Noisy(), 5, shuffle=True, num_workers=workers), WANTED)

    torch.manual_seed(1)
    first = served(loaded(), range(12), seed=3)
    torch.manual_seed(2)
    np.random.seed(2)
    assert all(map(torch.equal, served(loaded(), range(8, 12), seed=3), first[8:]))
    assert not torch.equal(first[0], served(loaded(), [0], seed=4)[0])
    assert not torch.equal(first[0], first[5])


def test_epochs_before_are_gone_through_without_reading():
    data = Noted()
    loaded = Loaded(DataLoader(data, 5, shuffle=True, generator=generator()), WANTED)
    data.read.clear()
    served(loaded, [5 * 1000 + 1])
    assert len(data.read) == 10


def test_random_streams_of_the_run_are_left_alone():
    loaded = Loaded(DataLoader(Noisy(), 5, shuffle=True), WANTED)
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    served(loaded, range(3))
    assert torch.equal(torch.rand(3), wanted)


def test_a_look_at_other_rows_disturbs_no_order():
    wanted = loop(KINDS["shuffled"](), 8)
    loaded = Loaded(KINDS["shuffled"](), WANTED)
    found = served(loaded, range(3))
    (look,) = loaded.batch(0, 12, 0)
    assert torch.equal(look, torch.cat(wanted[:3])[:12])
    (more,) = loaded.batch(0, 30, 0)
    assert torch.equal(more, torch.cat(2 * wanted[:5])[:30])
    (whole,) = loaded.everything()
    assert torch.equal(whole, torch.cat(wanted[:5]))
    assert all(map(torch.equal, found + served(loaded, range(3, 8)), wanted))


def test_a_sampler_is_told_its_epoch():
    loaded = Loaded(DataLoader(Noted(), 23, sampler=Turning()), WANTED)
    assert [x[0, 0].item() / 2 for x in served(loaded, [0, 1, 2, 7])] == [0, 1, 2, 7]


def test_labels_are_the_context_of_a_model_that_takes_one():
    wanted = Wanted(Reals((2,)), Classes(3), "fit: DataLoader")
    x, label = Loaded(DataLoader(Noted(), 5), wanted).batch(0, 5, 0)
    assert torch.equal(label, torch.arange(5) % 3)
    assert torch.equal(x, ROWS[:5])


def test_the_fingerprint_is_of_items_and_order():
    def found(**options):
        return Loaded(DataLoader(Noted(), 5, **options), WANTED).fingerprint

    assert found() == found(num_workers=1)
    others = [
        found(shuffle=True),
        found(drop_last=True),
        found(shuffle=True, generator=generator()),
        Loaded(DataLoader(Noted(), 4), WANTED).fingerprint,
        Loaded(DataLoader(TensorDataset(ROWS + 1), 5), WANTED).fingerprint,
    ]
    assert len({found(), *others}) == 6


def test_loaders_that_cannot_be_repeated_say_so():
    def why(*given, **options):
        return Loaded(DataLoader(*given, **options), WANTED).passes.inexact

    assert why(Noted(), 5, shuffle=True) == why(Noted(), 5, sampler=Turning()) == ""
    assert "IterableDataset" in why(Stream(), 5)
    assert "Unsized" in why(Noted(), 5, sampler=Unsized())
    assert "persistent_workers" in why(Noted(), 5, num_workers=1, persistent_workers=True)


def test_loaders_that_give_nothing_usable_are_refused():
    with pytest.raises(Refused, match="gives no batch"):
        Loaded(DataLoader(Noted(), 50, drop_last=True), WANTED)
    with pytest.raises(Refused, match="gives no batch"):
        Loaded(DataLoader(Stream(), 50, drop_last=True), WANTED).batch(0, 50, 0)
    with pytest.raises(Refused, match="may have no end"):
        Loaded(DataLoader(Stream(), 5), WANTED).everything()
    with pytest.raises(Refused, match=r"has shape \(23, 2\); \(n, 3\) is wanted"):
        Loaded(DataLoader(Noted(), 5), Wanted(Reals((3,)), None, "fit: DataLoader"))
    with pytest.raises(Refused, match=r"gives x alone, and the model wants Classes"):
        Loaded(DataLoader(Noisy(), 5), Wanted(Reals((2,)), Classes(3), "fit: DataLoader"))
    whole = TensorDataset(ROWS)
    shared = torch.utils.data.DistributedSampler(whole, num_replicas=2, rank=0)
    with pytest.raises(Refused, match="DistributedSampler"):
        Loaded(DataLoader(whole, 5, sampler=shared), WANTED)
