"""Translation: p(b | a), from pairs or from two unpaired heaps."""

from .pix2pix import Pix2Pix as Pix2Pix
