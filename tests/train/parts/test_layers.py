"""Layers of PyTorch: every one comes back as it was; what is not as it says is refused."""

import json

import pytest
import torch
from torch import nn

from genus.core import Refused
from genus.nn import MLP
from genus.train.parts import ArtifactError, decode, encode, layers, outside

IMAGE, ROW = (2, 4, 8, 8), (2, 4)
SIGNAL, VOLUME = (2, 4, 8), (2, 4, 8, 8, 8)
SHAPES = {"1d": SIGNAL, "2d": IMAGE, "3d": VOLUME}


def made():
    """Layers with arguments that are not their defaults, and the shape of what they take."""
    for d, shape in SHAPES.items():
        of = {name: getattr(nn, name + d) for name in ("Conv", "ConvTranspose")}
        yield of["Conv"](4, 6, 3, 2, padding=1, dilation=2, groups=2, bias=False), shape
        yield of["Conv"](4, 6, 3, padding="same", padding_mode="circular"), shape
        yield of["ConvTranspose"](4, 6, 3, 2, 1, output_padding=1, bias=False), shape
        yield getattr(nn, f"BatchNorm{d}")(4, 1e-3, None, affine=False), shape
        yield getattr(nn, f"InstanceNorm{d}")(4, affine=True, track_running_stats=True), shape
        for name in ("MaxPool", "AvgPool"):
            yield getattr(nn, name + d)(3, 2, 1, ceil_mode=True), shape
        yield getattr(nn, f"LPPool{d}")(2, 3, 2), shape
        for name in ("Max", "Avg"):
            yield getattr(nn, f"Adaptive{name}Pool{d}")(3), shape
        for name in ("Zero", "Reflection", "Replication", "Circular"):
            yield getattr(nn, f"{name}Pad{d}")(2), shape
        yield getattr(nn, f"ConstantPad{d}")(1, 0.5), shape
        yield getattr(nn, f"Dropout{d}")(0.3), shape
    for name in ("Dropout", "AlphaDropout", "FeatureAlphaDropout"):
        yield getattr(nn, name)(0.2), ROW
    yield nn.Linear(4, 3, bias=False), ROW
    yield nn.Identity(), ROW
    yield nn.Flatten(2), IMAGE
    yield nn.Unflatten(1, (2, 2)), ROW
    yield nn.GroupNorm(2, 4, affine=False), IMAGE
    yield nn.LayerNorm((8, 8), 1e-3, bias=False), IMAGE
    yield nn.LayerNorm(4, elementwise_affine=False), ROW
    yield nn.RMSNorm(4, 1e-4), ROW
    yield nn.LocalResponseNorm(3, 0.1, 0.5, 2.0), IMAGE
    yield nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), IMAGE
    yield nn.UpsamplingNearest2d(scale_factor=2), IMAGE
    yield nn.UpsamplingBilinear2d((5, 6)), IMAGE
    yield nn.PixelShuffle(2), IMAGE
    yield nn.PixelUnshuffle(2), IMAGE
    yield nn.ChannelShuffle(2), IMAGE
    yield nn.Softmax2d(), IMAGE
    yield nn.PReLU(4, 0.1), ROW
    yield nn.GELU("tanh"), ROW
    yield nn.RReLU(0.2, 0.2), ROW
    yield nn.Threshold(0.1, 2.0), ROW
    for name in ("LeakyReLU", "ELU", "CELU", "Softplus", "Softshrink", "Hardshrink"):
        yield getattr(nn, name)(0.3), ROW
    yield nn.Hardtanh(-0.2, 0.3), ROW
    for name in ("ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardsigmoid", "Hardswish"):
        yield getattr(nn, name)(inplace=False), ROW
    for name in ("Sigmoid", "LogSigmoid", "Tanh", "Tanhshrink", "Softsign"):
        yield getattr(nn, name)(), ROW
    for name in ("Softmax", "Softmin", "LogSoftmax", "GLU"):
        yield getattr(nn, name)(1), ROW
    yield nn.RNN(4, 3, 2, "relu", batch_first=True), (2, 5, 4)
    yield nn.GRU(4, 3, bidirectional=True, bias=False), (2, 5, 4)
    yield nn.LSTM(4, 5, 2, dropout=0.1, proj_size=2), (2, 5, 4)
    yield nn.RNNCell(4, 3, nonlinearity="relu"), ROW
    yield nn.GRUCell(4, 3, bias=False), ROW
    yield nn.LSTMCell(4, 3), ROW


