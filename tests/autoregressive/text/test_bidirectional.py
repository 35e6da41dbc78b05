"""Two readers: the same as torch's bidirectional GRU on packed sequences."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from genus.autoregressive import Bidirectional


def test_as_torchs_own_on_packed_sequences():
    torch.set_default_dtype(torch.float64)
    layer, peer = Bidirectional(3, 4), nn.GRU(3, 4, batch_first=True, bidirectional=True)
    for name, value in layer.there.named_parameters():
        getattr(peer, name).data.copy_(value)
    for name, value in layer.back.named_parameters():
        getattr(peer, f"{name}_reverse").data.copy_(value)
    lengths = torch.tensor([5, 1, 3, 4])
    seen = torch.arange(5) < lengths[:, None]
    x = torch.randn(4, 5, 3)
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    states, ends = peer(packed)
    expected, _ = pad_packed_sequence(states, batch_first=True)
    found = layer(x, seen)
    torch.testing.assert_close(found * seen[:, :, None], expected)
    forth, back = layer.ends(found, seen)
    torch.testing.assert_close(torch.stack([forth, back]), ends)
