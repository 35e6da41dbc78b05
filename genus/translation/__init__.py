"""Translation: p(b | a), from pairs or from two unpaired heaps."""

from .bicyclegan import BicycleGAN as BicycleGAN
from .frankengan import ChainDecoding as ChainDecoding
from .frankengan import FrankenGAN as FrankenGAN
from .pix2pix import Pix2Pix as Pix2Pix
from .style import StyleDecoding as StyleDecoding
