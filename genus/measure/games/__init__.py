"""Faults of adversarial training: their figures and their diagnosis."""