MADE = [*made()]


def first(result):
    while isinstance(result, tuple):
        result = result[0]
    return result


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(("layer", "shape"), MADE, ids=lambda x: type(x).__name__)
def test_a_layer_comes_back(layer, shape):
    written = json.loads(json.dumps(encode(layer)))
    twin = decode(written)
    assert (type(twin), repr(twin)) == (type(layer), repr(layer))
    twin.load_state_dict(layer.state_dict())
    x = torch.randn(shape)
    assert torch.equal(first(twin.eval()(x)), first(layer.eval()(x)))
    assert encode(twin) == written
    assert outside(written) == []


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (nn.Embedding(5, 3, padding_idx=1, max_norm=2.0), [torch.tensor([0, 4])]),
        (nn.Bilinear(4, 3, 2, bias=False), [torch.randn(2, 4), torch.randn(2, 3)]),
        (
            nn.MultiheadAttention(4, 2, 0.1, False, True, True, batch_first=True),
            [torch.randn(2, 5, 4)] * 3,
        ),
    ],
    ids=lambda x: type(x).__name__,
)
def test_a_layer_of_other_inputs_comes_back(layer, inputs):
    twin = decode(json.loads(json.dumps(encode(layer))))
    twin.load_state_dict(layer.state_dict())
    assert torch.equal(first(twin.eval()(*inputs)), first(layer.eval()(*inputs)))


def test_every_layer_that_is_listed_is_tested():
    tested = {type(layer).__name__ for layer, _ in MADE}
    assert {*layers.LAYERS} - tested == {"Embedding", "Bilinear", "MultiheadAttention"}


def test_containers_keep_the_names_of_their_parts():
    net = nn.Sequential()
    net.add_module("head", nn.Linear(2, 3))
    net.add_module("rest", nn.ModuleList([nn.ModuleDict({"a": MLP(3, 1)}), nn.Sequential()]))
    twin = decode(json.loads(json.dumps(encode(net))))
    assert repr(twin) == repr(net)
    twin.load_state_dict(net.state_dict())


def test_a_layer_that_was_changed_is_refused():
    grown = nn.Linear(2, 3)
    grown.weight = nn.Parameter(torch.zeros(4, 2))
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    renamed = nn.Dropout(0.1)
    renamed.extra_repr = lambda: "of my own"
    with pytest.raises(Refused, match=r"Linear was changed after it was built.*genus.train.built"):
        encode(grown)
    with pytest.raises(Refused, match=r"ParametrizedLinear.*genus.train.built"):
        encode(nn.Sequential(normed))
    with pytest.raises(Refused, match="Dropout was changed"):
        encode(renamed)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"class": "torch.nn.Linear", "arguments": {"in_features": 2}}, "cannot build"),
        ({"class": "torch.nn.ReLU", "arguments": {"device": "cuda"}}, "takes no device"),
        (
            {
                "class": "torch.nn.Dropout",
                "arguments": {"p": {"class": "torch.nn.Tanh", "arguments": {}}},
            },
            "must be plain",
        ),
        ({"class": "torch.nn.Sequential", "children": {"0": 3}}, "must be a module"),
        ({"class": "torch.nn.Sequential", "children": [3]}, "are not named"),
        ({"class": "torch.nn.DataParallel", "arguments": {}}, "outside genus"),
        ({"class": "torch.nn.Module", "arguments": {}}, "outside genus"),
        ({"class": "torch.load", "arguments": {"f": "x"}}, "outside genus"),
        ({"class": "torch.nn.modules.linear.Linear", "arguments": {}}, "outside genus"),
    ],
)
def test_what_is_no_plain_layer_is_refused(written, words):
    with pytest.raises(ArtifactError, match=words):
        decode(written)
