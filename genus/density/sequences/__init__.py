"""Densities of sequences: hidden Markov models, and topics of documents."""

from .hiddenmarkov import HiddenMarkov as HiddenMarkov
from .topics import LatentDirichlet as LatentDirichlet
