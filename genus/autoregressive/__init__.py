"""Autoregressive models: exact probabilities, one value after another."""

from .made import MADE as MADE
