"""Pictures as the nets see them."""

import pytest
import torch

from genus.core import Bits, Pixels, Reals
from genus.errors import Refused
from genus.measure import Extractor, extractor
from genus.measure.extractors.pictures import (
    FEATURES,
    RandomLayers,
    cut,
    prepared,
    sees,
    shipped,
)
from genus.train.artifact import save


def test_what_are_pictures():
    assert sees(Pixels((3, 8, 8)))
    assert sees(Bits((1, 28, 28)))
    assert not sees(Pixels((2, 8, 8)))
    assert not sees(Pixels((64,)))
    assert not sees(Reals((3, 8, 8)))


def test_pictures_of_any_size_become_one_size():
    torch.manual_seed(0)
    grey = prepared(torch.rand(2, 1, 28, 20) * 2 - 1, Pixels((1, 28, 20)))
    assert grey.shape == (2, 3, 64, 64)
    assert torch.equal(grey[:, 0], grey[:, 2])
    bits = prepared(torch.ones(1, 1, 8, 8), Bits((1, 8, 8)))
    torch.testing.assert_close(bits, torch.ones(1, 3, 64, 64))
    x = Pixels((3, 64, 64)).quantise(torch.rand(2, 3, 64, 64) * 2 - 1)
    assert torch.equal(prepared(x, Pixels((3, 64, 64))), x)


def test_the_shipped_net_is_small_and_its_features_are_normalised():
    net = shipped()
    assert sum(p.numel() * 4 for p in net.parameters()) < 3e6
    torch.manual_seed(0)
    x = torch.rand(5, 3, 32, 32) * 2 - 1
    seen = net.see(x, Pixels((3, 32, 32)))
    assert seen.shape == (5, FEATURES)
    assert seen.dtype == torch.float64
    torch.testing.assert_close(seen.square().mean(1), torch.ones(5).double(), rtol=1e-2, atol=0)
    assert net.account() == {"name": "learnt", "hash": net.account()["hash"], "features": FEATURES}
    assert not any(p.requires_grad for p in net.parameters())


def test_rows_do_not_meet():
    torch.manual_seed(0)
    space = Pixels((3, 16, 16))
    x = torch.rand(6, 3, 16, 16) * 2 - 1
    for sight in (shipped(), RandomLayers(x, space)):
        together, alone = sight.see(x, space), sight.see(x[2:3], space)
        torch.testing.assert_close(together[2:3], alone, rtol=1e-4, atol=1e-4)


def test_random_layers_owe_nothing_to_the_streams_of_others():
    torch.manual_seed(0)
    x = torch.rand(20, 1, 12, 12) * 2 - 1
    space = Pixels((1, 12, 12))
    torch.manual_seed(1)
    first = RandomLayers(x, space).see(x, space)
    after = torch.rand(1)
    torch.manual_seed(2)
    assert torch.equal(RandomLayers(x, space).see(x, space), first)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), after)
    torch.testing.assert_close(first.std(0), torch.ones(FEATURES).double(), rtol=1e-6, atol=0)


def test_the_loss_falls_when_cuts_find_each_other():
    """To the loss of chance, log of the number of other cuts, where all features are alike."""
    torch.manual_seed(0)
    net = Extractor(Pixels((3, 16, 16)), 0.1)
    x = torch.rand(8, 3, 16, 16) * 2 - 1
    net.mix = torch.nn.Sequential(torch.nn.Linear(296, FEATURES), torch.nn.Identity())
    torch.nn.init.zeros_(net.mix[0].weight)
    chance = net.loss(x)["contrast"].item()
    assert chance == pytest.approx(torch.tensor(31.0).log().item(), abs=1e-5)
    assert shipped().loss(x)["contrast"].item() < chance


def test_a_cut_is_a_part_of_the_picture():
    torch.manual_seed(0)
    ramp = torch.linspace(-1, 1, 32).expand(4, 1, 32, 32)
    found = cut(ramp)
    assert (found[..., 1:-1].diff(dim=3) >= -1e-5).all()
    assert (found.amax((1, 2, 3)) - found.amin((1, 2, 3)) < 1.99).all()


def test_an_extractor_of_ones_own(tmp_path):
    torch.manual_seed(0)
    own = Extractor(Pixels((3, 16, 16)))
    save(own, tmp_path / "own")
    assert extractor(tmp_path / "own").account() == own.account()
    with pytest.raises(Refused, match="holds none; train one: genus fit extractor --out"):
        extractor(tmp_path / "nothing")
    with pytest.raises(Refused, match="pictures of 1 or 3 channels are wanted"):
        Extractor(Reals((4,)))
