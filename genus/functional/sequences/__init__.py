"""Sequences: how a value is chosen, orders, sounds."""

from .choices import Choice as Choice
