"""Adversarial models: a generator that learns from a critic, and a critic that learns from both sides."""

from .adagan import AdaGAN as AdaGAN
from .bayesiangan import BayesianGAN as BayesianGAN
from .began import BEGAN as BEGAN
from .bsgan import BSGAN as BSGAN
from .dcgan import DCGAN as DCGAN
from .gan import GAN as GAN
from .gogan import GoGAN as GoGAN
from .mixture import GeneratorMixture as GeneratorMixture
from .unrolledgan import UnrolledGAN as UnrolledGAN
