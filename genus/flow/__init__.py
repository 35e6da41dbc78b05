"""Flows: a known noise, bent by a map that can be undone."""

from .realnvp import RealNVP as RealNVP
