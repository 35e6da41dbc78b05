"""Compiled functions: they return what the functions return, or say why they are not compiled."""

import warnings

import pytest
import torch
from laws import sample
from models import MODELS, build

import genus
from genus.compiling import calls, sight
from genus.compiling.calls import as_traced, compiled
from genus.core import Reals
from genus.flow import RealNVP
from genus.vae import VAE

REFUSED = {  # whose log p takes steps that depend on the rows, without a network of several layers
    *("nade", "nade-shuffled", "rnnnade", "graphrnn", "graphrnn-s"),
    *(
        "hiddenmarkov",
        "kerneldensity",
        "kerneldensity-fixed",
        "factoranalysis",
        "factoranalysis-spherical",
    ),
    *("seq2seq", "seq2seq-attention", "seq2seq-endless", "encoder-decoder"),
    *("stroke-prediction", "handwriting", "flow-residual", "flow-continuous-alone"),
    *("probability-flow", "probability-flow-adaptive", "probability-flow-probed"),
}
SCORED = [  # one of each kind of model, and all that are refused; the law of rounds takes them all
    name
    for name, make in MODELS.items()
    if (name in REFUSED or "-" not in name) and hasattr(build(make), "log_prob")
]


def alike(model, method, *args):
    """What a compiled method returns in its second call, beside the method; returns why it is not compiled."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        call = compiled(getattr(model, method), compiler=as_traced)
        call(*args)
        torch.default_generator.manual_seed(5)
        found = call(*args)
    torch.default_generator.manual_seed(5)
    with torch.no_grad():
        wanted = getattr(model, method)(*args)
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)
    return [str(w.message) for w in told if "is not compiled" in str(w.message)]


@pytest.mark.parametrize("name", SCORED)
def test_log_prob(name):
    model = build(MODELS[name])
    torch.set_default_dtype(torch.float64)
    told = alike(model, "log_prob", *sample(model, 4))
    assert bool(told) == (name in REFUSED), told


@pytest.mark.parametrize(
    "name",
    [
        "realnvp",
        "flow-autoregressive",
        "glow",
        "vae-reals",
        "vae-conv",
        "gan",
        "dcgan",
        "pix2pix",
        "gaussian",
    ],
)
def test_sample(name):
    model = build(MODELS[name])
    torch.set_default_dtype(torch.float64)
    args = (4,) if model.context_space is None else (None, sample(model, 4)[1])
    assert not alike(model, "sample", *args)


def test_weights_may_change_between_calls():
    model = RealNVP(Reals((2,)), 2, 8)
    call, x = compiled(model.log_prob, compiler=as_traced), torch.randn(5, 2)
    call(x)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1)
    torch.testing.assert_close(call(x), model.log_prob(x).detach())


def test_each_shape_and_mode_has_a_program():
    model = VAE(Reals((2,)), latent=1)
    call = compiled(model.sample, compiler=as_traced)
    assert [len(call(n)) for n in (3, 5, 3)] == [3, 5, 3]
    model.eval()
    call(3)
    assert len(call.programs) == 3


def test_noise_is_drawn_anew():
    call = compiled(VAE(Reals((2,)), latent=1).sample, compiler=as_traced)
    assert not torch.equal(call(4), call(4))


def test_a_function_of_a_model_is_compiled_too_and_a_model_must_be_known():
    model = RealNVP(Reals((2,)), 2, 8)
    x = torch.randn(5, 2)
    call = compiled(lambda x: model.log_prob(x).mean(), model, as_traced)
    torch.testing.assert_close(call(x), model.log_prob(x).mean().detach())
    with pytest.raises(genus.Refused, match="give the model that it uses"):
        compiled(lambda x: x)


def test_what_cannot_be_compiled_is_called_as_it_is():
    model = RealNVP(Reals((2,)), 2, 8)

    def chosen(x):
        return model.log_prob(x[x[:, 0] > 0])

    x = torch.randn(20, 2)
    call = compiled(chosen, model, as_traced)
    with pytest.warns(UserWarning, match=r"RealNVP.chosen is not compiled: .* depends on data"):
        found = call(x)
    torch.testing.assert_close(found, chosen(x).detach())


@pytest.mark.parametrize("name", ["ddpm", "diffusion-edm", "diffusion-given"])
def test_a_sampler_of_many_steps_has_programs_of_its_networks(name, monkeypatch):
    monkeypatch.setattr(sight, "MOST", 20)
    model = build(MODELS[name]).eval()
    torch.set_default_dtype(torch.float64)
    args = (4,) if model.context_space is None else (None, sample(model, 4)[1])
    net = model.denoiser.net
    call = compiled(model.sample, compiler=as_traced)
    for seed in (5, 6):
        torch.default_generator.manual_seed(seed)
        found = call(*args)
        torch.default_generator.manual_seed(seed)
        torch.testing.assert_close(found, model.sample(*args).detach(), rtol=1e-9, atol=1e-9)
    assert call.networks.calls[net].programs
    assert "forward" not in vars(net)
    net.forward = own = net.forward  # one that somebody has put in the place of the class's
    call(*args)
    assert vars(net)["forward"] is own


def test_networks_of_a_long_function_that_are_called_once_are_not_compiled(monkeypatch):
    monkeypatch.setattr(sight, "MOST", 2)
    model = RealNVP(Reals((2,)), 2, 8)
    call, x = compiled(model.log_prob, compiler=as_traced), torch.randn(4, 2)
    with pytest.warns(
        UserWarning, match="not compiled: it calls more than 2 .*, and it calls no network"
    ):
        found = call(x)
    torch.testing.assert_close(found, model.log_prob(x).detach())


def test_a_network_that_needs_gradients_is_called_as_it_is(monkeypatch):
    monkeypatch.setattr(sight, "MOST", 20)
    model = build(MODELS["classifier-guided"]).eval()
    torch.set_default_dtype(torch.float64)
    context = sample(model, 4)[1]
    call = compiled(model.sample, compiler=as_traced)
    torch.default_generator.manual_seed(5)
    found = call(None, context)
    torch.default_generator.manual_seed(5)
    torch.testing.assert_close(found, model.sample(None, context).detach(), rtol=1e-9, atol=1e-9)


def test_arguments_may_have_names():
    model = VAE(Reals((2,)), latent=1)
    call = compiled(model.sample, compiler=as_traced)
    assert len(call(n=3)) == len(call(3)) == 3
    scored = compiled(RealNVP(Reals((2,)), 2, 8).log_prob, compiler=as_traced)
    x = torch.randn(4, 2)
    torch.testing.assert_close(scored(x=x), scored(x))
    assert len(scored.programs) == 2


def test_a_model_of_another_type_has_another_program():
    model = RealNVP(Reals((2,)), 2, 8)
    call, x = compiled(model.log_prob, compiler=as_traced), torch.randn(4, 2).double()
    call(x.float())
    model.double()
    torch.testing.assert_close(call(x), model.log_prob(x).detach())


def test_other_results_are_returned_as_they_are():
    model = RealNVP(Reals((2,)), 2, 8)
    x = torch.randn(4, 2)
    call = compiled(lambda x: {"p": model.log_prob(x)}, model, as_traced)
    with pytest.warns(
        UserWarning, match="it returns dict; a tensor or a tuple of tensors is wanted"
    ):
        found = call(x)
    torch.testing.assert_close(found["p"], model.log_prob(x).detach())


def test_arguments_that_cannot_be_told_apart_are_refused():
    model = RealNVP(Reals((2,)), 2, 8)
    with pytest.raises(genus.Refused, match=r"the arguments of RealNVP\.log_prob are list"):
        compiled(model.log_prob, compiler=as_traced)([1.0, 2.0])


def test_a_failing_compiler_is_said(monkeypatch):
    def failing(graph, arguments):
        raise calls.Uncompiled("the compiler fails: it has a bad day")

    model = RealNVP(Reals((2,)), 2, 8)
    with pytest.warns(UserWarning, match="it has a bad day"):
        compiled(model.log_prob, compiler=failing)(torch.randn(5, 2))
