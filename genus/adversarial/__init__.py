"""Adversarial models: a generator that learns from a critic, and a critic that learns from both sides."""

from .games.adagan import AdaGAN as AdaGAN
from .games.bayesiangan import BayesianGAN as BayesianGAN
from .games.began import BEGAN as BEGAN
from .games.bsgan import BSGAN as BSGAN
from .games.gogan import GoGAN as GoGAN
from .games.mixture import GeneratorMixture as GeneratorMixture
from .games.unrolledgan import UnrolledGAN as UnrolledGAN
from .gan import GAN as GAN
from .nets.augment import AdaptiveAugment as AdaptiveAugment
from .nets.augment import DiffAugment as DiffAugment
from .nets.dcgan import DCGAN as DCGAN
from .nets.dcgan import DCGANCritic as DCGANCritic
from .nets.dcgan import DCGANGenerator as DCGANGenerator
from .nets.maxout import MaxoutMLP as MaxoutMLP
from .nets.minibatch import MinibatchDiscrimination as MinibatchDiscrimination
from .nets.minibatch import MinibatchStddev as MinibatchStddev
from .nets.r3gan import R3GANCritic as R3GANCritic
from .nets.r3gan import R3GANGenerator as R3GANGenerator
from .nets.reconstruction import Reconstruction as Reconstruction
from .nets.reference import ReferenceNorm as ReferenceNorm
from .nets.sngan import ResNetCritic as ResNetCritic
from .nets.sngan import ResNetGenerator as ResNetGenerator
from .views import InstanceNoise as InstanceNoise
from .views import View as View
from .views import Views as Views
