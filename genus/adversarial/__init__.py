"""Adversarial models: a generator that learns from a critic, and a critic that learns from both sides."""

from .dcgan import DCGAN as DCGAN
from .gan import GAN as GAN
